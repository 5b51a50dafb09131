"""Durations as Go prints and reads them."""

import re

from scow.errors import InvalidArgumentError

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
_UNIT_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def format_duration(duration_ns: int) -> str:
    """time.Duration.String: 1h2m0.5s, 1.5ms, 0s."""
    if duration_ns == 0:
        return "0s"
    sign, left = ("-", -duration_ns) if duration_ns < 0 else ("", duration_ns)
    for unit, size_ns in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
        if left < size_ns * 1000:
            return f"{sign}{_decimal(left, size_ns)}{unit}"
    minutes, rest_ns = divmod(left, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest_ns, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = str(fraction).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if fraction else str(whole)


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration as Go reads it: ``1m30s``, ``500ms``, ``0``. Raises InvalidArgumentError."""
    if text == "0":
        return 0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        what = "missing unit in" if _NUMBER.fullmatch(text) else "invalid"
        raise InvalidArgumentError(f'time: {what} duration "{text}"')
    return sum(int(float(number) * _UNIT_NS[unit]) for number, unit in parts)
