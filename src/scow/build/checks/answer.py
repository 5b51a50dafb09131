"""What the build checks say to who asks for nothing else: BuildKit's document, and a text for people.

The document is that of frontend/subrequests/lint.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scow.build.checks.rules import LintWarning
from scow.build.dockerfile.source import Location, valid_text
from scow.spec.file_excerpt import file_excerpt

_VERSION = "1.0.0"
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """``error`` is the mistake that ended it, ``place`` where that is, if it is anywhere."""

    name: str
    text: str
    warnings: tuple[LintWarning, ...]
    error: str = ""
    place: Location | None = None

    def parts(self) -> Mapping[str, bytes]:
        """By the names that clients know them by."""
        return {
            "result.json": as_json(self._document()),
            "result.txt": self._text().encode(),
            "result.statuscode": b"1" if self.warnings or self.error else b"0",
            "version": _VERSION.encode(),
        }

    def _document(self) -> Document:
        data = self.text.encode("utf-8", "surrogateescape")
        found: Document = {
            "warnings": [_warning(it) for it in self.warnings] or None,
            "sources": [
                {
                    "filename": self.name,
                    "data": base64.b64encode(data).decode(),
                    "language": "Dockerfile",
                }
            ],
        }
        if self.error:
            found["buildError"] = {"message": valid_text(self.error), "location": _place(self.place)}
        return found

    def _text(self) -> str:
        """By line; those of one line as they were found."""
        return "".join(
            f"\n{_title(it)}\n{it.message}\n{self._excerpt(it.location)}\n"
            for it in sorted(self.warnings, key=lambda it: it.location.start)
        )

    def _excerpt(self, place: Location) -> str:
        return valid_text(file_excerpt(self.name, self.text.split("\n"), place.start, place.end))


def as_json(document: Any) -> bytes:
    """As Go indents it, for who compares it letter by letter."""
    return json.dumps(document, indent=2, ensure_ascii=False).translate(_ESCAPED).encode()


def _title(warning: LintWarning) -> str:
    return f"WARNING: {warning.rule}" + (f" - {warning.url}" if warning.url else "")


def _warning(warning: LintWarning) -> Document:
    found = {
        "ruleName": warning.rule,
        "description": warning.description,
        "url": warning.url,
        "detail": warning.message,
        "location": {"ranges": [_range(it, it) for it in _lines(warning.location)]},
    }
    return {name: value for name, value in found.items() if value}


def _place(place: Location | None) -> Document:
    if place is None:
        return {}
    return {"ranges": [_range(place.start, place.end)]}


def _range(first: int, last: int) -> Document:
    return {"start": {"line": first}, "end": {"line": last}}


def _lines(place: Location) -> range:
    """Each is a range of its own where BuildKit warns."""
    return range(place.start, place.end + 1)
