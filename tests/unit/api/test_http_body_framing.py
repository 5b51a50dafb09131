from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.http.answer import LAST_CHUNK, encode_chunk
from scow.api.http.body_framing import BadBodyError, ChunkedDecoder, LengthDecoder


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(point % (len(data) + 1) for point in points)})
    return [data[a:b] for a, b in pairwise(edges)]


def feed_all(decoder: ChunkedDecoder | LengthDecoder, parts: list[bytes]) -> tuple[bytes, bytes]:
    body = rest = b""
    for part in parts:
        if decoder.done:
            rest += part
        else:
            body += decoder.feed(part)
            rest += decoder.rest if decoder.done else b""
    return body, rest


@given(
    st.lists(st.binary(min_size=1, max_size=50)), st.binary(max_size=50), st.lists(st.integers(min_value=0))
)
def test_a_chunked_body_comes_out_whole_however_it_is_cut(
    chunks: list[bytes], following: bytes, points: list[int]
) -> None:
    wire = b"".join(map(encode_chunk, chunks)) + LAST_CHUNK + following
    decoder = ChunkedDecoder()
    assert feed_all(decoder, cut(wire, points)) == (b"".join(chunks), following)
    assert decoder.done


@given(st.binary(min_size=1, max_size=50), st.binary(max_size=50), st.lists(st.integers(min_value=0)))
def test_a_body_of_known_length_comes_out_whole_however_it_is_cut(
    body: bytes, following: bytes, points: list[int]
) -> None:
    decoder = LengthDecoder(len(body))
    assert feed_all(decoder, cut(body + following, points)) == (body, following)
    assert decoder.done


def test_extensions_and_trailers_are_dropped() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"3;name=value\r\nabc\r\n0\r\nDigest: x\r\n\r\nnext") == b"abc"
    assert decoder.done
    assert decoder.rest == b"next"


@pytest.mark.parametrize(
    "wire",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x3\r\nabc\r\n",
        b"\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabcXY",
        b"fffffffffffffffff\r\n",
        b"1" * 5000,
        b"3;" + b"e" * 5000 + b"\r\n",
        b"0\r\n" + b"A: b\r\n" * 5000,
        b"3\nabc\n",
    ],
)
def test_broken_chunks_are_an_error_and_never_wait_for_more(wire: bytes) -> None:
    with pytest.raises(BadBodyError):
        feed_all(ChunkedDecoder(), [wire, b"\r\n" * 3])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=10))
def test_any_bytes_decode_or_are_refused(parts: list[bytes]) -> None:
    decoder = ChunkedDecoder()
    try:
        feed_all(decoder, parts)
    except BadBodyError:
        pass
