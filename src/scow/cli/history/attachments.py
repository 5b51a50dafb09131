"""Documents that a record names: what vouches for the build, and what its exports led to."""

import json

from scow.api.client.buildkit import has_blob, read_blob
from scow.errors import ScowError
from scow.spec.build_history import PREDICATE_TYPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scow.api.client.client import Client
    from scow.spec.build_history import BlobEntry, BuildRecord

PROVENANCE = "https://slsa.dev/provenance/"
_REFERENCE_TYPE = "vnd.docker.reference.type"
_OCI = "application/vnd.oci.image."
_INDEXES = (f"{_OCI}index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_TYPES = {
    "index": (f"{_OCI}index.v1+json",),
    "manifest": (f"{_OCI}manifest.v1+json",),
    "image": (f"{_OCI}config.v1+json",),
    "provenance": (f"{PROVENANCE}v1", f"{PROVENANCE}v0.2"),
    "sbom": ("https://spdx.dev/Document",),
}


class Attachment:
    """``kind`` is what an attestation says, or else the media type. ``platform`` is "" for all of them."""

    __slots__ = ("digest", "kind", "platform")

    def __init__(self, digest: str, kind: str, platform: str) -> None:
        self.digest = digest
        self.kind = kind
        self.platform = platform


def attachments_of(client: "Client", record: "BuildRecord") -> list[Attachment]:
    """All of a record, by platform and kind. Raises ScowError."""
    found: list[Attachment] = []
    results = {"": record.result, **record.results}
    for platform, result in results.items():
        if result is None:
            continue
        found += [_attachment(it, platform) for it in result.attestations]
        for root in result.results.values():
            found += _below(client, root, platform)
    return sorted(found, key=lambda it: (it.platform, it.kind))


def is_of(kind: str, wanted: str) -> bool:
    """Whether an attachment's kind is the one that ``--type`` names."""
    return kind in _TYPES.get(wanted, (wanted,))


def _attachment(entry: "BlobEntry", platform: str) -> Attachment:
    kind = entry.annotations.get(PREDICATE_TYPE, entry.media_type)
    return Attachment(entry.digest, kind, platform)


def _below(client: "Client", root: "BlobEntry", platform: str) -> "Iterator[Attachment]":
    """A result, and the manifests of an index; nothing of what the engine does not have any more."""
    if not has_blob(client, root.digest):
        return
    yield _attachment(root, platform)
    if root.media_type not in _INDEXES:
        return
    try:
        entries = json.loads(read_blob(client, root.digest))["manifests"]
        for entry in entries:
            if (entry.get("annotations") or {}).get(_REFERENCE_TYPE) != "attestation-manifest":
                yield Attachment(entry["digest"], entry["mediaType"], _platform(entry.get("platform") or {}))
    except (ScowError, ValueError, KeyError, TypeError, AttributeError):
        return


def _platform(found: dict[str, str]) -> str:
    return "/".join(filter(None, (found.get("os"), found.get("architecture"), found.get("variant"))))
