"""The chunk encoder against the plain way: one json.dumps a line."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.logs.json_encoder import PIECE_BYTES, JsonLineEncoder, rfc3339_nano

NOW = 1_714_557_600_123_456_789
NASTY = (
    b'plain\n"quoted" \\back\\slash \\n not a newline\n\ttab\rreturn\x00\x01\x1f\x7f\n'
    b'","stream":"stderr"}\n{"log":"fake\n\n\xc3\xa9t\xc3\xa9 \xf0\x9f\x90\xb3\n\xe2\x80\xa8\n</script>&\n'
)


def lines(encoder: JsonLineEncoder, chunk: bytes, stream: int = 1) -> list[dict[str, str]]:
    encoded = encoder.feed(stream, chunk, NOW)
    assert not encoded or encoded.endswith(b"\n")
    return [json.loads(line) for line in encoded.split(b"\n")[:-1]]


def texts(encoder: JsonLineEncoder, *chunks: bytes) -> list[str]:
    return [line["log"] for chunk in chunks for line in lines(encoder, chunk)]


def new() -> JsonLineEncoder:
    return JsonLineEncoder(b"", {})


def go_decoded(data: bytes) -> str:
    """UTF-8 as Go reads it: each byte that is part of no character is one U+FFFD."""
    text, position = "", 0
    while position < len(data):
        for length in (1, 2, 3, 4):
            try:
                text += data[position : position + length].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            text, length = text + "\ufffd", 1
        position += length
    return text


def test_a_line_has_dockers_keys_in_dockers_order() -> None:
    assert new().feed(1, b"hi\n", NOW) == (
        b'{"log":"hi\\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}\n'
    )


def test_what_is_escaped_is_what_gos_encoder_escapes() -> None:
    """As dockerd 20.10 and 26.1 wrote it, byte for byte."""
    output = b'a<b>&c\tx\b\f\r\x01\x7f"\\\\t\xff\xe2\x80\xa8 \xef\xbf\xbd end\n'
    output += "plain é “\n\u2029\n".encode()
    texts = [line.split(b'","stream"')[0] for line in new().feed(1, output, NOW).split(b"\n")[:-1]]
    assert texts == [
        rb'{"log":"a\u003cb\u003e\u0026c\u0009x\u0008\u000c\r\u0001'
        + b'\x7f\\"\\\\\\\\t\\ufffd\\u2028 \xef\xbf\xbd end\\n',
        '{"log":"plain é “\\n'.encode(),
        rb'{"log":"\u2029\n',
    ]
    encoder = new()
    encoder.feed(1, b"part<", NOW)
    assert encoder.finish(NOW).startswith(rb'{"log":"part\u003c"')


def test_attributes_stand_before_the_time() -> None:
    encoded = JsonLineEncoder(b'{"a":"b"}', {}).feed(2, b"x\n", NOW)
    assert encoded.startswith(b'{"log":"x\\n","stream":"stderr","attrs":{"a":"b"},"time":"')


def test_nasty_lines_read_back_as_they_were() -> None:
    assert texts(new(), NASTY) == [line + "\n" for line in NASTY.decode().split("\n")[:-1]]


@given(st.lists(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), min_size=1, max_size=8))
def test_any_bytes_read_back_as_go_would_read_them(parts: list[bytes]) -> None:
    chunk = b"\n".join(parts) + b"\n"
    assert texts(new(), chunk) == [go_decoded(line) + "\n" for line in chunk.split(b"\n")[:-1]]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_how_output_is_cut_into_chunks_does_not_matter(output: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(output)]
    chunks = [output[start:end] for start, end in itertools.pairwise(places)]
    piecewise, whole = new(), new()
    assert texts(piecewise, *chunks) == texts(whole, output)
    assert piecewise.finish(NOW) == whole.finish(NOW)


def test_one_replacement_character_for_each_bad_byte() -> None:
    assert texts(new(), b"\xff\xe2\x82x\xed\xa0\x80\n") == ["\ufffd" * 3 + "x" + "\ufffd" * 3 + "\n"]


@pytest.mark.parametrize("length", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5])
@pytest.mark.parametrize("chunk_bytes", [1000, 4096, 65536, 1 << 20])
def test_a_long_line_is_cut_into_pieces_of_16_kib(length: int, chunk_bytes: int) -> None:
    output = b"a\n" + b"x" * length + b"\nb\n"
    chunks = [output[at : at + chunk_bytes] for at in range(0, len(output), chunk_bytes)]
    got = texts(new(), *chunks)
    whole, rest = divmod(length, PIECE_BYTES)
    assert got == ["a\n", *["x" * PIECE_BYTES] * whole, "x" * rest + "\n", "b\n"]


def test_the_last_line_needs_no_newline() -> None:
    encoder = new()
    assert texts(encoder, b"one\ntwo") == ["one\n"]
    assert json.loads(encoder.finish(NOW))["log"] == "two"
    assert encoder.finish(NOW) == b""


def test_streams_do_not_share_a_line() -> None:
    encoder = new()
    assert texts(encoder, b"out") == []
    assert lines(encoder, b"err\n", stream=2)[0]["log"] == "err\n"
    assert texts(encoder, b"put\n") == ["output\n"]


def test_an_unfinished_line_can_be_carried_to_another_encoder() -> None:
    first = new()
    first.feed(1, b"half", NOW)
    assert texts(JsonLineEncoder(b"", first.carry), b" and half\n") == ["half and half\n"]


def test_times_have_nine_digits() -> None:
    assert rfc3339_nano(5) == "1970-01-01T00:00:00.000000005Z"
