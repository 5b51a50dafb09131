"""JSON by the functions in C behind ``json`` is what ``json`` makes of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.client import json_text

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_values_are_written_as_the_library_writes_them(value: object) -> None:
    assert json_text.dumps(value) == json.dumps(value, ensure_ascii=False)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert json_text.dumps(value, compact=True, sort_keys=True) == compact
    assert json_text.indented(value) == json.dumps(value, ensure_ascii=False, indent=4)


@given(_VALUES)
def test_values_are_read_as_the_library_reads_them(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    assert json_text.loads(text) == value
    if not any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        assert json_text.loads(b"\r\n " + text.encode() + b"\t\n") == value


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,]", "nul", "1 2", '{"a":1}x', '"\n"', "[NaN", "\ufeff{}", "[01]", '"\\q"']
)
def test_errors_are_those_of_the_library(text: str) -> None:
    with pytest.raises(ValueError) as expected:  # noqa: PT011 - its words are compared below
        json.loads(text)
    with pytest.raises(ValueError) as found:  # noqa: PT011 - likewise
        json_text.loads(text)
    assert str(found.value) == str(expected.value)


def test_constants_that_are_not_json_are_read_as_the_library_reads_them() -> None:
    assert str(json_text.loads("[NaN,-Infinity,Infinity]")) == "[nan, -inf, inf]"


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="Object of type bytes is not JSON serializable"):
        json_text.dumps({"a": b""})


def test_the_library_takes_over_where_the_functions_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "_C", None)
    assert json_text.loads(b'{"a": [1]}') == {"a": [1]}
    assert json_text.dumps({"b": "ä", "a": 1}, compact=True, sort_keys=True) == '{"a":1,"b":"ä"}'
