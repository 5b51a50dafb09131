"""``docker system df``: what images, containers and volumes take on disk."""

import asyncio
from collections.abc import Collection

from scow.engine.build_cache import BuildCaches, shown_records
from scow.engine.containers.service import ContainerService
from scow.engine.image_layers import chain_sizes
from scow.engine.images import Images
from scow.engine.volumes.service import Volumes
from scow.image.store import ImageStore
from scow.spec.engine_api.disk_usage import DiskUsage
from scow.spec.filters import Filters


class DiskUsages:
    """What ``routes/disk_usage.py`` calls. Walks every file, so one caller after the other is served."""

    def __init__(
        self,
        store: ImageStore,
        images: Images,
        containers: ContainerService,
        volumes: Volumes,
        caches: BuildCaches,
    ) -> None:
        self._store = store
        self._images = images
        self._containers = containers
        self._volumes = volumes
        self._caches = caches
        self._lock = asyncio.Lock()

    async def usage(self, kinds: Collection[str]) -> DiskUsage:
        """Of the ``kinds`` container, image, volume and build-cache."""
        found = DiskUsage()
        everything = Filters()
        async with self._lock:
            if "image" in kinds:
                found.images = await self._images.list(
                    all=False, filters=everything, shared_size=True, digests=True
                )
                found.layers_size = sum(chain_sizes(self._store.all()).values())
            if "container" in kinds:
                found.containers = await self._containers.list(
                    all=True, limit=0, size=True, filters=everything
                )
            if "volume" in kinds:
                found.volumes = list(await self._volumes.with_usage())
            if "build-cache" in kinds:
                found.build_cache = shown_records(await self._caches.records())
        return found
