"""``bridge-accept-fwmark``: a firewall mark, and the mask of the bits that count. Pure."""

import re

from scow.config.values import quoted
from scow.errors import InvalidArgumentError

_ALL_BITS = 0xFFFFFFFF
_PREFIXES = {"0x": 16, "0o": 8, "0b": 2}


def parse_firewall_mark(text: str) -> tuple[int, int] | None:
    """``mark`` or ``mark/mask``; None for nothing. Raises InvalidArgumentError in dockerd's words."""
    if not text:
        return None
    mark, has_mask, mask = text.partition("/")
    return _number(text, "mark", mark), _number(text, "mask", mask) if has_mask else _ALL_BITS


def _number(text: str, what: str, part: str) -> int:
    try:
        return _parse_uint32(part)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"invalid bridge-accept-fwmark: invalid firewall {what} {quoted(text)}: "
            f"strconv.ParseUint: parsing {quoted(part)}: {exc}"
        ) from None


def _parse_uint32(text: str) -> int:
    """strconv.ParseUint with base 0: ``0x``, ``0o``, ``0b``, a plain leading 0 for octal, underscores."""
    base = _PREFIXES.get(text[:2].lower(), 8 if re.match(r"0[0-9_]", text) else 10)
    if not re.fullmatch(r"[0-9A-Za-z_]+", text, re.ASCII):
        raise ValueError("invalid syntax")
    try:
        value = int(text, base)
    except ValueError:
        raise ValueError("invalid syntax") from None
    if value > _ALL_BITS:
        raise ValueError("value out of range")
    return value
