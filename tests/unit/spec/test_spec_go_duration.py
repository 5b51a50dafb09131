"""Durations printed, and read back by the command line's parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.go_values import parse_duration
from scow.spec.go_duration import format_duration


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (90_000_000_000, "1m30s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (480_000_000_001, "8m0.000000001s"),
        (3_600_000_000_000, "1h0m0s"),
        (-90_000_000_000, "-1m30s"),
    ],
)
def test_durations_print_as_in_go(nanoseconds: int, shown: str) -> None:
    assert format_duration(nanoseconds) == shown


@given(st.integers(-(1 << 62), 1 << 62))
def test_a_printed_duration_reads_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
