"""What the engine's data takes on disk, in bytes."""

import msgspec

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.build import BuildCacheRecord
from scow.spec.engine_api.container_views import ContainerSummary
from scow.spec.engine_api.image import ImageSummary
from scow.spec.engine_api.volume import Volume


class DiskUsage(Body, kw_only=True):
    """The answer of ``GET /system/df`` until 1.52; a kind that was not asked for is left out.

    ``layers_size`` counts a layer once that several images have.
    """

    layers_size: int | msgspec.UnsetType = msgspec.UNSET
    images: list[ImageSummary] | msgspec.UnsetType = msgspec.UNSET
    containers: list[ContainerSummary] | msgspec.UnsetType = msgspec.UNSET
    volumes: list[Volume] | msgspec.UnsetType = msgspec.UNSET
    build_cache: list[BuildCacheRecord] | msgspec.UnsetType = msgspec.UNSET


class UsageSummary(Body, kw_only=True, omit_defaults=True):
    """One kind of object since 1.52; zeroes are left out, as in Go. ``items`` are those of ``DiskUsage``."""

    active_count: int = 0
    total_count: int = 0
    reclaimable: int = 0
    total_size: int = 0
    items: list[object] = []
