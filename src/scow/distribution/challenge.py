"""What a registry says when it wants to know who asks: ``WWW-Authenticate`` (RFC 9110 §11.6.1, RFC 6750)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"\s*({_TOKEN})(?:\s+|$|,)")
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*')
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in. ``scheme`` and the names of ``parameters`` are in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """All challenges of all header lines, in order; what cannot be read is left out."""
    found = []
    for header in headers:
        found += _parse(header[:_MAX_LENGTH])
    return found


def _parse(text: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = 0
    while match := _SCHEME.match(text, at):
        at = match.end()
        challenge = Challenge(match[1].lower())
        while parameter := _PARAMETER.match(text, at):
            quoted, plain = parameter[2], parameter[3]
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenge.parameters.setdefault(parameter[1].lower(), value)
            at = parameter.end()
        found.append(challenge)
        at = len(text) - len(text[at:].lstrip(" ,"))
    return found
