"""What is in an image archive: ``docker save`` of every age that has a manifest.json, and OCI layouts.

    manifest.json    [{Config, RepoTags, Layers, Parent}, …]; the layers are ``<id>/layer.tar`` in old
                     archives (symlinks where two images share one) and ``blobs/sha256/<hex>`` in new ones
    index.json       an OCI layout (image-spec image-layout.md); names are annotations

An archive with both is read by its manifest.json, as Docker does: it says which images were meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from scow.errors import InvalidArgumentError, UnsupportedError
from scow.image.archive import Archive
from scow.image.archive_region import RegionReader
from scow.spec.digest import hex_of, sha256_of
from scow.spec.oci_image import (
    IMAGE_CONFIG_TYPES,
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_DOCUMENT_BYTES,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    decode_document,
)
from scow.spec.platform import Platform, rank
from scow.spec.reference import Reference, parse_reference

_MAX_INDEX_DEPTH = 4
_MAX_IMAGES = 10_000
_CONTAINERD_NAME = "io.containerd.image.name"
_OCI_NAME = "org.opencontainers.image.ref.name"


class _SavedImage(msgspec.Struct, kw_only=True, rename="pascal"):
    config: str
    layers: list[str] = []
    repo_tags: list[str] = []
    parent: str = ""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """Where a layer's bytes are; ``digest`` is of those bytes as they are, if the archive names it."""

    content: RegionReader
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """One image to take in: ``raw_config`` is what its id is the digest of."""

    raw_config: bytes
    config: ImageConfig
    layers: tuple[LayerSource, ...]
    names: tuple[Reference, ...]
    parent: str | None = None

    @property
    def id(self) -> str:
        """The image's id."""
        return sha256_of(self.raw_config)


def read_images(archive: Archive, host: Platform) -> list[ArchivedImage]:
    """All images in ``archive``; of an index of platforms the one that suits ``host`` best.

    Raises InvalidArgumentError, UnsupportedError for images of another operating system.
    """
    if "manifest.json" in archive:
        images = list(_saved_images(archive))
    elif "index.json" in archive:
        index = decode_document(archive.read("index.json", MAX_DOCUMENT_BYTES), Index, "index.json")
        images = list(_layout_images(archive, index, host))
    else:
        raise InvalidArgumentError("invalid archive: does not contain a manifest.json")
    for image in images:
        if image.config.os not in ("", host.os):
            raise UnsupportedError(f"cannot load {image.config.os} image on {host.os}")
    return images


def _saved_images(archive: Archive) -> Iterator[ArchivedImage]:
    raw = archive.read("manifest.json", MAX_DOCUMENT_BYTES)
    for item in decode_document(raw, list[_SavedImage], "invalid archive: manifest.json"):
        raw_config = archive.read(item.config, MAX_DOCUMENT_BYTES)
        sources = tuple(LayerSource(archive.open(name), _blob_digest(name)) for name in item.layers)
        names = tuple(_tag(text) for text in item.repo_tags)
        yield _image(raw_config, sources, names, item.parent or None)


def _layout_images(archive: Archive, index: Index, host: Platform) -> Iterator[ArchivedImage]:
    if len(index.manifests) > _MAX_IMAGES:
        raise InvalidArgumentError(f"invalid archive: index.json lists {len(index.manifests)} images")
    manifests: dict[str, list[Reference]] = {}
    for descriptor in index.manifests:
        chosen = _choose_manifest(archive, descriptor, host, 0)
        if chosen is not None:
            names = manifests.setdefault(chosen.digest, [])
            if (name := _annotated_name(descriptor)) is not None:
                names.append(name)
    for digest, names in manifests.items():
        manifest = decode_document(_blob(archive, digest), Manifest, f"manifest {digest}")
        if manifest.config.media_type not in IMAGE_CONFIG_TYPES | {""}:
            continue  # an artifact: a signature, an attestation, a chart
        sources = tuple(LayerSource(_open_blob(archive, it), it.digest) for it in manifest.layers)
        yield _image(_blob(archive, manifest.config.digest), sources, tuple(names), None)


def _choose_manifest(
    archive: Archive, descriptor: Descriptor, host: Platform, depth: int
) -> Descriptor | None:
    """Follow indexes down to one manifest; ``None`` if nothing in there is for ``host``."""
    if descriptor.media_type in MANIFEST_TYPES | {""}:
        return descriptor
    if descriptor.media_type not in INDEX_TYPES:
        return None
    if depth == _MAX_INDEX_DEPTH:
        raise InvalidArgumentError("invalid archive: indexes are nested too deep")
    index = decode_document(_blob(archive, descriptor.digest), Index, f"index {descriptor.digest}")
    choices = [
        (order, number, item)
        for number, item in enumerate(index.manifests)
        if (order := _rank(item, host)) is not None
    ]
    # A layout may hold the blobs of some platforms only.
    for _, _, item in sorted(choices, key=lambda choice: choice[:2]):
        if _blob_name(item.digest) in archive:
            return _choose_manifest(archive, item, host, depth + 1)
    return None


def _rank(item: Descriptor, host: Platform) -> int | None:
    return 0 if item.platform is None else rank(host, item.platform.platform())


def _image(
    raw_config: bytes, sources: tuple[LayerSource, ...], names: tuple[Reference, ...], parent: str | None
) -> ArchivedImage:
    config = decode_document(raw_config, ImageConfig, "image config")
    if len(sources) != len(config.rootfs.diff_ids):
        raise InvalidArgumentError(
            f"invalid manifest, layers length mismatch: expected {len(sources)}, "
            f"got {len(config.rootfs.diff_ids)}"
        )
    return ArchivedImage(raw_config, config, sources, names, parent)


def _tag(text: str) -> Reference:
    reference = parse_reference(text, default_tag=False)
    if reference.tag is None or reference.digest is not None:
        raise InvalidArgumentError(f'invalid tag "{text}"')
    return reference


def _annotated_name(descriptor: Descriptor) -> Reference | None:
    """A bare word is a tag of a repository that nobody names: such an image gets no name."""
    text = descriptor.annotations.get(_CONTAINERD_NAME) or descriptor.annotations.get(_OCI_NAME, "")
    return parse_reference(text) if "/" in text or ":" in text else None


def _blob_name(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _blob_digest(name: str) -> str | None:
    """The digest that a member's name claims for it."""
    value = name.removeprefix("blobs/sha256/")
    return f"sha256:{value}" if value != name else None


def _blob(archive: Archive, digest: str) -> bytes:
    """A document by digest, verified."""
    if not digest.startswith("sha256:"):
        raise UnsupportedError(f"documents named by {digest.partition(':')[0]} are not supported")
    data = archive.read(_blob_name(digest), MAX_DOCUMENT_BYTES)
    if sha256_of(data) != digest:
        raise InvalidArgumentError(
            f"invalid archive: blob {hex_of(digest)} has other content than its name says"
        )
    return data


def _open_blob(archive: Archive, descriptor: Descriptor) -> RegionReader:
    reader = archive.open(_blob_name(descriptor.digest))
    if reader.size != descriptor.size:
        raise InvalidArgumentError(
            f"invalid archive: blob {descriptor.digest} has {reader.size} bytes instead of {descriptor.size}"
        )
    return reader
