"""From a reference to one manifest: an index gives the manifest of the platform that was asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from scow.distribution.repository import Document, Repository
from scow.errors import IntegrityError, InvalidArgumentError, NotFoundError, ScowError, UnsupportedError
from scow.spec.oci_image import (
    IMAGE_CONFIG_TYPES,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Index,
    Manifest,
    decode_document,
)
from scow.spec.platform import Platform, rank

_MAX_INDEX_DEPTH = 3
_MAX_LAYERS = 127
_SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """``digest`` is of what the reference named, an index perhaps; ``manifest`` is what will be fetched."""

    digest: str
    manifest: Manifest
    manifest_digest: str


def resolve(repository: Repository, reference: str, platform: Platform) -> Resolved:
    """Blocks. Raises NotFoundError, UnsupportedError, InvalidArgumentError, IntegrityError."""
    first = repository.document(reference)
    found = choose(first, platform, repository.document)
    return Resolved(first.digest, _manifest(found), found.digest)


def choose(
    document: Document, platform: Platform, fetch: Callable[[str], Document], depth: int = 0
) -> Document:
    """Follow indexes down to the manifest for ``platform``."""
    if document.media_type in MANIFEST_TYPES:
        return document
    if document.media_type in _SCHEMA_1:
        raise UnsupportedError(
            "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 "
            "support has been removed."
        )
    if document.media_type not in INDEX_TYPES:
        raise InvalidArgumentError(f"unsupported manifest media type: {document.media_type!r}")
    if depth == _MAX_INDEX_DEPTH:
        raise InvalidArgumentError("manifest lists are nested too deep")
    item = best_of_index(decode_document(document.data, Index, "manifest list"), platform)
    found = fetch(item.digest)
    if len(found.data) != item.size:
        raise IntegrityError(
            f"manifest {item.digest} has {len(found.data)} bytes where the manifest list says {item.size}"
        )
    return choose(found, platform, fetch, depth + 1)


def platforms(document: Document, config: Callable[[Descriptor], Platform]) -> list[Platform]:
    """What an image can run on, for ``distribution inspect``."""
    if document.media_type in INDEX_TYPES:
        index = decode_document(document.data, Index, "manifest list")
        return [item.platform.platform() for item in index.manifests if item.platform is not None]
    return [config(_manifest(document).config)]


def best_of_index(index: Index, platform: Platform) -> Descriptor:
    """The entry that serves ``platform`` best. Raises NotFoundError."""
    choices = []
    for number, item in enumerate(index.manifests):
        if item.media_type not in MANIFEST_TYPES | INDEX_TYPES | {""}:
            continue
        order = 0 if item.platform is None else rank(platform, item.platform.platform())
        if order is not None:
            choices.append((order, number, item))
    if not choices:
        raise NotFoundError(f"no matching manifest for {platform} in the manifest list entries")
    return min(choices, key=lambda choice: choice[:2])[2]


def _manifest(document: Document) -> Manifest:
    manifest = decode_document(document.data, Manifest, "manifest")
    if manifest.config.media_type not in IMAGE_CONFIG_TYPES:
        raise ScowError(
            f"unsupported media type {manifest.config.media_type}: this is an artifact, not an image"
        )
    if len(manifest.layers) > _MAX_LAYERS:
        raise ScowError("max depth exceeded")
    return manifest
