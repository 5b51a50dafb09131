"""Which front end a file asks for: ``# syntax=``, in the forms that BuildKit knows.

The file need not be a Dockerfile: ``//syntax=`` and ``{"syntax": "…"}`` are for other languages, and a first
line that begins with ``#!`` is passed over. See frontend/dockerfile/parser/directives.go of BuildKit.
"""

import json
import re
from dataclasses import dataclass

_DIRECTIVE = r"{}\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*"
_COMMENTS = ("#", "//")
_KNOWN = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class Syntax:
    """``image`` is the front end's; ``command_line`` is all that was said, ``line`` where, counted from 1."""

    image: str
    command_line: str
    line: int


def syntax_of(text: str) -> Syntax | None:
    """What the file asks for, ``None`` for nothing."""
    lines = text.removeprefix("\ufeff").split("\n")
    skipped = 1 if lines[0].startswith("#!") else 0
    for comment in _COMMENTS:
        if found := _directive(lines, skipped, comment):
            return found
    image = _member("\n".join(lines[skipped:]))
    return Syntax(image, image, skipped + 1) if image else None


def _directive(lines: list[str], skipped: int, comment: str) -> Syntax | None:
    pattern = re.compile(_DIRECTIVE.format(comment))
    for number, line in enumerate(lines[skipped:], skipped + 1):
        match = pattern.fullmatch(line.rstrip("\r"))
        if match is None or match[1].lower() not in _KNOWN:
            return None
        if match[1].lower() == "syntax":
            return Syntax(match[2].partition(" ")[0], match[2], number)
    return None


def _member(text: str) -> str:
    """``syntax`` of a JSON object."""
    if not text.lstrip().startswith("{"):
        return ""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = document.get("syntax") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""
