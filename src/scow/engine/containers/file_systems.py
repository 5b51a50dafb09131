"""A container's whole file system, with everything that is mounted in it, for whoever copies files.

Of a running container it is what its first process has mounted, but for what the kernel makes up there; of
any other its own file system with its volumes and binds at their places. tmpfs of a container that does not
run is nowhere: what is copied there goes below it.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from scow.engine.containers.model import Container, Live, MountRecord
from scow.engine.containers.mounts.volumes import held_volumes
from scow.engine.containers.registry import Containers
from scow.engine.volumes.use import VolumeUse
from scow.errors import NotFoundError, ScowError
from scow.image.store import ImageStore
from scow.image.visits import Visit
from scow.linux.mount_views import Bind, MountView, view_of_directory, view_of_process
from scow.linux.processes import is_running
from scow.tasks import open_blocking

_IDENTITY = ("hosts", "hostname", "resolv.conf")


class FileSystems:
    """Opens views. ``root`` holds the containers' folders."""

    def __init__(self, root: Path, containers: Containers, images: ImageStore, volumes: VolumeUse) -> None:
        self._root = root
        self._volumes = volumes
        self._containers = containers
        self._images = images

    @asynccontextmanager
    async def opened(self, live: Live, leave: Callable[[], None]) -> AsyncIterator[MountView]:
        """The view of a container for the block; ``leave`` is called when it is about to be removed.

        Raises NotFoundError, ScowError.
        """
        async with held_volumes(self._volumes, live):
            visit, view = await self._open(live, leave)
            try:
                yield view
            finally:
                view.close()
                await self._images.rootfs.end_visit(visit)

    @asynccontextmanager
    async def visited(self, live: Live, leave: Callable[[], None]) -> AsyncIterator[Visit]:
        """The container's own file system without anything mounted in it, for the block."""
        async with live.lock:
            visit = await self._visit(live, leave)
        try:
            yield visit
        finally:
            await self._images.rootfs.end_visit(visit)

    async def _open(self, live: Live, leave: Callable[[], None]) -> tuple[Visit, MountView]:
        # Under the lock nothing starts, ends or is removed: there is one answer to where its files are.
        async with live.lock:
            visit = await self._visit(live, leave)
            try:
                view = await open_blocking(partial(self._view, live.doc, visit.root), MountView.close)
                return visit, view
            except BaseException as exc:
                await self._images.rootfs.end_visit(visit)
                if isinstance(exc, OSError):
                    raise ScowError(f"failed to open the file system of {live.doc.id}: {exc}") from exc
                raise

    async def _visit(self, live: Live, leave: Callable[[], None]) -> Visit:
        if live.doc.id not in self._containers:
            raise NotFoundError(f"No such container: {live.doc.id}")
        return await self._images.rootfs.visit(live.doc.id, leave)

    def _view(self, doc: Container, rootfs: Path) -> MountView:
        if doc.alive:
            try:
                view = view_of_process(doc.state.pid, _mounted_in(doc))
            except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
                pass  # it has just ended, which will be recorded when we let go of the lock
            else:
                if is_running(doc.state.pid, doc.state.pid_start_time):
                    return view
                view.close()  # of somebody else, perhaps
        return view_of_directory(str(rootfs), self._binds(doc))

    def _binds(self, doc: Container) -> list[Bind]:
        """As they are at a start, the upper ones before those that are mounted in them."""
        binds = [_bind(record) for record in doc.mounts if record.type in ("bind", "volume")]
        taken = {bind.destination for bind in binds}
        for name in _IDENTITY:
            source, destination = self._root / doc.id / name, f"/etc/{name}"
            if destination not in taken and source.exists():
                binds.append(Bind(str(source), destination, writable=not doc.host.readonly_rootfs))
        return sorted(binds, key=lambda bind: bind.destination.count("/"))


def _bind(record: MountRecord) -> Bind:
    if record.create_source and not os.path.exists(record.source):
        os.makedirs(record.source, mode=0o755, exist_ok=True)
    return Bind(record.source, record.destination, record.writable)


def _mounted_in(doc: Container) -> list[str]:
    """Where a person has something mounted, and the engine its few files."""
    in_memory = doc.host.tmpfs if doc.host.tmpfs is not msgspec.UNSET else {}
    destinations = [record.destination for record in doc.mounts]
    return [*destinations, *in_memory, *(f"/etc/{name}" for name in _IDENTITY)]
