"""The options of the ``local`` driver: ``type``, ``o``, ``device`` and ``size``. Pure.

``type``, ``o`` and ``device`` are what mount(8) takes; ``size`` is the most that a volume may hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scow.errors import InvalidArgumentError

_KNOWN = ("type", "o", "device", "size")
_NEEDS = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """``type`` "" without a mount, ``size_bytes`` 0 without a limit."""

    type: str = ""
    options: str = ""
    device: str = ""
    size_bytes: int = 0

    @property
    def needs_mount(self) -> bool:
        """Whether the data is not in the volume's own folder."""
        return bool(self.type)


def parse_local_options(options: Mapping[str, str]) -> LocalOptions:
    """Read and check them. Raises InvalidArgumentError with Docker's messages."""
    for name in options:
        if name not in _KNOWN:
            raise InvalidArgumentError(f'invalid option: "{name}"')
    for name, needed in _NEEDS.items():
        for other in needed if name in options else ():
            if other not in options:
                raise InvalidArgumentError(f'missing required option: "{other}"')
    return LocalOptions(
        options.get("type", ""),
        options.get("o", ""),
        options.get("device", ""),
        parse_size(options["size"]) if "size" in options else 0,
    )


def parse_size(text: str) -> int:
    """``10m`` in bytes; units are powers of 1024. Raises InvalidArgumentError with Docker's message."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def password_of(options: str) -> str:
    """What must not be told: the password among mount options, "" without one."""
    return next((word[9:] for word in options.split(",") if word.startswith("password=")), "")


def address_of(options: str) -> str:
    """The server that ``addr=`` names, "" without one."""
    return next((word[5:] for word in options.split(",") if word.startswith("addr=")), "")
