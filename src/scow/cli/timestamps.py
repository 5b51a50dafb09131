"""Moments on the command line: what ``--since`` and ``--until`` take, and how Go prints a time."""

from __future__ import annotations

import time

from scow.cli.go_values import parse_duration, quote
from scow.errors import InvalidArgumentError

_DATE_LAYOUT = "2006-01-02"
_LAYOUTS_BY_COLONS = ("2006-01-02T15", "2006-01-02T15:04")
_ZONE_LAYOUT = "Z07:00"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_moment(text: str, now: float) -> str:
    """What to send for ``--since text``: seconds since 1970, with nine decimals when a date was given.

    ``text`` is a duration back from ``now`` ("10m"), a date or time of RFC 3339 (without a zone: this
    machine's), or such seconds already, which pass as they are. Raises ``InvalidArgumentError``.
    """
    if text != "0":
        try:
            # As Docker's client does, the fraction of the second is dropped.
            return str((int(now * 1_000_000_000) - parse_duration(text)) // 1_000_000_000)
        except InvalidArgumentError:
            pass
    zoned = any(char in text for char in "zZ+") or text.count("-") == 3
    layout = _layout(text, zoned)
    try:
        seconds, nanoseconds = _parse_date(text, layout, zoned, now)
    except ValueError as exc:
        if "-" in text:
            raise InvalidArgumentError(f"parsing time {quote(text)} as {quote(layout)}: {exc}")
        _check_seconds(text)
        return text
    return f"{seconds}.{nanoseconds:09d}"


def format_local_time(seconds: int) -> str:
    """time.Unix(seconds, 0).String() in this machine's zone: 2024-05-01 12:00:00 +0200 CEST."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(seconds))


def _layout(text: str, zoned: bool) -> str:
    zone = _ZONE_LAYOUT if zoned else ""
    if "." in text:
        return "2006-01-02T15:04:05.999999999" + zone
    if "T" not in text:
        return _DATE_LAYOUT + zone
    colons = text.count(":")
    if zoned and colons and not any(char in text for char in "zZ"):
        colons -= 1  # the one in the zone's offset
    return (_LAYOUTS_BY_COLONS[colons] if colons < 2 else "2006-01-02T15:04:05") + zone


def _check_seconds(text: str) -> None:
    whole, _, fraction = text.partition(".")
    if not whole.lstrip("-").isdecimal() or (fraction and not fraction.isdecimal()):
        raise InvalidArgumentError(f"failed to parse value as time or duration: {quote(text)}")


def _parse_date(text: str, layout: str, zoned: bool, now: float) -> tuple[int, int]:
    """Seconds since 1970 and nanoseconds. ``ValueError`` says what does not fit, as time.Parse does."""
    reader = _Reader(text)
    year, month, day = reader.digits(4, "2006"), 0, 0
    reader.expect("-", "-01-02")
    month = reader.number(2, "01", 1, 12, "month")
    reader.expect("-", "-02")
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    day = reader.number(2, "02", 1, _DAYS[month - 1] + (leap and month == 2), "day")
    clock = [0, 0, 0]
    for place, (mark, part, most, name) in enumerate(
        (("T", "15", 23, "hour"), (":", "04", 59, "minute"), (":", "05", 59, "second"))
    ):
        if mark + part in layout:
            reader.expect(mark, mark + part)
            clock[place] = reader.number(2, part, 0, most, name)
    nanoseconds = reader.fraction() if "05" in layout else 0
    offset = reader.zone() if zoned else time.localtime(now).tm_gmtoff
    reader.end()
    seconds = _days_from_epoch(year, month, day) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    return seconds - offset, nanoseconds


class _Reader:
    """The rest of a text, read from the front."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = text

    def expect(self, mark: str, part: str) -> None:
        if not self.rest.startswith(mark):
            raise ValueError(f"cannot parse {quote(self.rest)} as {quote(part[:1])}")
        self.rest = self.rest[len(mark) :]

    def digits(self, count: int, part: str) -> int:
        text = self.rest[:count]
        if len(text) != count or not (text.isascii() and text.isdecimal()):
            raise ValueError(f"cannot parse {quote(self.rest)} as {quote(part)}")
        self.rest = self.rest[count:]
        return int(text)

    def number(self, count: int, part: str, least: int, most: int, name: str) -> int:
        value = self.digits(count, part)
        if not least <= value <= most:
            raise ValueError(f"{name} out of range")
        return value

    def fraction(self) -> int:
        if self.rest[:1] not in (".", ",") or not self.rest[1:2].isdecimal():
            return 0
        digits = self.rest[1:]
        digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
        self.rest = self.rest[1 + len(digits) :]
        return int(digits[:9].ljust(9, "0"))

    def zone(self) -> int:
        """Seconds east of Greenwich."""
        if self.rest[:1] == "Z":
            self.rest = self.rest[1:]
            return 0
        sign = {"+": 1, "-": -1}.get(self.rest[:1])
        whole = self.rest
        if sign is None or len(whole) < 6 or whole[3] != ":":
            raise ValueError(f"cannot parse {quote(whole)} as {quote(_ZONE_LAYOUT)}")
        hours, minutes = whole[1:3], whole[4:6]
        if not (hours.isdecimal() and minutes.isdecimal()):
            raise ValueError(f"cannot parse {quote(whole)} as {quote(_ZONE_LAYOUT)}")
        self.rest = whole[6:]
        return sign * (int(hours) * 3600 + int(minutes) * 60)

    def end(self) -> None:
        if self.rest:
            raise ValueError(f"extra text: {quote(self.rest)}")


def _days_from_epoch(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar, years counted from March so that February ends them."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
