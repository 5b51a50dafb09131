"""Times as the API writes and reads them: RFC 3339 with nanoseconds, or Unix seconds with a fraction."""

import re
import time
from datetime import UTC, datetime

from scow.errors import InvalidArgumentError

_SECOND = 1_000_000_000
_UNIX = re.compile(r"(-?\d+)(?:\.(\d{1,9}))?")
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
    moment = datetime.fromisoformat(base + ("+00:00" if zone in (None, "Z") else zone))
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
