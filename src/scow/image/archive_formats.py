"""What is in an image archive: ``docker save`` of every age that has a manifest.json, and OCI layouts.

    manifest.json    [{Config, RepoTags, Layers, Parent}, …]; the layers are ``<id>/layer.tar`` in old
                     archives (symlinks where two images share one) and ``blobs/sha256/<hex>`` in new ones
    index.json       an OCI layout (image-spec image-layout.md); names are annotations

An archive with both is read by its manifest.json, as Docker does: it says which images were meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from scow.errors import InvalidArgumentError, UnsupportedError
from scow.image.archive import Archive
from scow.image.archive_region import RegionReader
from scow.image.platforms import not_provided
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
from scow.spec.platform import Platform, normalize, rank
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
    """One image to take in: ``raw_config`` is what its id is the digest of.

    ``others`` are the further variants of an image of several platforms, whose first this is; ``is_part``: it
    came out of an index.
    """

    raw_config: bytes
    config: ImageConfig
    layers: tuple[LayerSource, ...]
    names: tuple[Reference, ...]
    parent: str | None = None
    others: "tuple[ArchivedImage, ...]" = ()
    is_part: bool = False
    offered: Platform | None = None

    @property
    def variants(self) -> "tuple[ArchivedImage, ...]":
        """All of them, this one first."""
        return (self, *self.others)

    @property
    def platform(self) -> Platform:
        """What it is for, as the index says or else the config."""
        return self.offered or Platform(
            self.config.os or "linux", self.config.architecture, self.config.variant
        )

    @property
    def id(self) -> str:
        """The image's id."""
        return sha256_of(self.raw_config)


def read_images(archive: Archive, host: Platform, platform: Platform | None = None) -> list[ArchivedImage]:
    """All images in ``archive``; of an index of platforms the variants that are there, or ``platform``'s.

    Raises InvalidArgumentError, UnsupportedError for images of another operating system, NotFoundError for
    one that is not for ``platform``.
    """
    if "manifest.json" in archive:
        images = list(_saved_images(archive))
        if "index.json" in archive:
            images = _with_platforms(images, list(_layout_images(archive, _layout(archive), host, platform)))
    elif "index.json" in archive:
        images = list(_layout_images(archive, _layout(archive), host, platform))
    else:
        raise InvalidArgumentError("invalid archive: does not contain a manifest.json")
    for image in images:
        if image.config.os not in ("", host.os):
            raise UnsupportedError(f"cannot load {image.config.os} image on {host.os}")
        if platform is not None and rank(platform, image.platform) != 0:
            raise not_provided(image.names[0].familiar() if image.names else image.id, platform)
    return images


def _layout(archive: Archive) -> Index:
    return decode_document(archive.read("index.json", MAX_DOCUMENT_BYTES), Index, "index.json")


def _with_platforms(saved: list[ArchivedImage], laid_out: list[ArchivedImage]) -> list[ArchivedImage]:
    """What manifest.json lists, whole where the layout has more platforms of it than it can say."""
    whole = {tuple(it.names): it for it in laid_out if it.is_part}
    return [whole.get(tuple(image.names), image) for image in saved]


def _saved_images(archive: Archive) -> Iterator[ArchivedImage]:
    raw = archive.read("manifest.json", MAX_DOCUMENT_BYTES)
    for item in decode_document(raw, list[_SavedImage], "invalid archive: manifest.json"):
        raw_config = archive.read(item.config, MAX_DOCUMENT_BYTES)
        sources = tuple(LayerSource(archive.open(name), _blob_digest(name)) for name in item.layers)
        names = tuple(_tag(text) for text in item.repo_tags)
        yield _image(raw_config, sources, names, item.parent or None)


def _layout_images(
    archive: Archive, index: Index, host: Platform, platform: Platform | None
) -> Iterator[ArchivedImage]:
    if len(index.manifests) > _MAX_IMAGES:
        raise InvalidArgumentError(f"invalid archive: index.json lists {len(index.manifests)} images")
    found: dict[tuple[str, ...], list[Reference]] = {}
    parts: set[tuple[str, ...]] = set()
    platforms: dict[str, Platform | None] = {}
    for descriptor in index.manifests:
        chosen = _chosen(archive, descriptor, host, platform)
        digests = tuple(it.digest for it in chosen)
        if digests:
            offered = [it.platform.platform() if it.platform else None for it in chosen]
            platforms.update(zip(digests, offered, strict=True))
            names = found.setdefault(digests, [])
            if (name := _annotated_name(descriptor)) is not None:
                names.append(name)
            if descriptor.media_type in INDEX_TYPES:
                parts.add(digests)
    for digests, names in found.items():
        images = [
            replace(it, offered=platforms[digest])
            for digest in digests
            if (it := _layout_image(archive, digest)) is not None
        ]
        if images:
            first, *others = images
            yield replace(first, names=tuple(names), others=tuple(others), is_part=digests in parts)


def _layout_image(archive: Archive, digest: str) -> ArchivedImage | None:
    """The image of a manifest; of an artifact (a signature, an attestation, a chart) nothing."""
    manifest = decode_document(_blob(archive, digest), Manifest, f"manifest {digest}")
    if manifest.config.media_type not in IMAGE_CONFIG_TYPES | {""}:
        return None
    sources = tuple(LayerSource(_open_blob(archive, it), it.digest) for it in manifest.layers)
    return _image(_blob(archive, manifest.config.digest), sources, (), None)


def _chosen(
    archive: Archive, descriptor: Descriptor, host: Platform, platform: Platform | None
) -> list[Descriptor]:
    """The manifests meant by an entry of index.json: of an index every platform that is there, or one."""
    wanted = platform or host
    best = _choose_manifest(archive, descriptor, wanted, 0)
    if platform is not None or descriptor.media_type not in INDEX_TYPES:
        return [best] if best else []
    index = decode_document(_blob(archive, descriptor.digest), Index, f"index {descriptor.digest}")
    several: dict[Platform, Descriptor] = {}
    for item in index.manifests:
        if item.platform is not None and item.media_type in MANIFEST_TYPES and _is_whole(archive, item):
            offered = normalize(item.platform.platform())
            if offered.os == host.os:
                several.setdefault(offered, item)
    if len(several) > 1:
        return list(several.values())
    return [best] if best else list(several.values())


def _is_whole(archive: Archive, descriptor: Descriptor) -> bool:
    """Whether the archive has all of an image: a layout may hold the blobs of some platforms only."""
    if _blob_name(descriptor.digest) not in archive:
        return False
    manifest = decode_document(_blob(archive, descriptor.digest), Manifest, f"manifest {descriptor.digest}")
    return all(_blob_name(it.digest) in archive for it in (manifest.config, *manifest.layers))


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
