"""Go's literals: quoted strings, characters and numbers (strconv.Unquote, parse/node.go newNumber)."""

from __future__ import annotations

_SIMPLE_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_MAX_INT = (1 << 63) - 1


def unquote(source: str) -> str:
    """The text of a string literal, quotation marks included in ``source``. ``ValueError``: not valid."""
    mark, inside = source[0], source[1:-1]
    if mark == "`":
        return inside.replace("\r", "")
    if "\\" not in inside:
        return inside
    # Escapes may spell single bytes of a character, so the text is put together as bytes.
    out = bytearray()
    position = 0
    while position < len(inside):
        if inside[position] != "\\":
            out += inside[position].encode("utf-8", "surrogateescape")
            position += 1
            continue
        position += 1 + _unescape(inside, position + 1, mark, out)
    return out.decode("utf-8", "surrogateescape")


def _unescape(text: str, position: int, mark: str, out: bytearray) -> int:
    """Append what the escape after a backslash means; returns how many characters it took."""
    letter = text[position]
    if letter in _SIMPLE_ESCAPES or letter == mark:
        out += _SIMPLE_ESCAPES.get(letter, letter).encode()
        return 1
    if letter in _HEX_LENGTHS:
        digits = text[position + 1 : position + 1 + _HEX_LENGTHS[letter]]
        if len(digits) != _HEX_LENGTHS[letter]:
            raise ValueError("invalid syntax")
        value = _digits(digits, 16)
        if letter == "x":
            out.append(value)
        elif value > 0x10FFFF or 0xD800 <= value < 0xE000:
            raise ValueError("invalid syntax")
        else:
            out += chr(value).encode()
        return 1 + len(digits)
    octal = text[position : position + 3]
    value = _digits(octal, 8) if len(octal) == 3 else 256
    if value > 255:
        raise ValueError("invalid syntax")
    out.append(value)
    return 3


def character(source: str) -> int:
    """The number of a character literal. ``ValueError`` with Go's words."""
    text = unquote(source)
    if not text:
        raise ValueError("invalid syntax")
    if len(text) != 1:
        raise ValueError(f"malformed character constant: {source}")
    return ord(text)


def number(source: str) -> int | float:
    """The value of a number literal: integral floats stay floats. ``ValueError`` with Go's words."""
    integer = _integer(source)
    if integer is not None:
        if not -_MAX_INT - 1 <= integer <= 2 * _MAX_INT + 1:
            raise ValueError(f"integer overflow: {_quoted(source)}")
        return integer
    try:
        plain = source.replace("_", "").lower()
        value = float.fromhex(plain) if "p" in plain else _decimal(source)
    except (ValueError, OverflowError):
        raise ValueError(f"bad number syntax: {_quoted(source)}")
    if not any(char in plain for char in ".ep"):  # digits that are no integer: Go says so of 08 too
        raise ValueError(f"integer overflow: {_quoted(source)}")
    return value


def _integer(source: str) -> int | None:
    digits = source.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and (digits[1].isdecimal() or digits[1] == "_")
    try:
        value = int(digits, 8 if octal else 0)
    except ValueError:
        return None
    return -value if source[0] == "-" else value


def _decimal(source: str) -> float:
    if source.lower().lstrip("+-")[:2] in ("0x", "0b", "0o") or "i" in source or "n" in source:
        raise ValueError
    return float(source)


def _digits(text: str, base: int) -> int:
    if not all(char in "0123456789abcdefABCDEF" for char in text):
        raise ValueError("invalid syntax")
    try:
        return int(text, base)
    except ValueError:
        raise ValueError("invalid syntax")


def _quoted(source: str) -> str:
    return f'"{source}"'
