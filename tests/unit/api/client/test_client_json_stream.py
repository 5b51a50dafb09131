"""JSON values in a stream."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.client.json_stream import iterate_json

_OBJECTS = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=8), st.none()))


@given(st.lists(_OBJECTS, max_size=6), st.integers(1, 11), st.sampled_from(["", "\n", "\r\n"]), st.booleans())
def test_values_come_out_however_the_text_is_cut(
    values: list[Any], step: int, separator: str, ascii_only: bool
) -> None:
    text = separator.join(json.dumps(value, ensure_ascii=ascii_only) for value in values)
    data = text.encode("utf-8", "surrogatepass")
    blocks = [data[at : at + step] for at in range(0, len(data), step)]
    assert list(iterate_json(blocks)) == json.loads(json.dumps(values))


def test_a_value_is_given_before_the_stream_goes_on() -> None:
    def blocks() -> Any:
        yield b'{"a": 1}\n{"b'
        raise AssertionError("the first value should have come out before this block was asked for")

    assert next(iterate_json(blocks())) == {"a": 1}


@pytest.mark.parametrize("data", [b'{"a": 1', b"oops", b'{"a": 1} x'])
def test_text_that_is_not_json_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        list(iterate_json([data]))
