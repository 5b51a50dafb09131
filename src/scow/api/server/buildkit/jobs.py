"""Builds in progress, by the name that their client gave them."""

import asyncio
from collections.abc import Mapping
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
    """All of them. A job is there from its solve to its end, and a while longer for who asks how it went:
    a client's question for the progress may come after a build that failed at once.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._ended: dict[str, Job] = {}
        self._changed = asyncio.Condition()

    async def add(self, job: Job) -> None:
        """Raises CallError for a name that is in use."""
        if not job.ref or job.ref in self._jobs:
            raise CallError(Code.ALREADY_EXISTS, f"job ID {job.ref} exists")
        async with self._changed:
            self._jobs[job.ref] = job
            self._changed.notify_all()

    def remove(self, job: Job) -> None:
        """It has ended; those who read its progress read on to the end."""
        if self._jobs.get(job.ref) is job:
            del self._jobs[job.ref]
            self._ended[job.ref] = job
            asyncio.get_running_loop().call_later(_PATIENCE_S, self._forget, job)

    def _forget(self, job: Job) -> None:
        if self._ended.get(job.ref) is job:
            del self._ended[job.ref]

    async def progress(self, ref: str) -> ProgressLog:
        """Of a job that goes on, or has just ended. Raises CallError."""
        return (await self._found(ref, self._jobs, self._ended)).log

    async def get(self, ref: str) -> Job:
        """Calls about a job may come before the one that begins it. Raises CallError."""
        return await self._found(ref, self._jobs)

    async def _found(self, ref: str, *places: Mapping[str, Job]) -> Job:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._changed:
                await self._changed.wait_for(lambda: any(ref in it for it in places))
                return next(it[ref] for it in places if ref in it)
        except TimeoutError as exc:
            raise CallError(Code.UNAVAILABLE, f"no such job {ref}") from exc
