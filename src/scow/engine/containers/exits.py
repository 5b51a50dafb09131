"""The end of a container's process: recorded, told, cleaned up after, in that order.

Whoever waits is answered as soon as the end is stored and its output delivered; namespaces, mounts and
cgroups go afterwards, under the container's lock, so a start or a removal that follows finds them gone.
"""

import asyncio
import logging
from dataclasses import dataclass

from scow.engine.containers import health
from scow.engine.containers.events import container_event, resource_events
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.restart import next_delay, restarts_after_exit
from scow.engine.containers.states import Action
from scow.engine.containers.waits import Waits
from scow.engine.events import EventBus
from scow.engine.timestamps import parse_rfc3339, rfc3339
from scow.errors import ScowError
from scow.runtime.supervisor import Exited
from scow.tasks import TaskOwner

_log = logging.getLogger(__name__)

# An attached client has this long to take the last output before those who wait for the exit code are
# told; a client that has stopped reading must not hold them up.
RELAY_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Consequences:
    """What follows from the end of a process that ran for ``ran_s`` seconds."""

    ran_s: float
    restarts: bool
    removes: bool


class Exits:
    """Turns the supervisor's reports into transitions."""

    def __init__(
        self,
        containers: Containers,
        launcher: Launcher,
        removal: Removal,
        waits: Waits,
        events: EventBus,
        tasks: TaskOwner,
    ) -> None:
        self._containers = containers
        self._launcher = launcher
        self._removal = removal
        self._waits = waits
        self._events = events
        self._tasks = tasks

    async def exited(self, ended: Exited) -> None:
        """The process of the container ``ended.key`` is gone and its output is all delivered."""
        if live := self._containers.by_id(ended.key):
            async with live.lock:
                if live.doc.alive:
                    await self._record(live, ended)
                    return
        await self._launcher.forget(ended.key)

    async def _record(self, live: Live, ended: Exited) -> None:
        """Each step of the module's order; what comes after it sees what it did."""
        follows = self._settle(live, ended)
        removed = await self._store_end(live, remove=follows.removes)
        self._launcher.status_changed(live)
        self._tell(live.doc, ended, follows.ran_s)
        await self._relays_done(live)
        if removed:
            self._removal.tell(live)
        else:
            self._waits.exited(live.doc)
        await self._launcher.clean_up(live)
        if removed:
            await self._clear(live)
        elif follows.restarts:
            self._restart_in_time(live, follows.ran_s)

    def _settle(self, live: Live, ended: Exited) -> _Consequences:
        """The document as it is from now on, in memory, and what follows from that."""
        doc = live.doc
        state = doc.state
        live.being_killed = False
        state.exit_code = ended.exit_code
        state.finished_at = rfc3339(ended.finished_at_ns)
        if not state.oom_killed and self._launcher.had_oom_kill(doc):
            state.oom_killed = True
            container_event(self._events, doc, "oom")
        health.suspended(state.health)
        restarts = restarts_after_exit(
            doc.host.restart_policy,
            exit_code=ended.exit_code,
            restart_count=doc.restart_count,
            manually_stopped=doc.manually_stopped or live.being_restarted,
        )
        doc.step(Action.DIE_TO_RESTART if restarts else Action.DIE)
        state.pid = 0
        doc.restart_count += restarts
        return _Consequences(
            ran_s=(ended.finished_at_ns - parse_rfc3339(state.started_at)) / 1e9,
            restarts=restarts,
            removes=doc.host.auto_remove and not live.being_restarted,
        )

    async def _store_end(self, live: Live, *, remove: bool) -> bool:
        """Store that it has ended, or remove it; whether it is removed.

        What cannot be stored, as on a full disk, has happened all the same, and who waits has to be told.
        """
        try:
            if remove:
                await self._removal.discard(live)
            else:
                await self._containers.save(live)
        except ScowError as exc:
            _log.error("end of %s: %s", live.doc.id, exc)
            return False
        return remove

    def _tell(self, doc: Container, ended: Exited, ran_s: float) -> None:
        """In the order of Docker 24 and later; those before told of the end first."""
        duration, exit_code = str(max(0, int(ran_s))), str(ended.exit_code)
        resource_events(self._events, doc, doc.endpoints, taken=False)
        container_event(self._events, doc, "die", execDuration=duration, exitCode=exit_code)

    @staticmethod
    async def _relays_done(live: Live) -> None:
        if live.relays:
            await asyncio.wait(set(live.relays), timeout=RELAY_GRACE_S)

    async def _clear(self, live: Live) -> None:
        try:
            await self._removal.clear(live)
        except ScowError as exc:
            _log.error("removal of %s: %s", live.doc.id, exc)

    def _restart_in_time(self, live: Live, ran_s: float) -> None:
        live.restart_delay_s = next_delay(live.restart_delay_s, ran_s)
        live.restart_timer = self._tasks.start(
            self._restart_later(live, live.restart_delay_s), name=f"restart {live.doc.id[:12]}"
        )

    async def _restart_later(self, live: Live, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        async with live.lock:
            live.restart_timer = None
            if live.doc.state.status != "restarting" or live.doc.id not in self._containers:
                return
            try:
                await self._launcher.start(live)
            except ScowError as exc:
                _log.warning("restart of %s failed: %s", live.doc.id, exc)
                self._waits.exited(live.doc)
                self._launcher.status_changed(live)
