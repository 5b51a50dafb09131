"""What the key of a COPY is made of: everything that is copied, and nothing that a fresh clone changes."""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.build.execute.content_digest import content_digest
from scow.build.execute.selection import select
from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Node

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


def digest_of(
    folder: Path,
    *sources: str,
    with_owners: bool = False,
    excludes: Sequence[str] = (),
    parents: bool = False,
) -> str:
    with closing(FolderTree(os.open(folder, _FOLDER), with_owners=with_owners)) as tree:
        selection = select(tree, sources or (".",), excludes=excludes, parents=parents)
        return content_digest(selection, with_owners=with_owners)


def project(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.py").write_text("print(1)\n")
    (folder / "src" / "link").symlink_to("main.py")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    for path in (folder, folder / "src"):
        path.chmod(0o755)
    for path in (folder / "src" / "main.py", folder / "run.sh"):
        path.chmod(0o644)
    return folder


def test_a_fresh_clone_is_the_same_content(tmp_path: Path) -> None:
    first, second = project(tmp_path / "first"), project(tmp_path / "second")
    os.utime(second / "run.sh", ns=(1, 1))
    os.utime(second / "src", ns=(1, 1))
    assert digest_of(first) == digest_of(second)


def append(path: Path) -> None:
    path.write_text(path.read_text() + "#")


def other_link(folder: Path) -> None:
    (folder / "src" / "link").unlink()
    (folder / "src" / "link").symlink_to("other")


def other_kind(folder: Path) -> None:
    (folder / "src" / "link").unlink()
    (folder / "src" / "link").write_text("main.py")


def fifo(folder: Path) -> None:
    (folder / "run.sh").unlink()
    os.mkfifo(folder / "run.sh", 0o644)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda it: append(it / "src" / "main.py"),
    "mode": lambda it: (it / "run.sh").chmod(0o755),
    "mode of a folder": lambda it: (it / "src").chmod(0o700),
    "name": lambda it: (it / "run.sh").rename(it / "start.sh"),
    "folder": lambda it: (it / "run.sh").rename(it / "src" / "run.sh"),
    "one more": lambda it: (it / "src" / "empty").touch(),
    "one more folder": lambda it: (it / "src" / "empty").mkdir(),
    "one less": lambda it: (it / "run.sh").unlink(),
    "link": other_link,
    "kind": other_kind,
    "fifo": fifo,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_is_copied_counts(tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = project(tmp_path / "project")
    before = digest_of(folder)
    change(folder)
    assert digest_of(folder) != before


def test_owners_and_attributes_count_where_they_are_kept() -> None:
    def digest(**changed: Any) -> str:
        class Tree(MemoryTree):
            def node(self, path: str) -> Node | None:
                found = super().node(path)
                return replace(found, **changed) if found is not None and found.is_file else found

        selection = select(Tree({"file": b"x"}), ["."])
        return content_digest(selection, with_owners=True)

    plain = digest()
    assert digest(uid=1) != plain
    assert digest(gid=1) != plain
    assert digest(xattrs=(("security.capability", b"1"),)) != plain
    assert digest(mtime_ns=5, size=9, inode=3) == plain


def test_what_a_step_does_not_copy_does_not_count(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    before = digest_of(folder, "src")
    append(folder / "run.sh")
    assert digest_of(folder, "src") == before
    before = digest_of(folder, ".", excludes=["src"])
    append(folder / "src" / "main.py")
    assert digest_of(folder, ".", excludes=["src"]) == before


def test_the_name_that_a_file_has_at_its_target_counts(tmp_path: Path) -> None:
    """``COPY a /`` and ``COPY b /`` of the same bytes are two things, ``COPY dir/ /`` is not named."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
        (tmp_path / f"{name}.txt").write_text("x")
    assert digest_of(tmp_path, "a.txt") != digest_of(tmp_path, "b.txt")
    assert digest_of(tmp_path, "a/file", parents=True) != digest_of(tmp_path, "b/file", parents=True)


def test_the_mode_of_a_symlink_says_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    with closing(FolderTree(os.open(folder, _FOLDER), with_owners=False)) as tree:
        node = tree.node("src/link")
        assert node is not None
        assert stat.S_IMODE(node.mode) == 0o777
        selection = select(tree, ["src/link"], follows=False)
        (chosen,) = selection.chosen
        assert chosen.node.is_symlink
        found = content_digest(selection, with_owners=False)
    with closing(NarrowLinks(os.open(folder, _FOLDER), with_owners=False)) as tree:
        assert content_digest(select(tree, ["src/link"], follows=False), with_owners=False) == found


class NarrowLinks(FolderTree):
    """As a file system that gives symlinks what the umask left."""

    def node(self, path: str) -> Node | None:
        found = super().node(path)
        return replace(found, mode=stat.S_IFLNK | 0o755) if found is not None and found.is_symlink else found


NAMES = st.text("abc", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, st.binary(max_size=8), min_size=1, max_size=4), st.data())
def test_two_sets_of_files_are_the_same_only_if_all_of_them_are(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    others = data.draw(st.one_of(st.just(dict(files)), st.dictionaries(NAMES, st.binary(max_size=8))))
    first, second = (
        content_digest(select(MemoryTree(it, mtime_ns=age), ["."]), with_owners=False)
        for it, age in ((files, 1), (others, 2))
    )
    assert (first == second) == (files == others)
