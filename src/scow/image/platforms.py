"""Images of several platforms: variants, each an image of its own, under one id and one set of names.

The id is the digest of the OCI index that ``docker save`` writes for them: one manifest for each variant, of
its config and its uncompressed layers. So it depends on nothing but the variants, and an archive gives the
same id to whoever loads it. What a registry calls them is a name with another digest, as for every image.
"""

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.model import Image
from scow.spec.digest import sha256_of
from scow.spec.oci_image import LAYOUT_CONFIG, LAYOUT_INDEX, LAYOUT_LAYER, LAYOUT_MANIFEST
from scow.spec.platform import Platform, normalize, rank


class VariantRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One variant: its image, and its manifest in the index."""

    image_id: str
    os: str
    architecture: str
    variant: str = ""
    manifest: str
    manifest_bytes: int
    content_bytes: int
    """Of config and layers as they are in an archive."""
    is_here: bool = True
    """Not if it was removed alone: the index has it still."""

    @property
    def platform(self) -> Platform:
        """What it is for. Old configs do not say which variant."""
        return Platform(self.os, self.architecture, self.variant)


class PlatformsRecord(msgspec.Struct, kw_only=True, frozen=True):
    """What is stored of such an image, by its id."""

    variants: list[VariantRecord]
    last_tagged_ns: int = 0


@dataclass(frozen=True, slots=True)
class Platforms:
    """An image of several platforms; variants in the order of the index."""

    id: str
    record: PlatformsRecord

    def tagged(self, now_ns: int) -> "Platforms":
        """The same with another time at which it got a name."""
        return Platforms(self.id, msgspec.structs.replace(self.record, last_tagged_ns=now_ns))

    def without(self, image_ids: Container[str]) -> "Platforms":
        """The same index, whose variants with these images are not here."""
        variants = [
            msgspec.structs.replace(it, is_here=False) if it.image_id in image_ids else it
            for it in self.record.variants
        ]
        return Platforms(self.id, msgspec.structs.replace(self.record, variants=variants))

    def best_for(self, wanted: Platform) -> int | None:
        """The place among those that are here of the variant that serves ``wanted`` best."""
        return choose([variant.platform for variant in self.here], wanted)

    @property
    def here(self) -> tuple[VariantRecord, ...]:
        """The variants that are not removed, one at least."""
        return tuple(variant for variant in self.record.variants if variant.is_here)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Of the variants that are here."""
        return tuple(variant.image_id for variant in self.here)


@dataclass(frozen=True, slots=True)
class Variant:
    """What goes into an index: an image, and its layers' digests and sizes as plain tars, lowest first."""

    image: Image
    platform: Platform
    config_bytes: int
    layers: Sequence[tuple[str, int]]


def platform_of(image: Image) -> Platform:
    """What an image's config says that it is for."""
    return Platform(image.os or "linux", image.architecture, image.variant)


def manifest_document(config: tuple[str, int], layers: Iterable[tuple[str, int]]) -> bytes:
    """The OCI manifest of digests and sizes."""
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": LAYOUT_MANIFEST,
            "config": {"mediaType": LAYOUT_CONFIG, "digest": config[0], "size": config[1]},
            "layers": [{"mediaType": LAYOUT_LAYER, "digest": it, "size": size} for it, size in layers],
        }
    )


def index_document(variants: Iterable[VariantRecord]) -> bytes:
    """The OCI index of manifests."""
    manifests = [
        {
            "mediaType": LAYOUT_MANIFEST,
            "digest": record.manifest,
            "size": record.manifest_bytes,
            "platform": platform_document(record.platform),
        }
        for record in variants
    ]
    return encoded({"schemaVersion": 2, "mediaType": LAYOUT_INDEX, "manifests": manifests})


def platform_document(platform: Platform) -> dict[str, str]:
    """As OCI documents have it."""
    document = {"architecture": platform.architecture, "os": platform.os}
    return document | ({"variant": platform.variant} if platform.variant else {})


def encoded(document: dict[str, Any]) -> bytes:
    """The one form in which these documents are digested."""
    return json.dumps(document, separators=(",", ":")).encode()


def platforms_of(variants: Sequence[Variant], now_ns: int) -> Platforms:
    """The image of several platforms. Raises InvalidArgumentError for two variants of one platform."""
    records = []
    for variant in variants:
        manifest = manifest_document((variant.image.id, variant.config_bytes), variant.layers)
        records.append(
            VariantRecord(
                image_id=variant.image.id,
                os=variant.platform.os,
                architecture=variant.platform.architecture,
                variant=variant.platform.variant,
                manifest=sha256_of(manifest),
                manifest_bytes=len(manifest),
                content_bytes=variant.config_bytes + sum(size for _, size in variant.layers),
            )
        )
    if len({normalize(it.platform) for it in variants}) < len(variants):
        raise InvalidArgumentError("an image has two variants for one platform")
    record = PlatformsRecord(variants=records, last_tagged_ns=now_ns)
    return Platforms(sha256_of(index_document(records)), record)


def choose(offered: Sequence[Platform], wanted: Platform) -> int | None:
    """The place of the one that serves ``wanted`` best."""
    orders = [(order, at) for at, it in enumerate(offered) if (order := rank(wanted, it)) is not None]
    return min(orders)[1] if orders else None


def not_provided(name: str, wanted: Platform) -> NotFoundError:
    """Docker's words."""
    return NotFoundError(
        f"image with reference {name} was found but does not provide the specified platform ({wanted})"
    )
