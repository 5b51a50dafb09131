"""Manifests and indexes that scow writes itself (OCI image-spec 1.1, Docker manifest schema 2).

They are indented by three spaces: BuildKit's are, and people compare digests.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scow.spec.platform import Platform

UNKNOWN = Platform("unknown", "unknown")
"""What a manifest is for that nobody is to run."""


@dataclass(frozen=True, slots=True)
class MediaTypes:
    """What documents are called: by OCI, or by Docker before there was one."""

    manifest: str
    index: str
    config: str
    layer: Mapping[str, str]
    """By compression."""


OCI = MediaTypes(
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.config.v1+json",
    {
        "uncompressed": "application/vnd.oci.image.layer.v1.tar",
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    },
)
DOCKER = MediaTypes(
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.container.image.v1+json",
    {
        "uncompressed": "application/vnd.docker.image.rootfs.diff.tar",
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
    },
)


@dataclass(frozen=True, slots=True)
class Described:
    """A descriptor: what a blob is, its digest, its bytes. ``platform`` is of a manifest in an index."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None

    def document(self) -> dict[str, Any]:
        """As it stands in a document."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            found["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform is not None:
            found["platform"] = _platform(self.platform)
        return found


def manifest(
    types: MediaTypes, config: Described, layers: Sequence[Described], annotations: Mapping[str, str]
) -> bytes:
    """One image's."""
    return _encoded(
        {
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": config.document(),
            "layers": [it.document() for it in layers],
            **_annotations(annotations),
        }
    )


def index(types: MediaTypes, manifests: Sequence[Described], annotations: Mapping[str, str]) -> bytes:
    """A list of manifests."""
    return _encoded(
        {
            "schemaVersion": 2,
            "mediaType": types.index,
            "manifests": [it.document() for it in manifests],
            **_annotations(annotations),
        }
    )


def _platform(platform: Platform) -> dict[str, str]:
    found = {"architecture": platform.architecture, "os": platform.os}
    return found | ({"variant": platform.variant} if platform.variant else {})


def _annotations(annotations: Mapping[str, str]) -> dict[str, Any]:
    return {"annotations": dict(sorted(annotations.items()))} if annotations else {}


def _encoded(document: object) -> bytes:
    return json.dumps(document, indent=3, ensure_ascii=False).encode()
