"""Versions of the Engine API: ``1.24`` to ``1.55``, ordered by number and not by text."""

from typing import NamedTuple


class ApiVersion(NamedTuple):
    """A version as numbers; compares as versions do, so that 1.9 is older than 1.24."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


MIN_API_VERSION = ApiVersion(1, 24)
MAX_API_VERSION = ApiVersion(1, 55)

_MAX_DIGITS = 9


def parse_api_version(text: str) -> ApiVersion:
    """Read digits and dots as Docker does: a missing or empty part is 0, a third one counts for nothing."""
    parts = [*text.split("."), ""]
    return ApiVersion(_number(parts[0]), _number(parts[1]))


def _number(text: str) -> int:
    """A part of a version; one of absurd length is just very large."""
    if not text.isdecimal():
        return 0
    return int(text[:_MAX_DIGITS]) if len(text) <= _MAX_DIGITS else 10**_MAX_DIGITS
