"""``docker stats``: one sampler a container, shared by everyone who looks, and none when nobody does.

A sampler reads once a second and gives each follower the latest sample; a follower that is slow misses
samples and never delays the others. A container that does not run gives empty samples until it runs again.
The stream ends with the container.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.containers.stats import Reading, following, no_sample, sample
from scow.errors import InvalidArgumentError, NotFoundError
from scow.linux.cgroup_stats import read_stats
from scow.linux.cgroups import Cgroup
from scow.linux.interface_counters import InterfaceCounters, read_interface_counters
from scow.linux.processes import is_running
from scow.linux.sysinfo import MachineFacts, host_cpu
from scow.runtime.namespaces import donor_of
from scow.spec.engine_api.stats import ContainerStats
from scow.tasks import TaskOwner, run_blocking

INTERVAL_S = 1.0
"""Between two samples, as in Docker; a rate of CPU use needs about that much."""

_Mailbox = asyncio.Queue[ContainerStats | None]


@dataclass(slots=True)
class _Sampler:
    """The followers of one container. A mailbox holds the newest sample, or ``None`` for the end."""

    mailboxes: set[_Mailbox] = field(default_factory=set)
    latest: ContainerStats | None = None
    task: "asyncio.Task[None] | None" = None

    def deliver(self, item: ContainerStats | None) -> None:
        self.latest = item
        for mailbox in self.mailboxes:
            if mailbox.full():
                mailbox.get_nowait()
            mailbox.put_nowait(item)


class Sampling:
    """What ``routes/stats.py`` calls. ``cgroup_of`` gives a container's control group."""

    def __init__(
        self,
        containers: Containers,
        cgroup_of: Callable[[Container], Cgroup],
        machine: MachineFacts,
        tasks: TaskOwner,
    ) -> None:
        self._containers = containers
        self._cgroup_of = cgroup_of
        self._machine = machine
        self._tasks = tasks
        self._samplers: dict[str, _Sampler] = {}

    @property
    def samplers(self) -> int:
        """How many containers are being looked at."""
        return len(self._samplers)

    async def once(self, ref: str, *, one_shot: bool) -> ContainerStats:
        """One sample with the one before it, a second apart; with ``one_shot`` alone and at once.

        Raises NotFoundError, InvalidArgumentError for an ambiguous prefix.
        """
        live = self._containers.get(ref)
        if not _runs(live.doc):
            return no_sample(live.doc.id, live.doc.name)
        if one_shot:
            return await self._sample(live)
        samples = self._follow(live)
        try:
            first = await anext(samples, no_sample(live.doc.id, live.doc.name))
            return await anext(samples, first)
        finally:
            await samples.aclose()

    def follow(self, ref: str) -> AsyncGenerator[ContainerStats, None]:
        """A sample a second, the first at once, until the container is removed. Raises as ``once``."""
        return self._follow(self._containers.get(ref))

    async def _follow(self, live: Live) -> AsyncGenerator[ContainerStats, None]:
        sampler = self._samplers.setdefault(live.doc.id, _Sampler())
        mailbox: _Mailbox = asyncio.Queue(1)
        sampler.mailboxes.add(mailbox)
        if sampler.latest is not None:
            mailbox.put_nowait(sampler.latest)
        if sampler.task is None:
            sampler.task = self._tasks.start(self._run(live, sampler), name=f"stats of {live.doc.id[:12]}")
        before = no_sample(live.doc.id, live.doc.name)
        try:
            while (now := await mailbox.get()) is not None:
                yield following(before, now)
                before = now
        finally:
            sampler.mailboxes.discard(mailbox)
            if not sampler.mailboxes:
                self._forget(live, sampler)
                sampler.task.cancel()

    async def _run(self, live: Live, sampler: _Sampler) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        try:
            while live.doc.id in self._containers:
                sampler.deliver(await self._sample(live))
                # The next whole interval that is still to come: a late sample does not make two at once.
                due += INTERVAL_S * (1 + max(0, (clock() - due) // INTERVAL_S))
                await asyncio.sleep(due - clock())
        finally:
            self._forget(live, sampler)
            sampler.deliver(None)

    def _forget(self, live: Live, sampler: _Sampler) -> None:
        """Whoever looks next starts a new one."""
        if self._samplers.get(live.doc.id) is sampler:
            del self._samplers[live.doc.id]

    async def _sample(self, live: Live) -> ContainerStats:
        doc = live.doc
        if not _runs(doc):
            return no_sample(doc.id, doc.name)
        pid, started = doc.state.pid, doc.state.pid_start_time
        reading = await run_blocking(self._read, self._cgroup_of(doc), pid, self._interfaces(doc))
        # Only now, so that another process that got the pid meanwhile is not taken for the container's.
        if not is_running(pid, started):
            return no_sample(doc.id, doc.name)
        return sample(doc.id, doc.name, reading)

    def _read(self, group: Cgroup, pid: int, interfaces: frozenset[str]) -> Reading:
        counters: dict[str, InterfaceCounters] = {}
        if interfaces:
            seen = read_interface_counters(pid)
            counters = {name: seen[name] for name in sorted(interfaces & seen.keys())}
        # The machine's clock next to the container's: what lies between the two is noise in the rate.
        stats, (host_ns, cpus) = read_stats(group), host_cpu()
        return Reading(
            time_ns=time.time_ns(),
            version=group.host.version,
            group=stats,
            host_cpu_ns=host_ns,
            cpus=cpus,
            memory_bytes=self._machine.memory_bytes,
            interfaces=counters,
        )

    def _interfaces(self, doc: Container) -> frozenset[str]:
        """Those that the engine made; with ``--network container:``, those of the other container."""
        seen = {doc.id}
        while donor := donor_of(doc.host.network_mode):
            try:
                doc = self._containers.get(donor).doc
            except (NotFoundError, InvalidArgumentError):
                return frozenset()
            # Names can come to mean other containers later, so the chain may have become a ring.
            if doc.id in seen:
                return frozenset()
            seen.add(doc.id)
        return frozenset(endpoint.interface for endpoint in doc.endpoints.values())


def _runs(doc: Container) -> bool:
    return doc.state.status in (Status.RUNNING, Status.PAUSED)
