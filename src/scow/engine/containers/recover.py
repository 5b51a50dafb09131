"""Start-up: what is written and what is true are made one again.

The reaper knows which processes live and how others ended while no daemon was there; the store knows what
was promised. Where they differ the reaper is right about processes and the store about everything else:

    store          reaper             then
    alive          running            adopted
    alive          ended              its end is recorded, as if just reported
    alive          unknown            it ended with its reaper: exit code 255, as Docker after a crash
    down or gone   running            a start that nobody was told of: ended
    anything       ended              forgotten

Then leftovers without a document are removed, and restart policies bring back what they should.
"""

import logging
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from scow.engine.containers.exits import Exits
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.restart import restarts_with_daemon
from scow.engine.containers.states import Status
from scow.errors import ScowError
from scow.image.store import ImageStore
from scow.linux.processes import is_running
from scow.network.endpoint import Endpoint
from scow.runtime.supervisor import Exited, Running
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)

EXIT_UNKNOWN = 255


def surviving_endpoints(containers: Containers) -> list[Endpoint]:
    """Endpoints of containers whose process still runs: their addresses and ports are taken."""
    return [
        live.doc.endpoint
        for live in containers
        if live.doc.endpoint is not None
        and live.doc.alive
        and is_running(live.doc.state.pid, live.doc.state.pid_start_time)
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
        exits: Exits,
        tasks: TaskOwner,
    ) -> None:
        self._root = root
        self._bundles = bundles
        self._containers = containers
        self._images = images
        self._launcher = launcher
        self._exits = exits
        self._tasks = tasks

    async def recover(self, processes: Iterable[Running]) -> None:
        """Reconcile with what the reaper knows; ends when every container's state is true."""
        known = {process.key: process for process in processes}
        for live in self._containers:
            await self._reconcile(live, known.pop(live.doc.id, None))
        for process in known.values():
            await self._unknown(process)
        await self._remove_orphans()

    async def _reconcile(self, live: Live, process: Running | None) -> None:
        doc = live.doc
        if doc.alive:
            if process is None:
                await self._exits.exited(Exited(doc.id, EXIT_UNKNOWN, time.time_ns()))
            elif process.exited is not None:
                await self._exits.exited(process.exited)
            else:
                self._launcher.adopt(live)
            return
        if process is not None and process.exited is None:
            _log.warning("container %s was being started when the daemon ended: stopping it", doc.id)
        if process is not None or (self._bundles / doc.id).exists():
            # The bundle is what a clean-up removes when nothing else of a process is left but its mount.
            async with live.lock:
                await self._launcher.clean_up(live)

    async def _unknown(self, process: Running) -> None:
        """An exec of an earlier daemon, which runs on; or the last of a container that is gone."""
        if process.exited is not None:
            await self._launcher.forget(process.key)

    async def _remove_orphans(self) -> None:
        for key in self._images.rootfs_keys():
            if key not in self._containers:
                await self._images.remove_rootfs(key)
        for folder in (self._root, self._bundles):
            for path in await run_blocking(_children, folder):
                if path.name not in self._containers:
                    await run_blocking(shutil.rmtree, path, True)

    async def apply_restart_policies(self) -> None:
        """Start what was running, or should have been, when the last daemon ended."""
        for live in self._containers:
            doc = live.doc
            interrupted = doc.state.status is Status.RESTARTING
            due = restarts_with_daemon(
                doc.host.restart_policy,
                exit_code=doc.state.exit_code,
                manually_stopped=doc.manually_stopped,
            )
            started_once = doc.state.status is Status.EXITED
            if interrupted or (due and started_once):
                self._tasks.start(self._start(live), name=f"restart {doc.id[:12]}")

    async def _start(self, live: Live) -> None:
        async with live.lock:
            if live.doc.alive:
                return
            try:
                await self._launcher.start(live)
            except ScowError as exc:
                _log.warning("container %s could not be started: %s", live.doc.id, exc)


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
