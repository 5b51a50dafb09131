"""Start-up: what is written and what is true are made one again.

The reaper knows which processes live and how others ended while no daemon was there; the store knows what
was promised. Where they differ the reaper is right about processes and the store about everything else:

    store          reaper             then
    alive          running            adopted
    alive          ended              its end is recorded, as if just reported
    alive          unknown            it ended with its reaper: exit code 255, as Docker after a crash
    down or gone   running            a start that nobody was told of: ended
    anything       ended              forgotten

Then leftovers without a document are removed, with containers that should have removed themselves.
"""

import logging
import time
from collections.abc import Iterable

from scow.engine.containers.connections import Connections
from scow.engine.containers.exits import Exits
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.recovery.leftovers import Leftovers
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.states import Action, Status
from scow.errors import ScowError
from scow.linux.processes import is_running
from scow.network.endpoint import Endpoint
from scow.runtime.supervisor import Exited, Running

_log = logging.getLogger(__name__)

EXIT_UNKNOWN = 255


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
        leftovers: Leftovers,
        containers: Containers,
        launcher: Launcher,
        connections: Connections,
        removal: Removal,
        exits: Exits,
    ) -> None:
        self._leftovers = leftovers
        self._containers = containers
        self._launcher = launcher
        self._connections = connections
        self._removal = removal
        self._exits = exits

    async def recover(self, processes: Iterable[Running]) -> None:
        """Reconcile with what the reaper knows; ends when every container's state is true."""
        known = {process.key: process for process in processes}
        for live in self._containers:
            await self._reconcile(live, known.pop(live.doc.id, None))
        for process in known.values():
            await self._unknown(process)
        await self._remove_ended()
        # First, while what it needs is still there: a bundle, a folder that a mount is in.
        await self._launcher.remove_orphans()
        await self._leftovers.remove_orphans()
        await self._leftovers.unmount_unused()

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
        if process is not None or self._leftovers.has_bundle(doc.id):
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
