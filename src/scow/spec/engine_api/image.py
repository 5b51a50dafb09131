"""Images: list, inspect, history, delete."""

from typing import Any

import msgspec

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.container_views import GraphDriver


class ManifestSummary(Body, kw_only=True):
    """One platform of an image; sizes in bytes."""

    id: str = msgspec.field(name="ID")
    descriptor: dict[str, Any]
    available: bool
    size: dict[str, int]
    kind: str
    image_data: dict[str, Any]


class ImageSummary(Body, kw_only=True):
    """One item of ``GET /images/json``; sizes in bytes, -1 where not computed."""

    id: str
    parent_id: str
    repo_tags: list[str]
    repo_digests: list[str]
    created: int
    size: int
    shared_size: int = -1
    labels: dict[str, str] | None
    containers: int = -1
    manifests: list[ManifestSummary] | msgspec.UnsetType = msgspec.UNSET


class RootFS(Body, kw_only=True):
    """The layers of an image, by diff id."""

    type: str
    layers: list[str] | msgspec.UnsetType = msgspec.UNSET


class ImageMetadata(Body, kw_only=True):
    """What the engine knows of an image besides its content."""

    last_tag_time: str


class ImageInspect(Body, kw_only=True):
    """The answer of ``GET /images/{name}/json``."""

    id: str
    repo_tags: list[str]
    repo_digests: list[str]
    parent: str
    comment: str
    created: str
    docker_version: str
    author: str
    config: ContainerConfig
    architecture: str
    variant: str | msgspec.UnsetType = msgspec.UNSET
    os: str
    os_version: str | msgspec.UnsetType = msgspec.UNSET
    size: int
    graph_driver: GraphDriver
    root_fs: RootFS = msgspec.field(name="RootFS")
    metadata: ImageMetadata
    descriptor: Any = msgspec.UNSET
    manifests: list[ManifestSummary] | msgspec.UnsetType = msgspec.UNSET


class HistoryItem(Body, kw_only=True):
    """One line of an image's history; ``created`` in Unix seconds."""

    id: str
    created: int
    created_by: str
    tags: list[str] | None
    size: int
    comment: str


class ImageDeleteItem(Body, kw_only=True):
    """One step of an image's removal; exactly one of the two is set."""

    untagged: str | msgspec.UnsetType = msgspec.UNSET
    deleted: str | msgspec.UnsetType = msgspec.UNSET


class DistributionInspect(Body, kw_only=True):
    """The answer of ``GET /distribution/{name}/json``: an OCI descriptor, and platforms."""

    descriptor: dict[str, Any]
    platforms: list[dict[str, str]]
