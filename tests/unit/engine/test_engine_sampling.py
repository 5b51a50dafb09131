"""Who reads statistics, how often, and until when."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scow.engine.containers import sampling
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.sampling import Sampling
from scow.engine.containers.states import Status
from scow.errors import NotFoundError
from scow.linux.cgroups import Cgroup, CgroupHost
from scow.linux.processes import start_time
from scow.linux.sysinfo import read_machine_facts
from scow.spec.engine_api.container import ContainerConfig, HostConfig
from scow.store import Store
from scow.tasks import TaskOwner
from tests.unit.api.api_wire import until

ID = "c" * 64


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "INTERVAL_S", 0.01)


class Bench:
    """One container whose process is this one, and whose control group is a folder."""

    def __init__(self, containers: Containers, live: Live, tasks: TaskOwner, folder: Path) -> None:
        self.containers = containers
        self.live = live
        self.reads = 0
        self._group = Cgroup(CgroupHost(2, {}, str(folder)), "/c")
        self.sampling = Sampling(containers, self.group_of, read_machine_facts(), tasks)

    def group_of(self, doc: Container) -> Cgroup:
        self.reads += 1
        return self._group


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    store = Store(folder / "db")
    try:
        (folder / "c").mkdir()
        (folder / "c/pids.current").write_text("3\n")
        containers = Containers(store)
        doc = Container(
            id=ID,
            name="web",
            created="2026-01-01T00:00:00Z",
            image_id="",
            config=ContainerConfig(),
            host=HostConfig(network_mode="host"),
            path="x",
            args=[],
        )
        doc.state.status = Status.RUNNING
        doc.state.pid, doc.state.pid_start_time = os.getpid(), start_time(os.getpid())
        containers.reserve_name("web", ID)
        async with TaskOwner("test") as tasks:
            yield Bench(containers, await containers.add(doc), tasks, folder)
    finally:
        await store.aclose()


def runs(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        async def whole() -> None:
            async with asyncio.timeout(120), bench(tmp_path) as made:
                await test(made)

        asyncio.run(whole())

    run.__name__ = test.__name__
    return run


@runs
async def test_followers_share_a_sampler(bench: Bench) -> None:
    followers = [bench.sampling.follow("web") for _ in range(5)]
    for follower in followers:
        assert (await anext(follower)).pids_stats.current == 3
    assert bench.sampling.samplers == 1
    for follower in followers:
        await follower.aclose()
    assert bench.sampling.samplers == 0
    reads = bench.reads
    await asyncio.sleep(0.05)
    assert bench.reads == reads, "nobody looks, and nobody reads"


@runs
async def test_a_slow_follower_misses_samples(bench: Bench) -> None:
    slow = bench.sampling.follow("web")
    first = await anext(slow)
    await until(lambda: bench.reads > 5)
    second = await anext(slow)
    assert second.preread == first.read
    await slow.aclose()
    assert bench.sampling.samplers == 0


@runs
async def test_removal_ends_every_stream(bench: Bench) -> None:
    followers = [bench.sampling.follow("web") for _ in range(2)]
    for follower in followers:
        await anext(follower)
    await bench.containers.discard(bench.live)
    async with asyncio.timeout(120):
        for follower in followers:
            async for _ in follower:
                pass  # what was sampled before the removal
    assert bench.sampling.samplers == 0
    with pytest.raises(NotFoundError):
        bench.sampling.follow("web")


@runs
async def test_one_sample_knows_the_one_before(bench: Bench) -> None:
    whole = await bench.sampling.once("web", one_shot=False)
    assert whole.preread < whole.read
    assert not whole.preread.startswith("0001")
    assert (await bench.sampling.once("web", one_shot=True)).preread.startswith("0001")
    bench.live.doc.state.status = Status.EXITED
    assert (await bench.sampling.once("web", one_shot=False)).read.startswith("0001")
    assert bench.sampling.samplers == 0


@runs
async def test_anothers_pid_is_not_taken_for_the_containers(bench: Bench) -> None:
    bench.live.doc.state.pid_start_time += 1
    assert (await bench.sampling.once("web", one_shot=True)).pids_stats.current == 0
