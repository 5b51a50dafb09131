"""Framed streams, cut anywhere."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.client.multiplex import STDERR, STDOUT, Demultiplexer


def _frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


@given(
    st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=30)), max_size=15),
    st.integers(1, 13),
)
def test_each_stream_keeps_its_bytes_and_their_order(frames: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(_frame(*frame) for frame in frames)
    demultiplexer = Demultiplexer()
    got = {STDOUT: b"", STDERR: b""}
    for position in range(0, len(data), step):
        for stream, run in demultiplexer.feed(data[position : position + step]):
            got[stream] += run
    for stream, found in got.items():
        assert found == b"".join(payload for own, payload in frames if own == stream)


def test_neighbouring_frames_of_one_stream_come_joined() -> None:
    data = _frame(1, b"a\n") + _frame(1, b"b\n") + _frame(2, b"c\n") + _frame(1, b"d\n")
    assert list(Demultiplexer().feed(data)) == [(1, b"a\nb\n"), (2, b"c\n"), (1, b"d\n")]


def test_a_header_of_no_known_stream_is_an_error() -> None:
    with pytest.raises(ValueError, match="Unrecognized input header: 72"):
        list(Demultiplexer().feed(b"HTTP/1.1 200 OK"))
