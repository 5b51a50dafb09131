"""Containers' file systems, as the engine asks for them: each holds the layers of the image below it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scow import tasks
from scow.image.catalog import Catalog
from scow.image.holds import Holds
from scow.image.layers import LayerStore
from scow.image.rootfs import RootfsStore
from scow.image.snapshots.base import SnapshotDriver
from scow.image.threads import run_to_end
from scow.image.visits import Visit

if TYPE_CHECKING:
    from scow.image.differences import Difference


class ContainerRootfs:
    """``key`` is the container's id, or a name of its own for a file system that is mounted into one."""

    def __init__(
        self, driver: SnapshotDriver, layers: LayerStore, store: RootfsStore, holds: Holds, catalog: Catalog
    ) -> None:
        self._driver = driver
        self._layers = layers
        self._store = store
        self._holds = holds
        self._catalog = catalog

    def limit(self, options: Mapping[str, str]) -> int | None:
        """What ``--storage-opt`` asks for, in bytes. Raises ScowError, InvalidArgumentError."""
        return self._driver.container_limit(options)

    async def create(
        self,
        key: str,
        image_id: str | None,
        *,
        size_limit_bytes: int | None = None,
        changes: str | None = None,
    ) -> None:
        """Make a writable file system on an image, or on nothing.

        It begins empty, or as a copy of the topmost layer of stack ``changes``, which the caller holds.
        All or nothing. The image's layers stay as long as this does, whatever becomes of the image.
        Raises NotFoundError, ConflictError, ``OSError``.
        """
        chain_id = self._catalog.get(image_id).chain_id if image_id is not None else None
        self._layers.hold(chain_id)
        try:
            await self._store.create(key, chain_id, size_limit_bytes, changes)
        except BaseException:
            await self._holds.let_go([chain_id])
            raise

    async def mount(self, key: str) -> Path:
        """Where it is to be seen. Repeatable. Raises NotFoundError, ``OSError``."""
        return await self._store.mount(key)

    async def unmount(self, key: str) -> None:
        """Repeatable."""
        await self._store.unmount(key)

    async def remove(self, key: str) -> None:
        """Unmount and delete, and the layers below if nothing else uses them. Repeatable after a kill."""
        await self._holds.let_go([await self._store.remove(key)])

    async def visit(self, key: str, leave: Callable[[], None]) -> Visit:
        """Work in it; ``leave`` is called when it is about to be removed.

        The removal waits for ``end_visit``. Raises NotFoundError, ``OSError``.
        """
        return await self._store.visit(key, leave)

    async def end_visit(self, visit: Visit) -> None:
        """Once for each visit."""
        await self._store.end_visit(visit)

    def mounted(self) -> set[str]:
        """Those that are mounted for their containers, by this engine or an earlier one."""
        return self._store.still_mounted()

    async def changes(self, key: str) -> "list[Difference]":
        """What the container has changed. Raises NotFoundError, ``OSError``."""
        visit = await self._store.visit(key, _no_hurry)
        try:
            return await run_to_end(self._store.changes, key)
        finally:
            await self._store.end_visit(visit)

    async def usage(self, key: str) -> int:
        """Bytes that the container has written. Raises NotFoundError."""
        return await self._store.usage(key)

    async def exists(self, key: str) -> bool:
        """Whether it is on disk."""
        return await tasks.run_blocking(self._driver.exists, key)

    def known(self) -> set[str]:
        """All of which something is here, whole or not."""
        return set(self._store.stacks())

    def graph_data(self, key: str) -> dict[str, str]:
        """``GraphDriver.Data``. Raises NotFoundError."""
        return self._driver.paths(key, self._store.below(key))


def _no_hurry() -> None:
    """For a visit that ends by itself soon."""
