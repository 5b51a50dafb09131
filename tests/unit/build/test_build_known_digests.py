"""Digests of files that are read in place: remembered while nothing can have changed, never longer."""

import os
import time
from pathlib import Path

import pytest

from scow.build.trees.folder import FileContent, FolderTree
from scow.build.trees.ignored import IgnoringTree
from scow.build.trees.known_digests import KnownDigests, file_of, state_of
from scow.build.trees.tree import Node
from scow.spec.ignore_rules import ignore_rules

_SETTLED_S = 3.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files were written long ago, as far as the tree can tell."""
    place = tmp_path / "context"
    place.mkdir()
    (place / "a").write_bytes(b"one")
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(_SETTLED_S * 1e9))
    return place


class CountingTree(FolderTree):
    """``reads``: how often a file was opened for what is in it."""

    reads = 0

    def open(self, node: Node) -> FileContent:
        self.reads += 1
        return super().open(node)


def digest_of(folder: Path, kept: Path) -> tuple[bytes, int]:
    """The digest of file ``a``, and how often it was read for it."""
    known = KnownDigests(kept)
    tree = CountingTree(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), with_owners=False, known=known)
    node = tree.node("a")
    assert node is not None
    digest = tree.digest(node)
    tree.close()
    known.save()
    return digest, tree.reads


def test_what_did_not_change_is_not_read_again(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "digests/x"
    first, reads = digest_of(folder, kept)
    assert reads == 1
    assert digest_of(folder, kept) == (first, 0)


@pytest.mark.parametrize("how", ["rewritten", "replaced", "backdated"])
def test_what_changed_is_read(folder: Path, tmp_path: Path, how: str) -> None:
    kept = tmp_path / "digests/x"
    first, _ = digest_of(folder, kept)
    before = os.stat(folder / "a")
    if how == "replaced":
        (folder / "b").write_bytes(b"two")
        os.rename(folder / "b", folder / "a")
    else:
        (folder / "a").write_bytes(b"two")
    if how == "backdated":
        os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    second, reads = digest_of(folder, kept)
    assert reads == 1
    assert second != first


def test_what_was_written_a_moment_ago_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    known = KnownDigests(tmp_path / "x")
    state = state_of(os.stat(folder / "a"))
    known.remember(state, bytes(32), read_at_ns=os.stat(folder / "a").st_ctime_ns + 1)
    known.save()
    assert KnownDigests(tmp_path / "x").find(state) is None


def test_a_damaged_file_is_none(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "digests/x"
    digest_of(folder, kept)
    data = bytearray(kept.read_bytes())
    data[50] ^= 1
    kept.write_bytes(data)
    assert digest_of(folder, kept)[1] == 1


def test_only_so_many_folders_are_remembered(folder: Path, tmp_path: Path) -> None:
    for number in range(40):
        digest_of(folder, tmp_path / f"digests/{number}")
    names = {entry.name for entry in (tmp_path / "digests").iterdir()}
    assert len(names) == 32
    assert "39" in names


def test_each_folder_has_its_own_file(folder: Path, tmp_path: Path) -> None:
    assert file_of(tmp_path, os.stat(folder)) != file_of(tmp_path, os.stat(tmp_path))


@pytest.mark.parametrize("how", ["as it was", "longer", "replaced", "appended to while it is read"])
def test_a_tree_says_whether_what_was_read_is_what_was_looked_at(
    folder: Path, tmp_path: Path, how: str
) -> None:
    known = KnownDigests(tmp_path / "x")
    tree = IgnoringTree(
        FolderTree(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), with_owners=False, known=known),
        ignore_rules(["b"]),
    )
    node = tree.node("a")
    assert node is not None
    if how == "longer":
        (folder / "a").write_bytes(b"more than one")
    if how == "replaced":
        (folder / "b").write_bytes(b"two")
        os.rename(folder / "b", folder / "a")
    content = tree.open(node)
    if how.startswith("appended"):
        (folder / "a").write_bytes(b"more than one")
    assert content.read(3)
    content.close()
    tree.close()
    assert tree.is_settled == (how == "as it was")
