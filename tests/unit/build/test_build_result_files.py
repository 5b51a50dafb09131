"""A result as an archive and as a folder: the same files, wherever they go."""

import asyncio
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scow.build.export.files import FolderOfResults, ResultFiles, tar_of
from scow.spec.sent_files import SentFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_EPOCH_S = 1_000_000_000


@dataclass
class View:
    """A folder of this machine, as a mounted result is."""

    root: int

    def close(self) -> None:
        os.close(self.root)


@contextmanager
def view(folder: Path) -> Iterator[View]:
    with closing(View(os.open(folder, _FOLDER))) as opened:
        yield opened


def result(folder: Path) -> Path:
    """Names that sort otherwise as texts than by their parts, a link, two names of one file."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("text")
    (folder / "a" / "file").write_text("one")
    (folder / "a" / "b" / "deep").write_text("deep")
    (folder / "link").symlink_to("a/file")
    os.link(folder / "a" / "file", folder / "same")
    (folder / "a" / "file").chmod(0o640)
    os.utime(folder / "a" / "file", (_EPOCH_S - 5, _EPOCH_S - 5))
    return folder


async def sent(folder: FolderOfResults) -> tuple[list[SentFile], dict[str, bytes]]:
    files, contents = [], {}
    async for file in folder.files():
        files.append(file)
        if stat.S_ISREG(file.mode):
            contents[file.path] = b"".join([piece async for piece in folder.content(file)])
    return files, contents


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {it.name: it for it in tar.getmembers()}


def contents(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        opened = {
            it.name: tar.extractfile(it) for it in tar.getmembers() if not it.issym() and not it.isdir()
        }
        return {name: file.read() for name, file in opened.items() if file is not None}


def test_an_archive_and_a_folder_have_the_same_files(tmp_path: Path) -> None:
    with view(result(tmp_path)) as root:
        results = [ResultFiles(root, added={"provenance.json": b"{}"})]
        data = b"".join(tar_of(results))
        told: list[int] = []
        with closing(FolderOfResults(results, told.append)) as folder:
            files, pieces = asyncio.run(sent(folder))
    assert set(members(data)) == {it.path for it in files}
    assert contents(data) == pieces
    assert pieces == {
        "a.txt": b"text", "a/file": b"one", "a/b/deep": b"deep", "same": b"one", "provenance.json": b"{}",
    }  # fmt: skip
    assert told[-1] == folder.sent == sum(map(len, pieces.values()))
    by_path = {it.path: it for it in files}
    assert by_path["link"].link == members(data)["link"].linkname == "a/file"
    assert by_path["a/file"].mode == stat.S_IFREG | 0o640
    assert members(data)["a/file"].mode == 0o640


def test_a_folder_is_sent_in_the_order_of_a_walk(tmp_path: Path) -> None:
    """Clients refuse a file whose folder has not come: ``a/b`` is behind ``a`` and before ``a.txt``."""
    with (
        view(result(tmp_path)) as root,
        closing(FolderOfResults([ResultFiles(root)], lambda _: None)) as folder,
    ):
        files, _ = asyncio.run(sent(folder))
    paths = [it.path for it in files]
    assert paths == ["a", "a/b", "a/b/deep", "a/file", "a.txt", "link", "same"]


def test_several_platforms_are_folders_of_one_result(tmp_path: Path) -> None:
    for name in ("amd64", "arm64"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    with view(tmp_path / "amd64") as first, view(tmp_path / "arm64") as second:
        results = [
            ResultFiles(first, "linux_amd64", {"sbom.spdx.json": b"1"}),
            ResultFiles(second, "linux_arm64", {"sbom.spdx.json": b"2"}),
        ]
        data = b"".join(tar_of(results))
        with closing(FolderOfResults(results, lambda _: None)) as folder:
            files, pieces = asyncio.run(sent(folder))
    assert contents(data) == pieces
    assert pieces == {
        "linux_amd64/which": b"amd64", "linux_amd64/sbom.spdx.json": b"1",
        "linux_arm64/which": b"arm64", "linux_arm64/sbom.spdx.json": b"2",
    }  # fmt: skip
    assert [it.path for it in files if stat.S_ISDIR(it.mode)] == ["linux_amd64", "linux_arm64"]


def test_no_time_is_later_than_the_epoch_that_was_given(tmp_path: Path) -> None:
    with view(result(tmp_path)) as root:
        results = [ResultFiles(root, "linux_amd64", {"added": b""}, epoch_s=_EPOCH_S)]
        archived = members(b"".join(tar_of(results)))
        with closing(FolderOfResults(results, lambda _: None)) as folder:
            files, _ = asyncio.run(sent(folder))
    assert max(it.mtime for it in archived.values()) == _EPOCH_S
    assert max(it.mtime_ns for it in files) == _EPOCH_S * 1_000_000_000
    older = "linux_amd64/a/file"
    assert archived[older].mtime == _EPOCH_S - 5
    assert {it.path: it.mtime_ns for it in files}[older] == (_EPOCH_S - 5) * 1_000_000_000


def test_the_same_files_are_the_same_archive(tmp_path: Path) -> None:
    archives = []
    for name in ("first", "second"):
        with view(result(tmp_path / name)) as root:
            archives.append(b"".join(tar_of([ResultFiles(root, epoch_s=1, added={"b": b"", "a": b""})])))
    assert archives[0] == archives[1]


def test_a_result_without_layers_has_only_what_is_added() -> None:
    results = [ResultFiles(None, added={"provenance.json": b"{}"})]
    assert set(members(b"".join(tar_of(results)))) == {"provenance.json"}
    with closing(FolderOfResults(results, lambda _: None)) as folder:
        files, pieces = asyncio.run(sent(folder))
    assert [it.path for it in files] == ["provenance.json"]
    assert stat.S_IMODE(files[0].mode) == 0o600
    assert pieces == {"provenance.json": b"{}"}
