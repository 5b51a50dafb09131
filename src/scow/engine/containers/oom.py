"""The kernel runs out of memory for a container: remembered, and told as an ``oom`` event.

Only containers with a limit are watched; the others can be killed for the whole machine's memory, which is
seen when they end.
"""

import asyncio
import logging

from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.events import EventBus
from scow.linux.oom_notice import OomNotice
from scow.tasks import TaskOwner

_log = logging.getLogger(__name__)


class OomWatch:
    """Keeps ``.State.OOMKilled`` true while containers run, whether or not the first process was hit."""

    def __init__(
        self, containers: Containers, launcher: Launcher, events: EventBus, tasks: TaskOwner
    ) -> None:
        self._containers = containers
        self._launcher = launcher
        self._events = events
        self._tasks = tasks
        self._notices: dict[str, OomNotice] = {}

    def update(self, live: Live) -> None:
        """Begin or end to watch, as the container's status and limit want it."""
        doc = live.doc
        if doc.alive and doc.host.memory > 0:
            if doc.id not in self._notices:
                self._begin(live)
        elif notice := self._notices.pop(doc.id, None):
            asyncio.get_running_loop().remove_reader(notice.fileno())
            notice.close()

    def _begin(self, live: Live) -> None:
        try:
            notice = OomNotice(self._launcher.cgroup(live.doc))
        except OSError as exc:
            # A process of a few milliseconds: its group may be gone already.
            _log.debug("no watch for OOM on %s: %s", live.doc.id, exc)
            return
        self._notices[live.doc.id] = notice
        asyncio.get_running_loop().add_reader(notice.fileno(), self._readable, live, notice)

    def _readable(self, live: Live, notice: OomNotice) -> None:
        if notice.happened():
            self._tasks.start(self._record(live), name=f"oom in {live.doc.id[:12]}")

    async def _record(self, live: Live) -> None:
        async with live.lock:
            if not live.doc.alive:
                return  # whoever recorded the end has looked
            if not live.doc.state.oom_killed:
                live.doc.state.oom_killed = True
                await self._containers.save(live)
            container_event(self._events, live.doc, "oom")
