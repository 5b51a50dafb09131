"""Headers that are written are read back the same, by us and by Python's tarfile."""

import io
import os
import tarfile

import pytest

from scow.image.tar import reader as tar_reader
from scow.image.tar.headers import END_OF_ARCHIVE, encode_header, encode_pax_record, padding
from scow.image.tar.reader import Entry, TarReader


def read_back(data: bytes) -> Entry:
    (entry,) = TarReader(io.BytesIO(data + END_OF_ARCHIVE))
    return entry


@pytest.mark.parametrize(
    "name",
    [
        *(b"a", b"n" * 100, b"n" * 101, b"d/" * 200 + b"f", "ä".encode(), b"\xff\xfe", b"line\nbreak"),
        b"n" * 255 + b"/" + b"m" * 255,
    ],
    ids=["short", "fits", "one more", "deep", "utf-8", "not utf-8", "line break", "long parts"],
)
def test_names(name: bytes) -> None:
    header = encode_header(name, tar_reader.SYMLINK, mode=0o777, link=name)
    assert len(header) % 512 == 0
    entry = read_back(header)
    assert (os.fsencode(entry.name), os.fsencode(entry.link)) == (name, name)
    (member,) = tarfile.open(
        fileobj=io.BytesIO(header + END_OF_ARCHIVE), errors="surrogateescape"
    ).getmembers()
    assert (os.fsencode(member.name), os.fsencode(member.linkname)) == (name, name)


@pytest.mark.parametrize("number", [0, 0o7777777, 0o7777777 + 1, (1 << 32) - 2])
def test_owners(number: int) -> None:
    entry = read_back(encode_header(b"x", tar_reader.DIRECTORY, mode=0o1777, uid=number, gid=number))
    assert (entry.uid, entry.gid, entry.mode) == (number, number, 0o1777)


@pytest.mark.parametrize("seconds", [0, 1_700_000_000, 0o77777777777 + 1, -5])
def test_times(seconds: int) -> None:
    entry = read_back(encode_header(b"x", tar_reader.FIFO, mode=0o644, mtime_s=seconds))
    assert entry.mtime_ns == seconds * 1_000_000_000


def test_a_size_beyond_what_ustar_can_say() -> None:
    size = (8 << 30) + 5
    entry = next(iter(TarReader(io.BytesIO(encode_header(b"x", tar_reader.REGULAR, mode=0, size=size)))))
    assert entry.size == size


def test_devices_and_attributes() -> None:
    xattrs = {"user.b": b"\0=\n", "security.capability": bytes(range(20)), "user.a=b": b"cannot be said"}
    device = os.makedev(4095, 1048575)
    entry = read_back(
        encode_header(b"x", tar_reader.CHARACTER_DEVICE, mode=0o600, device=device, xattrs=xattrs)
    )
    assert entry.device == device
    assert entry.xattrs == {key: xattrs[key] for key in ("user.b", "security.capability")}


def test_the_same_entry_gives_the_same_bytes() -> None:
    one, other = (dict.fromkeys(keys, b"v") for keys in (("user.a", "user.b"), ("user.b", "user.a")))
    headers = {encode_header(b"x" * 200, tar_reader.REGULAR, mode=0o644, xattrs=it) for it in (one, other)}
    assert len(headers) == 1


@pytest.mark.parametrize("size", range(85, 105))
def test_a_record_counts_its_own_length(size: int) -> None:
    record = encode_pax_record(b"key", b"v" * size)
    assert int(record.split(b" ")[0]) == len(record)


def test_padding_fills_blocks() -> None:
    assert [len(padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
