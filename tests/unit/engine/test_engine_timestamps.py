"""Times in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.engine.timestamps import parse_query_time, parse_rfc3339, rfc3339
from scow.errors import InvalidArgumentError


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_what_is_written_reads_back(time_ns: int) -> None:
    assert parse_rfc3339(rfc3339(time_ns)) == time_ns


def test_trailing_zeros_are_left_out_as_go_does() -> None:
    assert rfc3339(1_500_000_000) == "1970-01-01T00:00:01.5Z"
    assert rfc3339(0) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("0", None),
        ("1", 1_000_000_000),
        ("1.5", 1_500_000_000),
        ("1.000000001", 1_000_000_001),
        ("1970-01-01T01:00:01+01:00", 1_000_000_000),
    ],
)
def test_a_query_takes_unix_seconds_or_rfc3339(text: str, expected: int | None) -> None:
    assert parse_query_time(text) == expected


def test_other_words_are_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        parse_query_time("yesterday")
