"""Sizes as people write them: ``64m``, ``1.5GiB``, ``1000`` (go-units, RAMInBytes)."""

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_size(text: str) -> int:
    """Bytes; all units are powers of 1024. Raises ``ValueError`` with Docker's message."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"invalid size: '{text}'")
    return int(float(match[1]) * _UNITS[match[2].lower()])
