"""Times in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.engine.timestamps import parse_past, parse_query_time, parse_rfc3339, rfc3339
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


NOW = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("72h", NOW - 72 * 3600 * 10**9),
        ("1h30m", NOW - 5400 * 10**9),
        ("1.5h", NOW - 5400 * 10**9),
        ("-1m", NOW + 60 * 10**9),
        ("500ms", NOW - 500 * 10**6),
        ("1600000000", 1_600_000_000 * 10**9),
        ("1600000000.000000001", 1_600_000_000 * 10**9 + 1),
        ("2020-01-01T00:00:00Z", 1_577_836_800 * 10**9),
        ("2020-01-01T00:00:00.25Z", 1_577_836_800 * 10**9 + 250_000_000),
        ("2020-01-01T01:00+01:00", 1_577_836_800 * 10**9),
        ("2020-01-01T01+01:00", 1_577_836_800 * 10**9),
    ],
)
def test_a_filter_takes_durations_dates_and_seconds(text: str, expected: int) -> None:
    assert parse_past(text, NOW) == expected


def test_a_date_without_a_zone_is_local() -> None:
    assert abs(parse_past("2020-01-02", NOW) - 1_577_923_200 * 10**9) <= 14 * 3600 * 10**9


@pytest.mark.parametrize("text", ["", "yesterday", "2020-13-01", "2020-01-01T25", "1h30", "h", "9999-99-99"])
def test_a_filter_refuses_the_rest(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="failed to parse value as time or duration"):
        parse_past(text, NOW)


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        parse_rfc3339("2020-13-01T00:00:00Z")
