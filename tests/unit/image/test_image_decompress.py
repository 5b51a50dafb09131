"""Compressed streams: recognised, bounded, and checked to their end."""

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable

import pytest
import zstandard

from scow.errors import InvalidArgumentError
from scow.image.decompress import codec_of, decompressed

DATA = os.urandom(1000) * 300
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def unpack(data: bytes) -> bytes:
    reader = decompressed(io.BytesIO(data))
    result = b""
    while piece := reader.read(50_000):
        assert len(piece) <= 50_000
        result += piece
    return result


@pytest.mark.parametrize("name", PACKERS)
def test_each_format_is_recognised_and_read(name: str) -> None:
    assert unpack(PACKERS[name](DATA)) == DATA
    assert codec_of(PACKERS[name](DATA)[:6])


@pytest.mark.parametrize("name", PACKERS)
def test_streams_may_follow_each_other(name: str) -> None:
    assert unpack(PACKERS[name](DATA[:1000]) + PACKERS[name](DATA[1000:])) == DATA


@pytest.mark.parametrize("data", [b"", b"x", b"plain text", DATA])
def test_anything_else_is_its_own_content(data: bytes) -> None:
    assert unpack(data) == data
    assert not codec_of(data[:6])


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_cut_stream_is_an_error(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{name} stream is damaged"):
        unpack(PACKERS[name](DATA)[:-20])


@pytest.mark.parametrize("name", PACKERS)
def test_a_damaged_stream_is_an_error(name: str) -> None:
    data = bytearray(PACKERS[name](DATA))
    data[len(data) // 2 : len(data) // 2 + 20] = b"\xff" * 20
    with pytest.raises(InvalidArgumentError):
        unpack(bytes(data))


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_comes_in_the_pieces_that_were_asked_for(name: str) -> None:
    bomb = PACKERS[name](bytes(30 << 20))
    reader = decompressed(io.BytesIO(bomb))
    assert 0 < len(reader.read(1 << 16)) <= 1 << 16
