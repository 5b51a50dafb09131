"""What a registry answered when it did not do as asked, in the words that Docker's users know.

Error bodies are ``{"errors": [{"code", "message", "detail"}, …]}`` (OCI distribution-spec, "Error codes").
"""

import json
from collections.abc import Iterable
from typing import Any

from scow.distribution.challenge import Challenge
from scow.errors import (
    NotFoundError,
    PermissionDeniedError,
    ScowError,
    UnauthenticatedError,
    UnavailableError,
)

MAX_BODY_BYTES = 64 << 10
_MAX_TEXT = 500
# An answer to HEAD has no body.
_WITHOUT_WORDS = {
    401: "unauthorized: authentication required",
    403: "denied: requested access to the resource is denied",
}


class ManifestUnknownError(NotFoundError):
    """The repository is there and has no such tag or digest."""


class NameUnknownError(NotFoundError):
    """No such repository."""


class DeniedError(PermissionDeniedError):
    """Not for these credentials; some registries say this of what does not exist."""


def error_of(status: int, body: bytes, what: str, challenges: Iterable[Challenge] = ()) -> ScowError:
    """The error for an answer; ``what`` says what was asked for, where the registry does not.

    ``challenges`` came with it: what they say of a token goes before what the body says.
    """
    if (error := _refusal_of_token(challenges)) is not None:
        return error
    text = _message(body) or _WITHOUT_WORDS.get(status) or f"unexpected status from {what}: {status}"
    codes = {entry.get("code") for entry in _entries(body)}
    if status == 401 or "UNAUTHORIZED" in codes:
        return UnauthenticatedError(text)
    if status == 403 or "DENIED" in codes:
        return DeniedError(text)
    if "MANIFEST_UNKNOWN" in codes:
        return ManifestUnknownError(text)
    if "NAME_UNKNOWN" in codes:
        return NameUnknownError(text)
    if status == 404:
        return NotFoundError(text)
    if status == 429 or "TOOMANYREQUESTS" in codes:
        return UnavailableError(text if "toomanyrequests" in text else f"toomanyrequests: {text}")
    if status >= 500:
        return UnavailableError(f"received unexpected HTTP status: {status}" if not _message(body) else text)
    return ScowError(text)


def _refusal_of_token(challenges: Iterable[Challenge]) -> ScowError | None:
    """What is wrong with the token that was shown (RFC 6750 §3.1)."""
    for challenge in challenges:
        told = challenge.parameters.get("error", "") if challenge.scheme == "bearer" else ""
        words = challenge.parameters.get("error_description", "")[:_MAX_TEXT]
        if told == "insufficient_scope":
            return DeniedError(f"denied: {words}" if words else _WITHOUT_WORDS[403])
        if told == "invalid_token":
            return UnauthenticatedError(f"unauthorized: {words}" if words else _WITHOUT_WORDS[401])
    return None


def _message(body: bytes) -> str:
    """As Docker's client puts it: ``<code in words>: <message>``, several joined."""
    parts = []
    for entry in _entries(body):
        code = str(entry.get("code", "")).lower().replace("_", " ")
        message = str(entry.get("message", "")).strip()
        parts.append(f"{code}: {message}" if message else code)
    return "; ".join(filter(None, parts))[:_MAX_TEXT]


def _entries(body: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    if isinstance(document.get("errors"), list):
        return [entry for entry in document["errors"][:10] if isinstance(entry, dict)]
    # Token servers answer OAuth's way (RFC 6749 §5.2), or with "details".
    for key in ("details", "error_description", "message"):
        if isinstance(document.get(key), str):
            return [{"code": "UNAUTHORIZED", "message": document[key]}]
    return []
