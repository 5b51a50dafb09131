"""Start-up: restart policies bring back what was running, or should have been, when the last daemon ended."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress

from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.restart import restarts_with_daemon
from scow.engine.containers.states import Status
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.runtime.namespaces import donor_of
from scow.tasks import TaskOwner

_log = logging.getLogger(__name__)

# As long as Docker waits for the others that a container depends on.
_DONOR_PATIENCE_S = 5.0


class DueStarts:
    """Starts in the background; containers that others depend on come first."""

    def __init__(self, containers: Containers, launcher: Launcher, tasks: TaskOwner) -> None:
        self._containers = containers
        self._launcher = launcher
        self._tasks = tasks

    def begin(self) -> None:
        """Once, when every container's state is true."""
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
