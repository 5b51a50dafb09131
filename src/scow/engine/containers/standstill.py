"""Containers stand still while somebody copies what they could change: for a commit, for a copy of a volume.

That a container does so for us is stored: after a kill it goes on as soon as the next engine is there. Who
unpauses or ends one meanwhile is in his right.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.registry import Containers
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.tasks import KeyedLock


class Standstill:
    """Pauses containers for the time of a block; several blocks may want the same one."""

    def __init__(self, containers: Containers, lifecycle: Lifecycle) -> None:
        self._containers = containers
        self._lifecycle = lifecycle
        self._holders: dict[str, int] = {}
        self._locks = KeyedLock()

    @asynccontextmanager
    async def of(self, container_ids: Iterable[str]) -> AsyncIterator[None]:
        """Those of ``container_ids`` that run are paused for the block; others are passed over."""
        async with AsyncExitStack() as stack:
            for container_id in sorted(container_ids):
                if await self._freeze(container_id):
                    stack.push_async_callback(self._thaw, container_id)
            yield

    async def _freeze(self, container_id: str) -> bool:
        """Whether it is to be thawed: it ran, and stands still now."""
        async with self._locks.hold(container_id):
            if container_id not in self._holders:
                if self._containers.by_id(container_id) is None:
                    return False
                try:
                    await self._lifecycle.pause(container_id, for_commit=True)
                except (ConflictError, NotFoundError):
                    return False  # it does not run, or somebody has paused it
            self._holders[container_id] = self._holders.get(container_id, 0) + 1
            return True

    async def _thaw(self, container_id: str) -> None:
        async with self._locks.hold(container_id):
            left = self._holders.pop(container_id) - 1
            if left:
                self._holders[container_id] = left
                return
            live = self._containers.by_id(container_id)
            if live is not None and live.doc.paused_for_commit:
                with suppress(ScowError):
                    await self._lifecycle.unpause(container_id)
