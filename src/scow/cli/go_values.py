"""Numbers, booleans, durations and quotation marks as Go reads and writes them, with Go's error texts."""

from scow.cli.patterns import Pattern
from scow.errors import InvalidArgumentError
from scow.spec.go_bool import FALSE, TRUE

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_FLOAT = Pattern(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBER_AND_UNIT = Pattern(r"(\d+\.?\d*|\.\d+)([^\d.]*)")
_DURATION_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


def quote(text: str, mark: str = '"') -> str:
    """``text`` as ``%q`` prints it; ``mark`` may be a single quotation mark for characters."""
    return mark + "".join(_quoted(char, mark) for char in text) + mark


def _quoted(char: str, mark: str) -> str:
    if char in "\"'":
        return "\\" + char if char == mark else char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def parse_bool(text: str) -> bool:
    """strconv.ParseBool."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise InvalidArgumentError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str, bits: int = 64, base: int = 10) -> int:
    """strconv.ParseInt; base 0 takes ``0x``, ``0o``, ``0b`` and a plain leading 0 for octal."""
    value = _parse_number("ParseInt", text, base, signed=True)
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise InvalidArgumentError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return value


def parse_uint(text: str, bits: int = 64, base: int = 10) -> int:
    """strconv.ParseUint."""
    value = _parse_number("ParseUint", text, base, signed=False)
    if value >= 1 << bits:
        raise InvalidArgumentError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return value


def _parse_number(function: str, text: str, base: int, *, signed: bool) -> int:
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    underscores = "_" if base == 0 else ""
    if digits and digits.isascii() and all(char.isalnum() or char == underscores for char in digits):
        octal = base == 0 and len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_"
        try:
            value = int(digits, 8 if octal else base)
        except ValueError:
            pass
        else:
            return -value if text[0] == "-" else value
    raise InvalidArgumentError(f"strconv.{function}: parsing {quote(text)}: invalid syntax")


def parse_float(text: str) -> float:
    """strconv.ParseFloat of a plain decimal number."""
    if _FLOAT.fullmatch(text):
        return float(text)
    raise InvalidArgumentError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")


def parse_duration(text: str) -> int:
    """time.ParseDuration: nanoseconds of ``1h15m30.918s``."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise InvalidArgumentError(f"time: invalid duration {quote(text)}")
    total = 0
    while rest:
        match = _NUMBER_AND_UNIT.match(rest)
        if not match:
            raise InvalidArgumentError(f"time: invalid duration {quote(text)}")
        number, unit = match.groups()
        if not unit:
            raise InvalidArgumentError(f"time: missing unit in duration {quote(text)}")
        if unit not in _DURATION_UNITS_NS:
            raise InvalidArgumentError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        total += _scaled(number, _DURATION_UNITS_NS[unit])
        rest = rest[match.end() :]
    if total >= 1 << 63:
        raise InvalidArgumentError(f"time: invalid duration {quote(text)}")
    return -total if text[0] == "-" else total


def _scaled(number: str, unit_ns: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole or 0) * unit_ns + (int(fraction) * unit_ns // 10 ** len(fraction) if fraction else 0)
