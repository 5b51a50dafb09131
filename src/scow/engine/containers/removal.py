"""Removal: the document goes first, in one commit; what it stood for goes after.

A kill in between leaves a file system and folders without a document, which start-up clears. What cannot be
removed gets its document back, as a dead container, whose removal can be tried again. The name stays
reserved until everything is gone, so a new container of that name cannot meet leftovers.
"""

import logging
import shutil
from pathlib import Path

from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.mounts.images import mount_keys
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Action, Status
from scow.engine.containers.waits import Waits
from scow.engine.events import EventBus
from scow.engine.execs import Execs
from scow.engine.volumes.service import Volumes
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.image.store import ImageStore
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)


class Removal:
    """Removes containers."""

    def __init__(
        self,
        root: Path,
        containers: Containers,
        images: ImageStore,
        volumes: Volumes,
        launcher: Launcher,
        execs: Execs,
        waits: Waits,
        events: EventBus,
    ) -> None:
        self._root = root
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._launcher = launcher
        self._execs = execs
        self._waits = waits
        self._events = events

    async def remove_stopped(self, live: Live, *, volumes: bool) -> None:
        """Remove a container that does not run; the caller holds its lock.

        Raises ConflictError with Docker's message for one that does.
        """
        doc = live.doc
        if doc.id not in self._containers:
            raise NotFoundError(f"No such container: {doc.id}")
        match doc.state.status:
            case Status.RUNNING | Status.RESTARTING as status:
                raise ConflictError(
                    f"container is {status}: stop the container before removing or force remove"
                )
            case Status.PAUSED:
                raise ConflictError("container is paused and must be unpaused first")
        await self.discard(live, volumes=volumes)
        await self.clear(live)
        self.tell(live)

    async def discard(self, live: Live, *, volumes: bool = True) -> None:
        """Drop the document, and with it in one transaction those of the volumes that nobody else has."""
        doc = live.doc
        before = doc.state.status
        doc.step(Action.REMOVE)
        names = [r.name for r in doc.mounts if volumes and r.type == "volume" and r.anonymous]
        live.doomed_volumes = self._volumes.unused_without(names, doc.id)
        try:
            await self._containers.discard(live, *self._volumes.deletions(live.doomed_volumes))
        except BaseException:
            doc.state.status = before
            raise

    def tell(self, live: Live) -> None:
        """Tell the world that the container is gone; its document is."""
        container_event(self._events, live.doc, "destroy")
        self._waits.removed(live.doc)

    async def clear(self, live: Live) -> None:
        """Free what a discarded container held on disk, and then its name.

        Raises ScowError if that fails; the container is back then, dead.
        """
        doc = live.doc
        self._execs.discard_all(live)
        await self._launcher.forwarding.finish(doc.id)
        await self._launcher.forget(doc.id)
        for name in live.doomed_volumes:
            await self._volumes.discard(name)
        try:
            for key in (doc.id, *mount_keys(doc)):
                await self._images.rootfs.remove(key)
            await run_blocking(_remove_tree, self._root / doc.id)
        except (OSError, ScowError) as exc:
            raise await self._bury(live, exc) from exc
        self._containers.release_name(doc.name)

    async def _bury(self, live: Live, exc: OSError | ScowError) -> ScowError:
        doc = live.doc
        doc.step(Action.REMOVE_FAILED)
        failure = ScowError(f"unable to remove filesystem: {exc}")
        doc.state.error = failure.message
        await self._containers.bring_back(live)
        self._waits.removed(doc, failure.message)
        return failure


def _remove_tree(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
