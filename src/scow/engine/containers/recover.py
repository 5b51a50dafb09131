"""Start-up: what is written and what is true are made one again.

The reaper knows which processes live and how others ended while no daemon was there; the store knows what
was promised. Where they differ the reaper is right about processes and the store about everything else:

    store          reaper             then
    alive          running            adopted
    alive          ended              its end is recorded, as if just reported
    alive          unknown            it ended with its reaper: exit code 255, as Docker after a crash
    down or gone   running            a start that nobody was told of: ended
    anything       ended              forgotten

Then leftovers without a document are removed, with containers that should have removed themselves, and
restart policies bring back what they should.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from scow.engine.containers.connections import Connections
from scow.engine.containers.exits import Exits
from scow.engine.containers.image_mounts import container_of
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.restart import restarts_with_daemon
from scow.engine.containers.states import Action, Status
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.store import ImageStore
from scow.linux.processes import is_running
from scow.network.endpoint import Endpoint
from scow.runtime.namespaces import donor_of
from scow.runtime.supervisor import Exited, Running
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)

EXIT_UNKNOWN = 255
# As long as Docker waits for the others that a container depends on.
_DONOR_PATIENCE_S = 5.0


def surviving_endpoints(containers: Containers) -> list[tuple[str, Endpoint]]:
    """Endpoints of containers whose process still runs, with their names: addresses and ports are taken."""
    return [
        (live.doc.name, endpoint)
        for live in containers
        if live.doc.alive and is_running(live.doc.state.pid, live.doc.state.pid_start_time)
        for endpoint in live.doc.endpoints.values()
    ]


class Recovery:
    """Runs once, before the first request."""

    def __init__(
        self,
        root: Path,
        bundles: Path,
        containers: Containers,
        images: ImageStore,
        launcher: Launcher,
        connections: Connections,
        removal: Removal,
        exits: Exits,
        tasks: TaskOwner,
    ) -> None:
        self._root = root
        self._bundles = bundles
        self._containers = containers
        self._images = images
        self._launcher = launcher
        self._connections = connections
        self._removal = removal
        self._exits = exits
        self._tasks = tasks

    async def recover(self, processes: Iterable[Running]) -> None:
        """Reconcile with what the reaper knows; ends when every container's state is true."""
        known = {process.key: process for process in processes}
        for live in self._containers:
            await self._reconcile(live, known.pop(live.doc.id, None))
        for process in known.values():
            await self._unknown(process)
        await self._remove_ended()
        await self._remove_orphans()
        await self._unmount_unused()

    async def _reconcile(self, live: Live, process: Running | None) -> None:
        doc = live.doc
        if doc.alive:
            if process is None:
                await self._exits.exited(Exited(doc.id, EXIT_UNKNOWN, time.time_ns()))
            elif process.exited is not None:
                await self._exits.exited(process.exited)
            else:
                await self._adopt(live)
            return
        if process is not None and process.exited is None:
            _log.warning("container %s was being started when the daemon ended: stopping it", doc.id)
        if process is not None or (self._bundles / doc.id).exists():
            # The bundle is what a clean-up removes when nothing else of a process is left but its mount.
            async with live.lock:
                await self._launcher.clean_up(live)
        self._launcher.forwarding.update(live)

    async def _adopt(self, live: Live) -> None:
        """Hold on to a process; one that the last daemon was about to freeze or to thaw may be so by now."""
        frozen = self._launcher.is_frozen(live.doc)
        if frozen and live.doc.paused_for_commit:
            await self._launcher.unpause(live)
            frozen = False
        if frozen != (live.doc.state.status is Status.PAUSED):
            live.doc.step(Action.PAUSE if frozen else Action.UNPAUSE)
            await self._containers.save(live)
        if live.doc.limits_pending:
            await self._apply_limits(live)
        self._launcher.adopt(live)
        await self._connections.adopt(live)
        self._launcher.status_changed(live)

    async def _apply_limits(self, live: Live) -> None:
        """Finish an update that the last daemon had begun."""
        try:
            await self._launcher.apply_limits(live.doc)
        except ScowError as exc:
            _log.warning("limits of %s: %s", live.doc.id, exc)
            return
        live.doc.limits_pending = False
        await self._containers.save(live)

    async def _unknown(self, process: Running) -> None:
        """An exec of an earlier daemon, which runs on; or the last of a container that is gone."""
        if process.exited is not None:
            await self._launcher.forget(process.key)

    async def _remove_ended(self) -> None:
        """What goes with its end and is not alive: its end, or its start, came to nobody's knowledge."""
        for live in self._containers:
            if live.doc.host.auto_remove and not live.doc.alive:
                async with live.lock:
                    try:
                        await self._removal.remove_stopped(live, volumes=True)
                    except ScowError as exc:
                        _log.warning("container %s: %s", live.doc.id, exc)

    async def _remove_orphans(self) -> None:
        # First, while what it needs is still there: a bundle, a folder that a mount is in.
        await self._launcher.remove_orphans()
        for key in self._images.rootfs.known():
            if container_of(key) not in self._containers:
                await self._images.rootfs.remove(key)
        for folder in (self._root, self._bundles):
            for path in await run_blocking(_children, folder):
                if path.name not in self._containers:
                    await run_blocking(shutil.rmtree, path, True)

    async def _unmount_unused(self) -> None:
        """What the last daemon had mounted to copy files of containers that do not run."""
        for key in self._images.rootfs.mounted():
            live = self._containers.by_id(container_of(key))
            if live is not None and not live.doc.alive:
                await self._images.rootfs.unmount(key)

    async def apply_restart_policies(self) -> None:
        """Start what was running, or should have been, when the last daemon ended."""
        due = {live.doc.id: live for live in self._containers if _is_due(live.doc)}
        started: dict[str, asyncio.Task[None]] = {}
        for live in due.values():
            started[live.doc.id] = self._tasks.start(
                self._start(live, started), name=f"restart {live.doc.id[:12]}"
            )

    async def _start(self, live: Live, others: Mapping[str, "asyncio.Task[None]"]) -> None:
        doc = live.doc
        if donors := {others[donor] for donor in self._donors(doc) if donor in others}:
            await asyncio.wait(donors, timeout=_DONOR_PATIENCE_S)
        async with live.lock:
            if doc.alive or doc.id not in self._containers:
                return
            doc.manually_stopped, doc.restart_count = False, 0
            try:
                await self._launcher.start(live)
            except ScowError as exc:
                _log.warning("container %s could not be started: %s", doc.id, exc)

    def _donors(self, doc: Container) -> Iterator[str]:
        """Ids of the containers in whose namespaces this one runs, or that it links to: they start first."""
        for mode in (doc.host.network_mode, doc.host.ipc_mode, doc.host.pid_mode):
            if ref := donor_of(mode):
                with suppress(NotFoundError, InvalidArgumentError):
                    yield self._containers.get(ref).doc.id
        yield from doc.links.values()


def _is_due(doc: Container) -> bool:
    if doc.state.status is Status.RESTARTING:
        return True
    return doc.state.status is Status.EXITED and restarts_with_daemon(
        doc.host.restart_policy,
        exit_code=doc.state.exit_code,
        restart_count=doc.restart_count,
        manually_stopped=doc.manually_stopped,
    )


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
