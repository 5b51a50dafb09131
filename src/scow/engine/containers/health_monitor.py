"""Health monitors: one for each running container with a health check, none for any other.

A monitor sleeps, runs one probe, which is an exec like any other, and takes its result in. Pausing or
ending the container ends the monitor, and the probe with it.
"""

import asyncio
import socket
import time
from dataclasses import dataclass

from scow.engine.containers import health
from scow.engine.containers.events import container_event
from scow.engine.containers.health import HealthCheck, health_check
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.execs import Execs, Finished
from scow.engine.timestamps import parse_rfc3339, rfc3339
from scow.errors import ScowError
from scow.spec.engine_api.container_views import ProbeResult
from scow.spec.engine_api.exec import ExecCreate
from scow.spec.go_duration import format_duration
from scow.tasks import TaskOwner

# Starting a process costs a core some milliseconds; a hundred containers with the same interval must not
# keep clients waiting for it.
STARTS_AT_ONCE = 4
# A runtime that hangs does not keep the others' probes from being started for longer than this.
_START_PATIENCE_S = 10.0


@dataclass(slots=True)
class _Monitor:
    """``exec_id`` is that of the probe under way, or of the last one."""

    task: asyncio.Task[None]
    exec_id: str = ""


class HealthMonitors:
    """Keeps ``.State.Health`` true."""

    def __init__(self, containers: Containers, execs: Execs, events: EventBus, tasks: TaskOwner) -> None:
        self._containers = containers
        self._execs = execs
        self._events = events
        self._tasks = tasks
        self._monitors: dict[str, _Monitor] = {}
        self._starts = asyncio.Semaphore(STARTS_AT_ONCE)

    def update(self, live: Live) -> None:
        """Begin or end probing, as the container's status wants it."""
        doc = live.doc
        check = health_check(doc.config)
        if check is not None and doc.state.status is Status.RUNNING:
            if doc.id not in self._monitors:
                task = self._tasks.start(self._watch(live, check), name=f"health of {doc.id[:12]}")
                self._monitors[doc.id] = _Monitor(task)
        elif monitor := self._monitors.pop(doc.id, None):
            monitor.task.cancel()
            self._execs.kill(monitor.exec_id)

    async def _watch(self, live: Live, check: HealthCheck) -> None:
        state = live.doc.state
        started_ns = parse_rfc3339(state.started_at)
        while state.health is not None:
            await asyncio.sleep(check.pause_s(state.health.status, (time.time_ns() - started_ns) / 1e9))
            began_ns = time.time_ns()
            # A probe that is given up ends by itself, being killed; its process must not be lost sight of.
            probe = self._tasks.start(self._probe(live, check), name=f"probe of {live.doc.id[:12]}")
            exit_code, output = await asyncio.shield(probe)
            result = ProbeResult(
                start=rfc3339(began_ns), end=rfc3339(time.time_ns()), exit_code=exit_code, output=output
            )
            async with live.lock:
                await self._take(live, check, result, (began_ns - started_ns) / 1e9)

    async def _take(self, live: Live, check: HealthCheck, result: ProbeResult, up_s: float) -> None:
        state = live.doc.state
        if state.health is None or state.status is not Status.RUNNING:
            return
        if health.record(state.health, check, result, up_s):
            # The results in between are not worth a write: a daemon that starts anew soon has others.
            await self._containers.save(live)
            container_event(self._events, live.doc, f"health_status: {state.health.status}")

    async def _probe(self, live: Live, check: HealthCheck) -> tuple[int, str]:
        """Run the check once; exit code and output as they are recorded."""
        if not check.argv:
            return -1, f"healthcheck for container {live.doc.id} has no command"
        try:
            finished = await self._run(live, check)
        except ScowError as exc:
            return -1, exc.message
        output = health.output_text(finished.output)
        if finished.exit_code is not None:
            return finished.exit_code, output
        text = f"Health check exceeded timeout ({format_duration(round(check.timeout_s * 1e9))})"
        return -1, f"{text}: {output}" if output else text

    async def _run(self, live: Live, check: HealthCheck) -> Finished:
        asked = ExecCreate(cmd=list(check.argv), attach_stdout=True, attach_stderr=True)
        exec_id = self._execs.prepare(live, asked)
        if monitor := self._monitors.get(live.doc.id):
            monitor.exec_id = exec_id
        async with self._starts:
            beginning = self._tasks.start(self._begin(exec_id), name=f"exec {exec_id[:12]}")
            await asyncio.wait({beginning}, timeout=_START_PATIENCE_S)
        begun = await beginning
        if isinstance(begun, ScowError):
            raise begun
        return await self._execs.finish(
            exec_id, begun, timeout_s=check.timeout_s, max_output_bytes=health.MAX_OUTPUT_BYTES
        )

    async def _begin(self, exec_id: str) -> socket.socket | ScowError:
        """A check that cannot be run is a result, not a failure of the task."""
        try:
            return await self._execs.begin(exec_id)
        except ScowError as exc:
            return exc
