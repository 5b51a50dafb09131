import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.errors import InvalidArgumentError
from scow.spec.filters import Filters, parse_filters


@pytest.mark.parametrize(
    "text", ['{"label":["a=b","c"],"name":["x"]}', '{"label":{"a=b":true,"c":false},"name":{"x":true}}']
)
def test_both_spellings_say_the_same(text: str) -> None:
    assert parse_filters(text) == Filters({"label": ["a=b", "c"], "name": ["x"]})


@pytest.mark.parametrize("text", ["", "null", "{}"])
def test_nothing_is_no_filters(text: str) -> None:
    assert not parse_filters(text)


def test_null_values_are_none() -> None:
    assert parse_filters('{"a":null}').get("a") == []


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"a":1}', '{"a":[1]}', '{"a":{"b":1}}', "x", "[" * 10_000, "\ud800"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^invalid filter: "):
        parse_filters(text)


def test_an_unknown_key_is_named() -> None:
    filters = parse_filters('{"label":["a"],"bogus":["x"]}')
    with pytest.raises(InvalidArgumentError, match=r"^invalid filter 'bogus'$"):
        filters.check("label", "name")
    filters.check("label", "bogus")


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ({}, True),
        ({"label": ["a"]}, True),
        ({"label": ["a=1"]}, True),
        ({"label": ["a=2"]}, False),
        ({"label": ["a=1", "b"]}, True),
        ({"label": ["a", "c"]}, False),
        ({"label": ["b="]}, True),
        ({"label": ["a="]}, False),
        ({"label!": ["a"]}, False),
        ({"label!": ["a=2"]}, True),
        ({"label": ["a"], "label!": ["c"]}, True),
    ],
)
def test_labels_must_all_be_there(filters: dict[str, list[str]], matches: bool) -> None:
    assert Filters(filters).match_labels({"a": "1", "b": ""}) is matches


def test_adding_leaves_the_original_alone() -> None:
    first = Filters({"a": ["1"]})
    second = first.adding("a", "2").adding("b", "3")
    assert (first.get("a"), second.get("a"), second.get("b")) == (["1"], ["1", "2"], ["3"])
    assert "b" in second
    assert list(second) == ["a", "b"]


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_filters(text)
    except InvalidArgumentError:
        pass
