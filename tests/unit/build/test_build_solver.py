"""Who computes a step, and what becomes of it when builds share it, fail, or are given up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scow.build.execute.inputs import Inputs
from scow.build.execute.selection import Selection
from scow.build.execute.step import Listener, Step
from scow.build.execute.steps import Made, Steps
from scow.build.graph.cache import Cache
from scow.build.graph.job import Job, Result
from scow.build.graph.keys import cache_key
from scow.build.graph.ops import MakeFolderOp, Vertex
from scow.build.graph.progress import Done, Output, Progress
from scow.build.graph.solver import Solver
from scow.errors import NotFoundError, ScowError
from scow.image.layer_intake import NewLayer
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.store import Change, Store
from scow.tasks import TaskOwner

_PATIENCE_S = 120.0
Work = Callable[[Vertex, Listener], Awaitable[str]]


@dataclass
class Images:
    """Stands for the image store and its roots: what is held, and how long it takes to keep something."""

    store: Store
    here: set[str] = field(default_factory=set)
    may_keep: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def roots(self) -> "Images":
        return self

    def all(self) -> dict[str, str]:
        return {}

    def has_stack(self, chain_id: str | None) -> bool:
        return chain_id is None or chain_id in self.here

    async def keep(self, name: str, chain_id: str, *changes: Change) -> None:
        await self.may_keep.wait()

    async def drop(self, names: object, *changes: Change) -> None:
        await self.store.commit(*changes)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator["Held"]:
        held = Held(self)
        yield held
        held.ended = True


@dataclass
class Held:
    """Stands for a lease."""

    images: Images
    held: list[str | None] = field(default_factory=list)
    ended: bool = False

    def has(self, chain_id: str | None) -> bool:
        return self.images.has_stack(chain_id)

    def hold(self, chain_id: str | None) -> None:
        if not self.has(chain_id):
            raise NotFoundError(f"No such layer: {chain_id}")
        self.held.append(chain_id)


@dataclass
class Hands:
    """Stands for the steps: ``work`` says what one comes to, or fails."""

    images: Images
    work: Work
    outlive_job: bool = True
    is_settled: bool = True
    done: list[Vertex] = field(default_factory=list)

    async def inputs(
        self, vertex: Vertex, job: Job, results: Mapping[Vertex, Result], stack: AsyncExitStack
    ) -> Inputs:
        base = results[vertex.base].chain_id if vertex.base is not None else None
        copied = SimpleNamespace(tree=SimpleNamespace(is_settled=self.is_settled))
        return Inputs(base, selections=(cast(Selection, copied),), outlive_job=self.outlive_job)

    async def run(self, step: Step) -> Made:
        self.done.append(step.vertex)
        chain_id = await self.work(step.vertex, step.listener)
        self.images.here.add(chain_id)
        return Made(NewLayer(chain_id, chain_id, 1))


class Floor:
    """A solver among these, and builds that use it."""

    def __init__(self, folder: Path, work: Work, *, outlive_job: bool = True) -> None:
        self.store = Store(folder / "db")
        self.images = Images(self.store)
        self.images.may_keep.set()
        self.cache = Cache(self.store, cast(ImageStore, self.images))
        self.hands = Hands(self.images, work, outlive_job)
        self.shared = TaskOwner("shared")
        self.solver = Solver(cast(ImageStore, self.images), self.cache, cast(Steps, self.hands), self.shared)

    async def __aenter__(self) -> "Floor":
        await self.cache.load()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.images.may_keep.set()
        await self.shared.aclose()
        await self.store.aclose()

    def build(self) -> "Build":
        return Build(self)


class Build:
    """One job; what it is told."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.told: list[Progress] = []
        self.held = Held(floor.images)
        self.job = Job(cast(Lease, self.held), self.told.append)
        self.tasks = TaskOwner("build")

    def ask(self, vertex: Vertex) -> "asyncio.Future[Result]":
        return self._floor.solver.solve(vertex, self.job, self.tasks)

    @property
    def ends(self) -> list[tuple[bool, str]]:
        """Whether each step was in the cache, and its error."""
        return [(it.cached, it.error) for it in self.told if isinstance(it, Done)]


def step(path: str = "/a", base: Vertex | None = None) -> Vertex:
    return Vertex(MakeFolderOp(path), base, name=path)


def run(test: Callable[[], Awaitable[Any]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(_PATIENCE_S):
            await test()

    asyncio.run(bounded())


async def turns() -> None:
    """Until all that waits for nothing has been done: some turns of the loop, not some time."""
    for _ in range(100):
        await asyncio.sleep(0)


async def at_once(vertex: Vertex, listener: Listener) -> str:
    return f"layer of {vertex.name}"


def test_a_step_is_done_once_and_is_in_the_cache_then(tmp_path: Path) -> None:
    async def test() -> None:
        async with Floor(tmp_path, at_once) as floor:
            first, again = floor.build(), floor.build()
            below = step("/below")
            assert (await first.ask(step("/a", below))).chain_id == "layer of /a"
            await asyncio.gather(*first.job.keeps)
            result = await again.ask(step("/a", step("/below")))
            assert (result.chain_id, result.cached) == ("layer of /a", True)
            assert [it.name for it in floor.hands.done] == ["/below", "/a"]
            assert (first.ends, again.ends) == ([(False, "")] * 2, [(True, "")] * 2)

    run(test)


def test_builds_share_what_goes_on_and_each_hears_all_of_it(tmp_path: Path) -> None:
    async def test() -> None:
        began, may_end = asyncio.Event(), asyncio.Event()

        async def work(vertex: Vertex, listener: Listener) -> str:
            listener.output(1, b"early")
            began.set()
            await may_end.wait()
            listener.output(1, b"late")
            return "layer"

        async with Floor(tmp_path, work) as floor:
            one, other = floor.build(), floor.build()
            results = [one.ask(step())]
            await began.wait()
            results.append(other.ask(step()))
            await turns()
            may_end.set()
            assert [it.chain_id for it in await asyncio.gather(*results)] == ["layer", "layer"]
            assert len(floor.hands.done) == 1
            for build in (one, other):
                assert [it.data for it in build.told if isinstance(it, Output)] == [b"early", b"late"]
                assert build.held.held == ["layer"]

    run(test)


def test_what_is_done_and_not_kept_yet_is_not_done_again(tmp_path: Path) -> None:
    """The disk takes seconds to have a layer; another build may ask for the step meanwhile."""

    async def test() -> None:
        async with Floor(tmp_path, at_once) as floor:
            floor.images.may_keep.clear()
            first, late = floor.build(), floor.build()
            await first.ask(step())
            assert (await late.ask(step())).chain_id == "layer of /a"
            assert len(floor.hands.done) == 1
            assert late.held.held == ["layer of /a"]
            assert [it.done() for it in late.job.keeps] == [False]
            floor.images.may_keep.set()
            await asyncio.gather(*late.job.keeps)
            assert floor.cache.find(cache_key(MakeFolderOp("/a"), None, ())) is not None

    run(test)


def test_work_of_a_build_that_is_given_up_goes_on_for_the_other(tmp_path: Path) -> None:
    async def test() -> None:
        began, may_end = asyncio.Event(), asyncio.Event()

        async def work(vertex: Vertex, listener: Listener) -> str:
            began.set()
            await may_end.wait()
            return "layer"

        async with Floor(tmp_path, work) as floor:
            one, other = floor.build(), floor.build()
            one.ask(step())
            await began.wait()
            result = other.ask(step())
            await turns()
            await one.tasks.aclose()
            may_end.set()
            assert (await result).chain_id == "layer"
            assert len(floor.hands.done) == 1
            assert one.ends == [(False, "context canceled")]

    run(test)


def test_work_that_needs_its_build_is_done_again_by_the_other(tmp_path: Path) -> None:
    """The files of a context go with the build that began; who waits has the same files."""

    async def test() -> None:
        began, may_end = asyncio.Event(), asyncio.Event()

        async def work(vertex: Vertex, listener: Listener) -> str:
            began.set()
            await may_end.wait()
            return "layer"

        async with Floor(tmp_path, work, outlive_job=False) as floor:
            one, other = floor.build(), floor.build()
            one.ask(step())
            await began.wait()
            result = other.ask(step())
            await turns()
            await one.tasks.aclose()
            may_end.set()
            assert (await result).chain_id == "layer"
            assert len(floor.hands.done) == 2

    run(test)


def test_work_that_takes_long_to_give_up_does_not_hide_what_began_after_it(tmp_path: Path) -> None:
    async def test() -> None:
        began = [asyncio.Event() for _ in range(3)]
        gives_up, may_end = asyncio.Event(), asyncio.Event()

        async def work(vertex: Vertex, listener: Listener) -> str:
            number = len(floor.hands.done)
            began[number - 1].set()
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                await gives_up.wait()
                raise
            return "layer"

        async with Floor(tmp_path, work) as floor:
            one, second, third = floor.build(), floor.build(), floor.build()
            one.ask(step())
            await began[0].wait()
            async with TaskOwner("test") as tasks:
                ending = tasks.start(one.tasks.aclose(), name="give up")
                await turns()
                results = [second.ask(step())]
                await began[1].wait()
                gives_up.set()
                await ending
                results.append(third.ask(step()))
                await turns()
                may_end.set()
                await asyncio.gather(*results)
            assert len(floor.hands.done) == 2

    run(test)


def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody(tmp_path: Path) -> None:
    async def test() -> None:
        async def work(vertex: Vertex, listener: Listener) -> str:
            await asyncio.sleep(0.01)
            raise ScowError("it broke")

        async with Floor(tmp_path, work) as floor:
            builds = [floor.build(), floor.build()]
            found = await asyncio.gather(*(it.ask(step()) for it in builds), return_exceptions=True)
            assert [str(it) for it in found] == ["it broke", "it broke"]
            assert [it.ends for it in builds] == [[(False, "it broke")]] * 2
            assert len(floor.hands.done) == 1
            with pytest.raises(ScowError, match="it broke"):
                await floor.build().ask(step())
            assert len(floor.hands.done) == 2

    run(test)


@pytest.mark.parametrize(
    ("where", "said"),
    [("/layers/x", "/layers/x: no space left on device"), (None, "no space left on device")],
)
def test_what_the_machine_refuses_is_told_of_at_the_step(
    tmp_path: Path, where: str | None, said: str
) -> None:
    async def test() -> None:
        async def work(vertex: Vertex, listener: Listener) -> str:
            raise OSError(28, "No space left on device", where)

        async with Floor(tmp_path, work) as floor:
            build = floor.build()
            with pytest.raises(ScowError, match=f"^{said}$"):
                await build.ask(step())
            assert build.ends == [(False, said)]

    run(test)


def test_a_result_whose_layers_are_gone_is_none(tmp_path: Path) -> None:
    async def test() -> None:
        async with Floor(tmp_path, at_once) as floor:
            first = floor.build()
            await first.ask(step())
            await asyncio.gather(*first.job.keeps)
            floor.images.here.clear()
            result = await floor.build().ask(step())
            assert (result.chain_id, result.cached) == ("layer of /a", False)

    run(test)


def test_what_changed_while_it_was_copied_is_no_result_for_others(tmp_path: Path) -> None:
    async def test() -> None:
        async with Floor(tmp_path, at_once) as floor:
            floor.hands.is_settled = False
            first = floor.build()
            result = await first.ask(step())
            assert (result.chain_id, result.record) == ("layer of /a", None)
            await asyncio.gather(*first.job.keeps)
            assert list(floor.cache) == []

    run(test)


def test_what_is_known_of_stacks_goes_with_their_last_result(tmp_path: Path) -> None:
    async def test() -> None:
        async with Floor(tmp_path, at_once) as floor:
            build = floor.build()
            for path in ("/a", "/b"):
                await build.ask(step(path))
                floor.cache.remember_content(f"of {path}", f"layer of {path}", "digest")
            await asyncio.gather(*build.job.keeps)
            await floor.cache.settle()
            await floor.cache.drop([it for it in floor.cache if it.description == "/a"])
            assert floor.cache.content_of("of /a") is None
            assert floor.cache.content_of("of /b") == "digest"
            assert [key for key, _ in floor.store.load("build content")] == ["of /b"]

    run(test)
