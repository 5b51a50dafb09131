"""Builds in progress, by the name that their client gave them."""

import asyncio
from dataclasses import dataclass, field

from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.bridge import Bridge
from scow.api.server.buildkit.status import ProgressLog

_PATIENCE_S = 5.0


@dataclass(eq=False, slots=True)
class Job:
    """One build. ``bridge`` is there while the client's own front end drives it."""

    ref: str
    log: ProgressLog = field(default_factory=ProgressLog)
    bridge: Bridge | None = None


class Jobs:
    """All of them. A job is there from its solve to its end."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._changed = asyncio.Condition()

    async def add(self, job: Job) -> None:
        """Raises CallError for a name that is in use."""
        if not job.ref or job.ref in self._jobs:
            raise CallError(Code.ALREADY_EXISTS, f"job ID {job.ref} exists")
        async with self._changed:
            self._jobs[job.ref] = job
            self._changed.notify_all()

    def remove(self, job: Job) -> None:
        """Forget it; those who read its progress read on to the end."""
        self._jobs.pop(job.ref, None)

    async def get(self, ref: str) -> Job:
        """Calls about a job may come before the one that begins it. Raises CallError."""
        try:
            async with asyncio.timeout(_PATIENCE_S), self._changed:
                await self._changed.wait_for(lambda: ref in self._jobs)
                return self._jobs[ref]
        except TimeoutError as exc:
            raise CallError(Code.UNAVAILABLE, f"no such job {ref}") from exc
