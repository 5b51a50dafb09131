"""Sizes as people write and read them: ``64m``, ``1.5GiB``, ``1000`` (go-units)."""

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_DECIMAL_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_size(text: str) -> int:
    """Bytes; all units are powers of 1024 (RAMInBytes). Raises ``ValueError`` with Docker's message."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"invalid size: '{text}'")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def human_size(size_bytes: int) -> str:
    """``5.243MB``: four digits, units of a thousand (go-units, HumanSize)."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(_DECIMAL_UNITS) - 1:
        size /= 1000
        unit += 1
    return f"{size:.4g}{_DECIMAL_UNITS[unit]}"
