"""``POST /scow/build``: a build as the scow command line asks for it, and what it is told.

The request's body begins with a JSON document, ``DirectBuild``; its length is in the query. What follows is
the context as a tar, unless the document names a folder that the engine can read in place.
"""

from typing import Any

import msgspec

from scow.spec.build_progress import BuildProgress, OutputTold, Place, TransferTold, VertexTold, WarningTold
from scow.spec.file_excerpt import file_excerpt

MAX_DOCUMENT_BYTES = 16 << 20
"""Secrets are in it."""
_MAX_TOLD_BYTES = 256 << 10
"""Of a Dockerfile that is told with each warning in it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result, or a cache, goes to or comes from: a kind with its attributes."""

    kind: str
    attributes: dict[str, str] = {}


class DirectBuild(msgspec.Struct, frozen=True, kw_only=True):
    """``options`` are those of the front end ``dockerfile.v0``.

    ``folder`` is a path on the client's machine, ``identity`` its device and inode there: if they are the
    same here, so is the folder. ``dockerfile`` is one that is not in the context. ``contexts`` are further
    folders to be read in place, ``agents`` sockets of ssh agents. ``auths`` are logins by registry.
    ``ref`` is the name of the build's record, made up if there is none.
    ``debug``: what a failed step has left becomes an image, which the error names.
    """

    ref: str = ""
    options: dict[str, str] = {}
    exports: list[Wanted] = []
    folder: str = ""
    identity: tuple[int, int] = (0, 0)
    dockerfile: bytes | None = None
    contexts: dict[str, str] = {}
    secrets: dict[str, bytes] = {}
    agents: dict[str, str] = {}
    auths: dict[str, dict[str, str]] = {}
    cache_from: list[Wanted] = []
    cache_to: list[Wanted] = []
    entitlements: list[str] = []
    debug: bool = False


def told_as_json(told: BuildProgress) -> dict[str, Any]:
    """One thing that happens, under the name of its kind."""
    match told:
        case VertexTold():
            return {"vertex": told}
        case OutputTold():
            return {"output": told}
        case TransferTold():
            return {"transfer": told}
        case WarningTold():
            return {"warning": _fields(told)}


def _fields(warning: WarningTold) -> dict[str, Any]:
    found: dict[str, Any] = {
        "digest": warning.digest,
        "short": warning.short,
        "detail": warning.detail,
        "url": warning.url,
        "level": warning.level,
    }
    if warning.place is None:
        return found
    found["excerpt"] = excerpt_of(warning.place)
    if len(warning.place.text) <= _MAX_TOLD_BYTES:
        found["place"] = warning.place
    return found


def excerpt_of(place: Place) -> str:
    """The lines that a place means, as people see them."""
    lines = place.text.decode("utf-8", "replace").split("\n")
    return file_excerpt(place.file_name, lines, place.first_line, place.last_line)
