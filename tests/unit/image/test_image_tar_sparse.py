"""Sparse files of GNU tar's four formats, as GNU tar itself writes them, and maps that cannot be."""

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError
from scow.image.tar.reader import TarReader
from scow.image.tar.sparse import SparseFile, is_sparse, join_pairs, of_old_header, of_records
from tests.support.sparse_files import FORMATS

_FORMATS = [pytest.param(options, id=kind) for kind, options in sorted(FORMATS.items())]
_MIB = 1 << 20


def _make(folder: Path, segments: list[tuple[int, bytes]], size: int) -> bytes:
    with open(folder / "holes", "wb") as file:
        file.truncate(size)
        for offset, data in segments:
            file.seek(offset)
            file.write(data)
    (folder / "plain").write_bytes(b"after it\n")
    return (folder / "holes").read_bytes()


def _archive(folder: Path, *options: str) -> bytes:
    command = ("tar", "-S", *options, "-C", str(folder), "-c", "holes", "plain")
    return subprocess.run(command, check=True, capture_output=True).stdout


def _contents(archive: bytes, on_raw: Callable[[bytes], None] | None = None) -> dict[str, bytes]:
    reader = TarReader(io.BytesIO(archive), sparse=True, on_raw=on_raw)
    found = {}
    for entry in reader:
        content = bytearray()
        while piece := reader.read(100_000):
            content += piece
        found[entry.name] = bytes(content)
        assert len(content) == entry.size
    return found


@pytest.mark.parametrize("options", _FORMATS)
@pytest.mark.parametrize(
    ("segments", "size"),
    [
        pytest.param([(_MIB, b"middle")], 3 * _MIB, id="in-the-middle"),
        pytest.param([(0, b"first"), (2 * _MIB, b"last" * 1024)], 2 * _MIB + 4096, id="at-both-ends"),
        pytest.param([], _MIB, id="nothing"),
        pytest.param([(at * 16_384, b"x" * 700) for at in range(60)], 60 * 16_384, id="many"),
    ],
)
def test_what_gnu_tar_writes_is_read(
    tmp_path: Path, options: tuple[str, ...], segments: list[tuple[int, bytes]], size: int
) -> None:
    content = _make(tmp_path, segments, size)
    archive = _archive(tmp_path, *options)
    assert len(archive) < size, "tar has left the holes out"
    assert _contents(archive) == {"holes": content, "plain": b"after it\n"}


@pytest.mark.parametrize("options", _FORMATS)
def test_all_of_the_archive_but_plain_contents_is_told_raw(tmp_path: Path, options: tuple[str, ...]) -> None:
    """So that a layer's tar is made again byte for byte, whatever the file system does with holes."""
    _make(tmp_path, [(_MIB, b"middle")], 3 * _MIB)
    archive = _archive(tmp_path, *options)
    raw = bytearray()
    reader = TarReader(io.BytesIO(archive), sparse=True, on_raw=raw.extend)
    for entry in reader:
        while reader.pass_hole() or reader.read(1000):
            pass
        assert entry.is_sparse == (entry.name == "holes")
    reader.drain()
    assert bytes(raw) == archive.replace(b"after it\n", b"", 1)


@pytest.mark.parametrize("options", _FORMATS)
def test_holes_can_be_passed_over(tmp_path: Path, options: tuple[str, ...]) -> None:
    _make(tmp_path, [(_MIB, b"middle")], 3 * _MIB)
    reader = TarReader(io.BytesIO(_archive(tmp_path, *options)), sparse=True)
    next(iter(reader))
    read = passed = 0
    while True:
        if hole := reader.pass_hole():
            passed += hole
        elif piece := reader.read(1 << 20):
            read += len(piece)
        else:
            break
    assert (read + passed, read <= 65_536) == (3 * _MIB, True)


@pytest.mark.parametrize("options", _FORMATS)
def test_who_has_no_use_for_them_refuses_them(tmp_path: Path, options: tuple[str, ...]) -> None:
    _make(tmp_path, [(_MIB, b"middle")], 3 * _MIB)
    with pytest.raises(InvalidArgumentError, match="holes: sparse files in archives are not supported"):
        next(iter(TarReader(io.BytesIO(_archive(tmp_path, *options)))))


@pytest.mark.parametrize("options", _FORMATS)
def test_an_archive_that_is_cut_off_is_no_archive(tmp_path: Path, options: tuple[str, ...]) -> None:
    _make(tmp_path, [(at * 16_384, os.urandom(700)) for at in range(30)], 30 * 16_384)
    archive = _archive(tmp_path, *options)
    for end in range(513, len(archive) - 10_240, 5000):
        with pytest.raises(InvalidArgumentError):
            _contents(archive[:end])


@pytest.mark.parametrize(
    ("segments", "size", "stored"),
    [
        ([(0, 10)], 5, 10),
        ([(0, 10), (5, 10)], 20, 20),
        ([(10, 5), (0, 5)], 20, 10),
        ([(0, 10)], 20, 11),
        ([(0, -1)], 20, -1),
        ([(0, 1)], 1 << 63, 1),
    ],
)
def test_maps_that_cannot_be(segments: list[tuple[int, int]], size: int, stored: int) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid tar header"):
        SparseFile(segments, size, stored)


def _blocks(*blocks: bytes) -> Callable[[], bytes]:
    left = [block.ljust(512, b"\0") for block in blocks]
    return lambda: left.pop(0)


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.map": b"0,10,20"},
        {"GNU.sparse.map": b"0,10", "GNU.sparse.size": b"x"},
        {"GNU.sparse.map": b"0,-10", "GNU.sparse.size": b"100"},
        {"GNU.sparse.map": b"," * 300_000, "GNU.sparse.size": b"100"},
        {"GNU.sparse.major": b"2", "GNU.sparse.minor": b"0"},
        {"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0"},
    ],
)
def test_headers_that_make_no_sense(records: dict[str, bytes]) -> None:
    assert is_sparse(records)
    with pytest.raises(InvalidArgumentError):
        of_records(records, 10, _blocks())


@pytest.mark.parametrize("block", [b"x\n", b"1\n2\n", b"999999999\n", b"1" * 512, b"\n" * 512])
def test_a_map_in_the_content_that_makes_no_sense(block: bytes) -> None:
    records = {"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0", "GNU.sparse.realsize": b"100"}
    with pytest.raises(InvalidArgumentError):
        of_records(records, 512, _blocks(block))


def test_an_old_header_without_end() -> None:
    header = b"1".rjust(483).ljust(512)
    with pytest.raises(InvalidArgumentError, match="invalid tar header"):
        of_old_header(header, 0, lambda: b"1" * 512, lambda _field: 0)


def test_repeated_records_are_one_map() -> None:
    records: dict[str, bytes] = {}
    for key, value in (("offset", b"1"), ("numbytes", b"2"), ("offset", b"3"), ("numbytes", b"4")):
        assert join_pairs(records, f"GNU.sparse.{key}", value)
    assert not join_pairs(records, "path", b"x")
    assert records == {"GNU.sparse.map": b"1,2,3,4"}
