"""``format``, ``formatdate`` and moments of time, as cty's functions have them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scow.cli.bake.hcl_values import Value, to_number, to_switch, to_text
from scow.errors import InvalidArgumentError

_VERB = re.compile(r"%(?:\[(\d+)\])?([-+ #0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_DATE = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
_SPAN = re.compile(r"([-+]?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def format_text(pattern: Value, *values: Value) -> str:
    """Go's verbs. Raises InvalidArgumentError for too many or too few values, or of the wrong kind."""
    used = 0
    highest = 0

    def one(match: re.Match[str]) -> str:
        nonlocal used, highest
        if match[5] == "%":
            return "%"
        number = int(match[1]) if match[1] else used + 1
        used = number
        highest = max(highest, number)
        if number > len(values):
            raise InvalidArgumentError(f"not enough arguments for {match[0]!r}: need index {number - 1}")
        return _verb(match, values[number - 1])

    text = _VERB.sub(one, to_text(pattern))
    if highest < len(values):
        raise InvalidArgumentError("too many arguments; no further verbs in the format string")
    return text


def _verb(match: re.Match[str], value: Value) -> str:
    flags, width, places, verb = match[2], match[3] or "", match[4], match[5]
    if verb == "v" and not isinstance(value, (list, dict)) and value is not None:
        verb = "s"
    if verb in "sq":
        text = to_text(value)
        text = text if places is None else text[: int(places)]
        text = json.dumps(text, ensure_ascii=False) if verb == "q" else text
        return text.ljust(int(width or 0)) if "-" in flags else text.rjust(int(width or 0))
    if verb == "v":
        return "null" if value is None else json.dumps(value, separators=(",", ":"), sort_keys=True)
    if verb == "t":
        return "true" if to_switch(value) else "false"
    number = to_number(value)
    if verb in "dxXo":
        return f"%{flags}{width}{verb}" % int(number)
    if verb == "b":
        return format(int(number), f"{'0' if '0' in flags else ''}{width}b")
    if verb in "eEfFgG":
        return f"%{flags}{width}{'.' + places if places is not None else ''}{verb}" % number
    raise InvalidArgumentError(f'unsupported format verb "{verb}"')


def format_texts(pattern: Value, *values: Value) -> list[str]:
    """``format`` for each item of the lists among the values."""
    sizes = {len(it) for it in values if isinstance(it, list)}
    if len(sizes) > 1:
        raise InvalidArgumentError("the lists differ in length")
    count = sizes.pop() if sizes else 1
    rows = [[it[number] if isinstance(it, list) else it for it in values] for number in range(count)]
    return [format_text(pattern, *row) for row in rows]


def parse_moment(text: str) -> datetime:
    """RFC 3339. Raises InvalidArgumentError."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as exc:
        raise InvalidArgumentError("not a valid RFC3339 timestamp") from exc
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Whole seconds."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S%z")
    return text[:-5] + ("Z" if text.endswith("+0000") else f"{text[-5:-2]}:{text[-2:]}")


def span_of(text: str) -> timedelta:
    """``1h30m``. Raises InvalidArgumentError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(f'invalid duration "{text}"')
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", match[2])
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    return timedelta(seconds=-seconds if match[1] == "-" else seconds)


_FIELDS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "MMMM": lambda at: at.strftime("%B"),
    "MMM": lambda at: at.strftime("%b"),
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "DD": lambda at: f"{at.day:02}",
    "D": lambda at: str(at.day),
    "EEEE": lambda at: at.strftime("%A"),
    "EEE": lambda at: at.strftime("%a"),
    "hh": lambda at: f"{at.hour:02}",
    "h": lambda at: str(at.hour),
    "HH": lambda at: f"{(at.hour + 11) % 12 + 1:02}",
    "H": lambda at: str((at.hour + 11) % 12 + 1),
    "AA": lambda at: "PM" if at.hour >= 12 else "AM",
    "aa": lambda at: "pm" if at.hour >= 12 else "am",
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    "ZZZZZ": lambda at: rfc3339(at)[19:].replace("Z", "+00:00"),
    "ZZZZ": lambda at: at.strftime("%z"),
    "ZZZ": lambda at: "UTC" if not at.utcoffset() else at.strftime("%z"),
    "Z": lambda at: rfc3339(at)[19:],
}


def format_date(pattern: Value, moment: Value) -> str:
    """Raises InvalidArgumentError for letters that mean nothing."""
    at = parse_moment(to_text(moment))

    def one(match: re.Match[str]) -> str:
        part = match[0]
        if part.startswith("'"):
            return part[1:-1].replace("''", "'")
        if not match[1]:
            return part
        if part not in _FIELDS:
            raise InvalidArgumentError(f'invalid date format verb "{part}"')
        return _FIELDS[part](at)

    return _DATE.sub(one, to_text(pattern))
