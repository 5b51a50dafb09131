"""Whoever asked for a change of images goes away at any moment: it is made whole, or not at all."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

from scow.image.check import Checked
from scow.image.committed import CommitRequest
from scow.image.imported import ImportRequest
from scow.image.store import ImageStore
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.reference import parse_reference
from scow.store import Store
from scow.tasks import running
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.image_traces import kept_below

pytestmark = pytest.mark.root

DISK_SIZE = "64m"

BOX = "b" * 64
NEW = parse_reference("new:1")
Work = Callable[[ImageStore], Awaitable[None]]


def layer_of(name: str) -> bytes:
    layer = Layer()
    layer.file(name, name * 1000)
    return layer.data()


BASE = ArchiveImage([layer_of("base")], ["base:1"])
APP = ArchiveImage([*BASE.layers, layer_of("app")], ["app:1"])


class CancelledAt:
    """``work``, whose task is cancelled where it waits for the ``number``-th time, and ``times`` in all.

    Once more where it waits next: a client that leaves is noticed by more than one sign.
    """

    def __init__(self, work: Coroutine[Any, Any, None], number: int, times: int) -> None:
        self._work = work
        self._moments = range(number, number + times)

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._work.__await__()
        failure: BaseException | None = None
        for count in itertools.count(1):
            try:
                waits_for = steps.throw(failure) if failure is not None else next(steps)
            except StopIteration:
                return
            task = asyncio.current_task()
            if count in self._moments and task is not None:
                task.cancel()
            failure = None
            try:
                yield waits_for
            except BaseException as exc:
                failure = exc


async def in_chunks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 4000):
        yield data[at : at + 4000]


async def load(images: ImageStore, image: ArchiveImage) -> None:
    async for _ in images.load(in_chunks(docker_archive([image]))):
        pass


async def base_and_box(images: ImageStore) -> None:
    await load(images, BASE)
    await images.rootfs.create(BOX, BASE.id)


async def a_load(images: ImageStore) -> None:
    await load(images, APP)


async def an_import(images: ImageStore) -> None:
    await images.import_rootfs(in_chunks(layer_of("imported")), ImportRequest(reference=NEW))


async def an_import_of_what_is_here(images: ImageStore) -> None:
    await images.import_rootfs(in_chunks(BASE.layers[0]), ImportRequest(reference=NEW))


async def a_commit(images: ImageStore) -> None:
    visit = await images.rootfs.visit(BOX, lambda: None)
    (visit.root / "written").write_text("x")
    request = CommitRequest("", ContainerConfig(), "", reference=NEW)
    await images.commit(visit, BASE.id, request)


async def a_built_layer(images: ImageStore) -> None:
    async with images.lease() as lease:
        active = await lease.prepare(images.get(BASE.id).chain_id, mount_points=True)
        ((await lease.mount(active)) / "built").write_text("x")
        layer = await lease.commit(active)
        await images.roots.keep("built", layer.chain_id or "")


async def app(images: ImageStore) -> None:
    await load(images, APP)


async def a_name(images: ImageStore) -> None:
    await images.tag(APP.id, NEW)


async def a_removal(images: ImageStore) -> None:
    await images.delete("app:1")


async def a_name_less(images: ImageStore) -> None:
    await images.untag(parse_reference("app:1"))


async def a_container(images: ImageStore) -> None:
    await images.rootfs.create(BOX, APP.id)


@pytest.mark.parametrize(
    ("before", "work"),
    [
        (base_and_box, a_load),
        (base_and_box, an_import),
        (base_and_box, an_import_of_what_is_here),
        (base_and_box, a_commit),
        (base_and_box, a_built_layer),
        (app, a_name),
        (app, a_name_less),
        (app, a_removal),
        (app, a_container),
    ],
)
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_given_up_at_any_moment(disk: Path, before: Work, work: Work, times: int) -> None:
    async def given_up(images: ImageStore, number: int) -> bool:
        await before(images)
        async with running(_awaited(CancelledAt(_coroutine(work, images), number, times)), name="work") as (
            task,
        ):
            await asyncio.wait({task})
        await is_whole(images)
        await remove_all(images)
        assert kept_below(disk) == [], f"given up at wait {number}"
        if not task.cancelled():
            task.result()
        return task.cancelled()

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        number = 1
        while await given_up(images, number):
            number += 1
        assert number > 1
        await images.aclose()
        await store.aclose()

    asyncio.run(life())


async def _coroutine(work: Work, images: ImageStore) -> None:
    await work(images)


async def _awaited(work: CancelledAt) -> None:
    await work


async def is_whole(images: ImageStore) -> None:
    """Disk, database and memory say the same."""
    findings = [found async for found in images.check(repair=False)]
    assert [found for found in findings if not isinstance(found, Checked)] == []


async def remove_all(images: ImageStore) -> None:
    for key in images.rootfs.known():
        await images.rootfs.remove(key)
    await images.roots.drop(images.roots.all())
    while left := [image.id for image in images.all() if not images.children(image.id)]:
        await images.delete(left[0], force=True)
