"""Chunked bodies, cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.client.chunked import ChunkDecoder


def _encode(chunks: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 9), st.binary(max_size=20))
def test_what_was_encoded_comes_out_however_it_is_cut(chunks: list[bytes], step: int, behind: bytes) -> None:
    decoder = ChunkDecoder()
    data = _encode(chunks) + behind
    content = b""
    position = 0
    while not decoder.done:
        content += decoder.feed(data[position : position + step])
        position += step
    assert content == b"".join(chunks)
    assert decoder.rest + data[position:] == behind


def test_extensions_and_trailers_are_skipped() -> None:
    decoder = ChunkDecoder()
    assert decoder.feed(b"3;name=value\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\nnext") == b"abc"
    assert decoder.done
    assert decoder.rest == b"next"


@pytest.mark.parametrize("data", [b"zz\r\n", b"-5\r\nabc", b"+3\r\nabc", b"1_0\r\n", b";x\r\n"])
def test_a_size_that_is_no_number_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"malformed|invalid"):
        ChunkDecoder().feed(data)
