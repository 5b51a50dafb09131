"""Trees that several threads read, and what strangers may not put into one."""

import asyncio
import io
import os
import stat
import tarfile
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from scow.build.trees import spooled
from scow.build.trees.archive import receive_archive
from scow.build.trees.file_table import Place
from scow.build.trees.folder import FolderTree
from scow.build.trees.spooled import SpooledTree, unnamed_file
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError

_FILE = stat.S_IFREG | 0o644
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_ROUNDS = 3000


def test_threads_that_copy_from_one_folder_get_the_files_that_they_ask_for(tmp_path: Path) -> None:
    """Two stages, each with a COPY of another part of a context that is read in place."""
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "name").write_text(part)
    wrong: list[object] = []

    def copy(part: str) -> None:
        node = Node(f"{part}/name", _FILE)
        for _ in range(_ROUNDS):
            try:
                with closing(tree.open(node)) as content:
                    if (data := content.read(10)) != part.encode():
                        wrong.append(data)
                if [it.path for it in tree.children(part)] != [node.path] or tree.node(node.path) is None:
                    wrong.append(part)
            except OSError as exc:
                wrong.append(exc)

    with closing(FolderTree(os.open(tmp_path, _FOLDER), with_owners=False)) as tree:
        threads = [threading.Thread(target=copy, args=(part,)) for part in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def received(archive: bytes, folder: Path) -> SpooledTree:
    async def chunks() -> AsyncIterator[bytes]:
        yield archive

    return asyncio.run(receive_archive(chunks(), str(folder)))


def archive_of(*members: tarfile.TarInfo) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member)
    return data.getvalue()


@pytest.mark.parametrize("depth", [401, 2000])
def test_a_file_in_too_many_folders_is_refused_with_the_reason(depth: int, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="in more than 400 folders"):
        received(archive_of(tarfile.TarInfo("d/" * depth + "file")), tmp_path)


def test_a_file_in_as_many_folders_as_are_allowed(tmp_path: Path) -> None:
    with closing(received(archive_of(tarfile.TarInfo("d/" * 400 + "file")), tmp_path)) as tree:
        assert tree.node("d/" * 400 + "file") is not None


def test_other_names_and_folders_that_nobody_named_count_as_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled, "_MAX_ENTRIES", 10)
    with closing(SpooledTree(unnamed_file(str(tmp_path)))) as tree:
        tree.add(Node("file", _FILE), Place(0, b""))
        for number in range(9):
            assert tree.add_link(f"link{number}", "file")
        with pytest.raises(InvalidArgumentError, match="more than 10 entries"):
            tree.add_link("one more", "file")
    with (
        closing(SpooledTree(unnamed_file(str(tmp_path)))) as tree,
        pytest.raises(InvalidArgumentError, match="more than 10 entries"),
    ):
        tree.add(Node("1/2/3/4/5/6/7/8/9/10/11", _FILE), Place(0, b""))


def test_an_entry_that_takes_the_place_of_another_is_no_entry_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled, "_MAX_ENTRIES", 2)
    with closing(SpooledTree(unnamed_file(str(tmp_path)))) as tree:
        for number in range(5):
            tree.add(Node("file", _FILE, size=number), Place(0, b""))
        assert tree.node("file") == Node("file", _FILE, size=4)


def test_contents_that_were_cut_off_are_no_shorter_file(tmp_path: Path) -> None:
    fd = unnamed_file(str(tmp_path))
    os.write(fd, b"1234")
    with closing(SpooledTree(fd)) as tree:
        node = Node("file", _FILE, size=6)
        tree.add(node, Place(0, b""))
        content = tree.open(node)
        assert content.read(10) == b"1234"
        with pytest.raises(OSError, match="shorter than it was"):
            content.read(10)
