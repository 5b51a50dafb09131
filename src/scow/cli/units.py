"""Sizes, durations and shortened names as Docker prints and reads them (docker/go-units, time.Duration).

Durations in words are ``scow.spec.human_duration``; reading durations and numbers is ``scow.cli.go_values``.
"""

from __future__ import annotations

from scow.cli.go_values import parse_float
from scow.errors import InvalidArgumentError

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_MAX_INT64 = (1 << 63) - 1
_SHORT_ID_CHARS = 12


def human_size(size: float, digits: int = 4) -> str:
    """units.HumanSizeWithPrecision: 1.234MB; ``docker`` shows image and container sizes with three digits."""
    return _scaled(size, 1000, _DECIMAL, digits)


def bytes_size(size: float) -> str:
    """units.BytesSize: 1.5GiB."""
    return _scaled(size, 1024, _BINARY, 4)


def _scaled(size: float, base: int, units: tuple[str, ...], digits: int) -> str:
    place = 0
    while size >= base and place < len(units) - 1:
        size /= base
        place += 1
    # C's %g and Go's are the same here, their surprises included: 999.9 in three digits is 1e+03.
    return f"{size:.{digits}g}{units[place]}"


def ram_in_bytes(text: str) -> int:
    """units.RAMInBytes: "1g" is 1073741824. Raises ``InvalidArgumentError``."""
    return _parse_size(text, 1024)


def from_human_size(text: str) -> int:
    """units.FromHumanSize: "1g" is 1000000000. Raises ``InvalidArgumentError``."""
    return _parse_size(text, 1000)


def _parse_size(text: str, base: int) -> int:
    last = max((place for place, char in enumerate(text) if char in "0123456789. "), default=-1)
    if last < 0:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    number = parse_float(text[:last] if text[last] == " " else text[: last + 1])
    if number < 0:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    suffix = text[last + 1 :]
    lower = suffix.lower()
    if not suffix or lower == "b":
        factor = 1
    elif len(suffix) <= 3 and lower[0] in _POWERS and lower[1:] in ("", "b", "ib"):
        factor = base ** _POWERS[lower[0]]
    else:
        raise InvalidArgumentError(f"invalid suffix: '{lower if len(suffix) <= 3 else suffix}'")
    return min(int(number * factor), _MAX_INT64)


def truncate_id(identifier: str) -> str:
    """The twelve characters that a person sees of an id or digest."""
    return identifier.partition(":")[2][:_SHORT_ID_CHARS] or identifier[:_SHORT_ID_CHARS]


def ellipsis(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, its end replaced by "…" if it is longer."""
    if width <= 0:
        return ""
    if width == 1:
        return text[:1]
    if display_width(text) <= width:
        return text
    used = 0
    for place, char in enumerate(text):
        used += character_width(char)
        if used > width - 1:
            return text[:place] + "…"
    return text


def display_width(text: str) -> int:
    """How many columns of a terminal ``text`` takes."""
    return len(text) if text.isascii() else sum(map(character_width, text))


def character_width(char: str) -> int:
    """Two for the wide characters of East Asia, none for marks that join the one before, otherwise one."""
    if char.isascii():
        return 1
    import unicodedata  # a shared object that plain output does without

    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
