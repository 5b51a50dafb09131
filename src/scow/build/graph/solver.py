"""Who computes the graph: each vertex once, side by side where nothing forbids it, from the cache if it can.

A job asks for a vertex and gets what it came to. Work with the same key is done once, whoever asks for it
while it goes on; each who asked hears of it under his own vertex. It is given up when the last of them
leaves. A vertex that nobody asks for is never looked at.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from scow.build.execute.inputs import Inputs
from scow.build.execute.step import Step
from scow.build.execute.steps import Made, Steps
from scow.build.graph.cache import Cache, Record
from scow.build.graph.job import Job, Result
from scow.build.graph.keys import Key, cache_key
from scow.build.graph.ops import BaseOp, PickOp, RunOp, Vertex
from scow.build.graph.progress import Done, Output, Progress, RunIn, Started
from scow.errors import ScowError, told_of
from scow.image.store import ImageStore
from scow.tasks import TaskOwner

T = TypeVar("T")

_MAX_BACKLOG_BYTES = 256 << 10


@dataclass(eq=False, slots=True)
class Work:
    """One computation and those who wait for it."""

    key: Key
    done: "asyncio.Future[Record]"
    starter: Job
    audience: list[tuple[Job, Vertex]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None
    said: "deque[tuple[int, bytes, int]]" = field(default_factory=deque)
    said_bytes: int = 0
    container_id: str = ""
    record: Record | None = None
    kept: "asyncio.Future[None] | None" = None
    """Done when the cache has the record, which takes the disk a while."""

    def tell(self, event: Callable[[Vertex], Progress]) -> None:
        """Everybody, each about his own vertex."""
        for job, vertex in self.audience:
            job.tell(event(vertex))

    def output(self, stream: int, data: bytes) -> None:
        """A program printed something; who comes later hears the last of it."""
        at_ns = time.time_ns()
        self.said.append((stream, data, at_ns))
        self.said_bytes += len(data)
        while self.said_bytes > _MAX_BACKLOG_BYTES and len(self.said) > 1:
            self.said_bytes -= len(self.said.popleft()[1])
        self.tell(lambda vertex: Output(vertex, stream, data, at_ns))

    def runs_in(self, container_id: str) -> None:
        """The program's container is about to start."""
        self.container_id = container_id
        self.tell(lambda vertex: RunIn(vertex, container_id))

    def join(self, job: Job, vertex: Vertex) -> None:
        """One more who waits."""
        if self.container_id:
            job.tell(RunIn(vertex, self.container_id))
        for stream, data, at_ns in self.said:
            job.tell(Output(vertex, stream, data, at_ns))
        self.audience.append((job, vertex))
        self._give(job)

    def finish(self, record: Record, kept: "asyncio.Future[None]") -> None:
        """It has come to ``record``, whose layers the caller holds."""
        self.record, self.kept = record, kept
        for job, _ in self.audience:
            self._give(job)
        self.done.set_result(record)

    def _give(self, job: Job) -> None:
        """From here on a job holds by itself what has been made, if it has."""
        if self.record is not None and self.kept is not None:
            _hold(job, self.record)
            job.keeps.append(self.kept)


class Solver:
    """One for all builds. ``tasks`` owns the work that they share."""

    def __init__(self, images: ImageStore, cache: Cache, steps: Steps, tasks: TaskOwner) -> None:
        self._images = images
        self._cache = cache
        self._steps = steps
        self._tasks = tasks
        self._running: dict[str, Work] = {}

    def solve(self, vertex: Vertex, job: Job, tasks: TaskOwner) -> "asyncio.Future[Result]":
        """What ``vertex`` comes to in ``job``, whose tasks ``tasks`` owns. The same future each time."""
        if vertex not in job.results:
            future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            job.results[vertex] = future
            tasks.start(_into(future, self._solved(vertex, job, tasks)), name=vertex.name or "base")
        return job.results[vertex]

    async def _solved(self, vertex: Vertex, job: Job, tasks: TaskOwner) -> Result:
        if isinstance(vertex.op, BaseOp):
            job.lease.hold(vertex.op.chain_id)
            return Result(vertex.op.chain_id)
        if isinstance(vertex.op, PickOp) and vertex.base is not None:
            made = await self.solve(vertex.base, job, tasks)
            return Result(made.others[vertex.op.index], made.created_ns, made.cached)
        needed = [it for it in (vertex.base, *vertex.sources) if isinstance(it, Vertex)]
        results = await asyncio.gather(*(self.solve(it, job, tasks) for it in needed))
        found = dict(zip(needed, results, strict=True))
        job.tell(Started(vertex, time.time_ns()))
        try:
            async with AsyncExitStack() as stack:
                inputs = await self._steps.inputs(vertex, job, found, stack)
                key = cache_key(vertex.op, inputs.base, inputs.contents)
                record = self._known(key, vertex, job)
                if record is None and await self._brought(job, results):
                    inputs = await self._steps.inputs(vertex, job, found, stack)
                return await self._done(key, record, vertex, job, inputs)
        except asyncio.CancelledError:
            job.tell(Done(vertex, time.time_ns(), False, "", "context canceled"))
            raise
        except ScowError as exc:
            job.tell(Done(vertex, time.time_ns(), False, "", exc.message))
            raise
        except OSError as exc:
            error = ScowError(told_of(exc))
            job.tell(Done(vertex, time.time_ns(), False, "", error.message))
            raise error from exc

    def _known(self, key: Key, vertex: Vertex, job: Job) -> Record | None:
        """From here, or from elsewhere: then its layers may not be here."""
        if vertex.no_cache or not job.use_cache:
            return None
        record = self._cache.find(key) or job.imports.find(key)
        # Caches of other engines know of one result only.
        wanted = vertex.op.others if isinstance(vertex.op, RunOp) else 0
        return record if record is not None and len(record.others) == wanted else None

    async def _brought(self, job: Job, results: list[Result]) -> bool:
        """Fetch stacks that a step needs; whether any was not here."""
        absent = [it.chain_id for it in results if not job.lease.has(it.chain_id)]
        for chain_id in absent:
            await job.imports.bring(chain_id, job.lease)
        return bool(absent)

    async def _done(
        self, key: Key, record: Record | None, vertex: Vertex, job: Job, inputs: Inputs
    ) -> Result:
        cached = record is not None
        if record is not None:
            reason = "nothing that it depends on changed"
            if job.lease.has(record.chain_id):
                _hold(job, record)
        else:
            fresh = vertex.no_cache or not job.use_cache
            reason = "the cache is not to be used" if fresh else self._cache.why_missed(key)
            record = await self._shared(key, vertex, job, inputs)
        done = Done(vertex, time.time_ns(), cached, reason)
        if job.lease.has(record.chain_id):
            job.tell(done)
        else:
            job.doubtful.append(done)
        known = record if cached or inputs.is_settled else None
        return Result(
            record.chain_id,
            record.created_ns,
            cached,
            record.empty,
            inputs.shown,
            record.others,
            known,
            inputs.memos,
        )

    async def _shared(self, key: Key, vertex: Vertex, job: Job, inputs: Inputs) -> Record:
        while True:
            work = self._running.get(key.digest) or self._begin(key, vertex, job, inputs)
            work.join(job, vertex)
            try:
                return await asyncio.shield(work.done)
            except asyncio.CancelledError:
                if not _given_up_by_others(work):
                    raise
            finally:
                work.audience.remove((job, vertex))
                ends_with_job = job is work.starter and not inputs.outlive_job
                if not work.done.done() and (ends_with_job or not work.audience):
                    self._forget(work)
                    await _cancelled(work.task)

    def _begin(self, key: Key, vertex: Vertex, job: Job, inputs: Inputs) -> Work:
        work = Work(key, asyncio.get_running_loop().create_future(), job)
        self._running[key.digest] = work
        work.task = self._tasks.start(self._work(work, vertex, job, inputs), name=vertex.name)
        return work

    async def _work(self, work: Work, vertex: Vertex, job: Job, inputs: Inputs) -> None:
        """Do it, give it to those who wait, and keep it. The lease ends when it is kept."""
        try:
            async with self._images.lease() as lease:
                made = await self._steps.run(Step(lease, vertex, job, inputs, work))
                record = _record(work.key, vertex, inputs, made)
                kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                work.finish(record, kept)
                await _into(kept, self._cache.keep(record) if inputs.is_settled else _nothing())
        except asyncio.CancelledError:
            work.done.cancel()
            raise
        except Exception as exc:
            if not work.done.done():
                work.done.set_exception(exc)
                work.done.exception()  # it is for those who wait, and they may all have gone
        finally:
            self._forget(work)

    def _forget(self, work: Work) -> None:
        """Who asks from now on finds it in the cache, or begins anew; another may have done so already."""
        if self._running.get(work.key.digest) is work:
            del self._running[work.key.digest]


async def _nothing() -> None:
    """Of what a key says something else, nobody is to know."""


async def _into(future: "asyncio.Future[T]", work: "Awaitable[T]") -> None:
    """Give what ``work`` comes to, or fails with, to who waits for ``future``."""
    try:
        value = await work
    except asyncio.CancelledError:
        future.cancel()
        raise
    except Exception as exc:
        if not future.done():
            future.set_exception(exc)
            future.exception()  # whoever waits hears of it; there may be nobody
    else:
        if not future.done():
            future.set_result(value)


def _hold(job: Job, record: Record) -> None:
    for chain_id in (record.chain_id, *record.others):
        job.lease.hold(chain_id)


def _record(key: Key, vertex: Vertex, inputs: Inputs, made: Made) -> Record:
    now_ns = time.time_ns()
    return Record(
        key=key.digest,
        family=key.family,
        base=key.base,
        contents=key.contents,
        chain_id=made.layer.chain_id,
        parent=inputs.base,
        description=vertex.name,
        created_ns=now_ns,
        empty=made.layer.is_empty,
        size=made.layer.size + sum(it.size for it in made.others),
        last_used_ns=now_ns,
        others=tuple(it.chain_id for it in made.others),
    )


def _given_up_by_others(work: Work) -> bool:
    """The work was given up, and whoever waits here was not."""
    task = asyncio.current_task()
    return work.done.cancelled() and task is not None and not task.cancelling()


async def _cancelled(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait({task})
