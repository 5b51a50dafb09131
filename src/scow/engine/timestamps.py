"""Times as the API writes and reads them: RFC 3339 with nanoseconds, or Unix seconds with a fraction."""

import re
import time
from datetime import UTC, datetime

from scow.errors import InvalidArgumentError

_SECOND = 1_000_000_000
_UNIX = re.compile(r"(-?\d+)(?:\.(\d{1,9}))?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": _SECOND}
_UNITS |= {"m": 60 * _SECOND, "h": 3600 * _SECOND}
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")


def rfc3339(time_ns: int) -> str:
    """``2006-01-02T15:04:05.999999999Z`` for ``time_ns`` since the epoch; no trailing zeros, as in Go."""
    seconds, nanos = divmod(time_ns, _SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch. Raises InvalidArgumentError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(f"invalid time: {text}")
    base, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(base + ("+00:00" if zone in (None, "Z") else zone))
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid time: {text}: {exc}") from exc
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * _SECOND + int((fraction or "0").ljust(9, "0"))


def parse_query_time(text: str) -> int | None:
    """The API's ``since`` and ``until``: Unix seconds with an optional fraction, or RFC 3339.

    ``""`` and ``"0"`` are "not given". Raises InvalidArgumentError.
    """
    if text in ("", "0"):
        return None
    match = _UNIX.fullmatch(text)
    if match is None:
        return parse_rfc3339(text)
    seconds, fraction = match.groups()
    return int(seconds) * _SECOND + int((fraction or "0").ljust(9, "0"))


def parse_past(text: str, now_ns: int) -> int:
    """The filter ``until``: a duration back from ``now_ns``, a date with or without time, or Unix seconds.

    A date without a zone is in the engine's. Raises InvalidArgumentError.
    """
    if (duration := _duration_ns(text)) is not None:
        return now_ns - duration
    if match := _UNIX.fullmatch(text):
        seconds, fraction = match.groups()
        return int(seconds) * _SECOND + int((fraction or "0").ljust(9, "0"))
    if match := _DATE.fullmatch(text):
        base, fraction, zone = match.groups()
        try:
            moment = datetime.fromisoformat(base + (zone or ""))
            return int(moment.timestamp()) * _SECOND + int((fraction or "0").ljust(9, "0"))
        except (ValueError, OverflowError):
            pass  # the thirteenth month
    raise InvalidArgumentError(f'failed to parse value as time or duration: "{text}"')


def _duration_ns(text: str) -> int | None:
    """``72h``, ``1h30m``, ``-1.5h``; None if it is no duration."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    parts = list(_DURATION.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        return None
    return sign * sum(round(float(part[1]) * _UNITS[part[2]]) for part in parts)
