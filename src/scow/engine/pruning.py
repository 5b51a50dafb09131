"""Removing what nobody uses: images, build cache. Other objects have their own prunes."""

import logging
import time
from collections.abc import Iterable, Mapping

from scow.engine.build_cache import BuildCaches, read_prune
from scow.engine.events import EventBus
from scow.engine.image_layers import chain_sizes
from scow.engine.images import Images
from scow.engine.prune_filters import Chosen, OneAtATime, read_chosen, read_switch
from scow.engine.timestamps import parse_rfc3339
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.image.model import Image
from scow.image.store import ImageStore
from scow.spec.engine_api.image import ImageDeleteItem
from scow.spec.engine_api.prune import BuildCachePrune, ImagePrune
from scow.spec.filters import Filters

_log = logging.getLogger(__name__)


class Pruning:
    """What ``routes/prune.py`` calls."""

    def __init__(self, store: ImageStore, images: Images, events: EventBus, caches: BuildCaches) -> None:
        self._store = store
        self._images = images
        self._events = events
        self._caches = caches
        self._alone = OneAtATime()

    async def images(self, filters: Filters) -> ImagePrune:
        """Remove images without a tag, with the filter ``dangling=false`` all that no container has.

        Raises InvalidArgumentError for a filter that cannot be, ConflictError while another prune runs.
        """
        filters.check("dangling", "label", "label!", "until")
        dangling_only = read_switch(filters, "dangling", default=True)
        chosen = read_chosen(filters, time.time_ns())
        with self._alone.run():
            sizes = chain_sizes(self._store.all())
            removed: list[ImageDeleteItem] = []
            for image in self._prunable(chosen, dangling_only):
                for name in (*image.repo_tags, *image.repo_digests) or (image.target,):
                    removed += await self._delete(name)
            reclaimed = sum(sizes.get(item.deleted, 0) for item in removed if isinstance(item.deleted, str))
            await self._store.settle()
        self._events.pruned("image", reclaimed)
        return ImagePrune(images_deleted=removed or None, space_reclaimed=reclaimed)

    def _prunable(self, chosen: Chosen, dangling_only: bool) -> Iterable[Image]:
        """Newest first, so that an image goes before those it was made from."""
        images = sorted(self._store.shown(), key=lambda image: image.created, reverse=True)
        for image in images:
            if self._store.children(image.id) and (dangling_only or not image.repo_tags + image.repo_digests):
                continue
            if dangling_only and image.repo_tags:
                continue
            if not image.created and chosen.until_ns is not None:
                continue
            created_ns = parse_rfc3339(image.created) if image.created else 0
            if chosen.includes(image.config.labels or {}, created_ns):
                yield image

    async def _delete(self, name: str) -> list[ImageDeleteItem]:
        try:
            return await self._images.delete(name, force=False, noprune=False)
        except (ConflictError, NotFoundError):
            # In use, or gone with another image that was made from it.
            return []
        except (ScowError, OSError) as exc:
            _log.warning("failed to prune image %s: %s", name, exc)
            return []

    async def build_cache(
        self, filters: Filters, limits: Mapping[str, int], everything: bool
    ) -> BuildCachePrune:
        """Remove results that no image has, or all; the longest unused first, down to the limits.

        Raises as above.
        """
        asked = read_prune(filters, limits, everything=everything)
        with self._alone.run():
            gone = await self._caches.prune(asked)
            await self._store.settle()
            reclaimed = sum(it.size_bytes for it in gone)
        self._events.pruned("builder", reclaimed)
        return BuildCachePrune(caches_deleted=[it.id for it in gone] or None, space_reclaimed=reclaimed)
