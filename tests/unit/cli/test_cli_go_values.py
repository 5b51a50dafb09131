"""Numbers, durations and quotation marks as Go has them."""

import pytest

from scow.cli.go_values import parse_bool, parse_duration, parse_float, parse_int, parse_uint, quote
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("1s", 1_000_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("1m30s", 90_000_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("2h45m30.918273645s", 9_930_918_273_645),
    ],
)
def test_durations_are_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("foo", 'time: invalid duration "foo"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5s6", 'time: missing unit in duration "5s6"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("99999999h", 'time: invalid duration "99999999h"'),
    ],
)
def test_wrong_durations_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_duration(text)
    assert caught.value.message == message


def test_integers_know_their_base_and_size() -> None:
    assert parse_int("-9223372036854775808") == -(1 << 63)
    assert parse_int("0b11", base=0) == 3
    assert parse_int("1_000", base=0) == 1000
    assert parse_uint("755", 32, base=8) == 0o755
    for text, base in (("1_000", 10), ("0x1", 10), ("", 0), ("+", 0), (" 1", 0), ("٣", 10), ("08", 0)):
        with pytest.raises(InvalidArgumentError, match="invalid syntax"):
            parse_int(text, base=base)
    for text in ("9223372036854775808", "-9223372036854775809"):
        with pytest.raises(InvalidArgumentError, match="value out of range"):
            parse_int(text)
    with pytest.raises(InvalidArgumentError, match='ParseUint: parsing "-1": invalid syntax'):
        parse_uint("-1")


def test_booleans_and_floats_are_gos() -> None:
    assert [parse_bool(text) for text in ("1", "t", "TRUE", "0", "F", "False")] == [True] * 3 + [False] * 3
    assert parse_float("1.5e3") == 1500
    for text in ("yes", "tRUE", ""):
        with pytest.raises(InvalidArgumentError, match="ParseBool"):
            parse_bool(text)
    for text in ("nan", "1,5", "", "0x1", "1e"):
        with pytest.raises(InvalidArgumentError, match="ParseFloat"):
            parse_float(text)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('a"b', r'"a\"b"'),
        ("a'b", '"a\'b"'),
        ("\\ \n\t\x00\x7f", r'"\\ \n\t\x00\x7f"'),
        ("ü…", '"ü…"'),
        ("\u200b\U000e0001", r'"\u200b\U000e0001"'),
        ("\udcff", r'"\xff"'),
    ],
)
def test_text_is_quoted_as_percent_q(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_a_character_is_quoted_with_its_own_mark() -> None:
    assert [quote(char, "'") for char in ("x", "'", '"')] == ["'x'", r"'\''", "'\"'"]
