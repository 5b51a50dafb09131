"""``POST /containers/prune``: all containers that do not run are removed, their volumes stay."""

import logging
import time

from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.prune_filters import OneAtATime, read_chosen
from scow.engine.timestamps import parse_rfc3339
from scow.errors import NotFoundError, ScowError
from scow.image.store import ImageStore
from scow.spec.engine_api.container_views import ContainersPruned
from scow.spec.filters import Filters

_log = logging.getLogger(__name__)


class ContainerPruning:
    """Removes stopped containers."""

    def __init__(
        self, containers: Containers, lifecycle: Lifecycle, images: ImageStore, events: EventBus
    ) -> None:
        self._containers = containers
        self._lifecycle = lifecycle
        self._images = images
        self._events = events
        self._alone = OneAtATime()

    async def prune(self, filters: Filters) -> ContainersPruned:
        """Remove them, as ``filters`` (label, label!, until) say; what cannot be removed is left.

        Raises InvalidArgumentError for a filter that cannot be, ConflictError while another prune runs.
        """
        filters.check("label", "label!", "until")
        chosen = read_chosen(filters, time.time_ns())
        removed: list[str] = []
        reclaimed = 0
        with self._alone.run():
            for live in self._containers:
                doc = live.doc
                if chosen.includes(doc.config.labels or {}, parse_rfc3339(doc.created)) and _is_down(live):
                    size = await self._size(doc.id)
                    if await self._remove(doc.id):
                        removed.append(doc.id)
                        reclaimed += size
        self._events.pruned("container", reclaimed)
        return ContainersPruned(containers_deleted=removed or None, space_reclaimed=reclaimed)

    async def _size(self, container_id: str) -> int:
        try:
            return await self._images.rootfs.usage(container_id)
        except NotFoundError:
            return 0

    async def _remove(self, container_id: str) -> bool:
        try:
            await self._lifecycle.remove(container_id, force=False, volumes=False, link=False)
        except ScowError as exc:
            _log.info("not pruned: %s", exc)
            return False
        return True


def _is_down(live: Live) -> bool:
    return not live.doc.alive and live.doc.state.status is not Status.RESTARTING
