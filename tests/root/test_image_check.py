"""A check finds what is wrong in an image store, and repairing leaves what is whole and nothing else."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from scow.image.check import Checked, Finding
from scow.image.store import ImageStore
from scow.store import Store
from tests.support.archives import ArchiveImage, Layer, docker_archive

pytestmark = pytest.mark.root

BOX, STRANGER = "b" * 64, "d" * 64
DRIVERS = pytest.mark.parametrize("driver", ["overlay2", "vfs"])


def a_layer(name: str) -> bytes:
    layer = Layer()
    layer.file(name, name * 1000)
    return layer.data()


SHARED, OWN = a_layer("shared"), a_layer("own")
APP = ArchiveImage([SHARED, OWN], ["app:1", "app:2"])
OTHER = ArchiveImage([a_layer("other")], ["other:1"])


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def load(images: ImageStore) -> None:
    async for _ in images.load(once(docker_archive([APP, OTHER]))):
        pass


def with_store(disk: Path, driver: str, work: Callable[[ImageStore], Awaitable[None]]) -> None:
    async def life() -> None:
        store = Store(disk / "scow.db")
        try:
            images = await ImageStore.open(disk, store, driver)
            await load(images)
            await work(images)
        finally:
            await store.aclose()

    asyncio.run(life())


async def check(images: ImageStore, *, repair: bool = False) -> tuple[list[Finding], Checked]:
    steps = [step async for step in images.check(repair=repair)]
    findings = [step for step in steps if isinstance(step, Finding)]
    (checked,) = (step for step in steps if isinstance(step, Checked))
    return findings, checked


def the_file(disk: Path, driver: str, name: str) -> Path:
    """Where a layer has its file."""
    home = disk / {"overlay2": "overlay2", "vfs": "vfs/dir"}[driver]
    found = [path for path in home.rglob(name) if path.is_file() and "merged" not in path.parts]
    return min(found, key=lambda path: path.stat().st_ctime_ns)


@DRIVERS
def test_a_whole_store_has_nothing_to_find(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        await images.rootfs.create(BOX, APP.id)
        await images.rootfs.mount(BOX)
        async with images.lease() as lease:
            await lease.mount(await lease.prepare(images.resolve("app:1").chain_id, mount_points=True))
            assert await check(images) == ([], Checked(2, 3, sum(map(len, (SHARED, OWN, OTHER.layers[0])))))
        await images.rootfs.remove(BOX)

    with_store(disk, driver, work)


@DRIVERS
@pytest.mark.parametrize("harm", ["changed", "gone", "recipe"])
def test_a_damaged_layer_takes_its_images_along_and_comes_back(disk: Path, driver: str, harm: str) -> None:
    async def work(images: ImageStore) -> None:
        if harm == "recipe":
            for recipe in (disk / "image" / driver / "recipes").iterdir():
                if sum(path.stat().st_size for path in recipe.iterdir()):
                    (recipe / "recipe").write_bytes(b"")
        elif harm == "gone":
            the_file(disk, driver, "own").unlink()
        else:
            the_file(disk, driver, "own").write_text("n" * 3000)
        findings, _ = await check(images)
        assert {(it.kind, it.repaired) for it in findings} == {("layer", False)}
        assert len(images.all()) == 2
        findings, _ = await check(images, repair=True)
        assert {(it.kind, it.repaired) for it in findings} == {("layer", True)}
        names = {name for image in images.all() for name in image.repo_tags}
        assert names == (set() if harm == "recipe" else {"other:1"})
        assert (await check(images))[0] == []
        await load(images)
        assert (await check(images))[0] == []
        assert len(images.all()) == 2

    with_store(disk, driver, work)


def test_what_a_container_stands_on_is_told_and_left(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await images.rootfs.create(BOX, APP.id)
        the_file(disk, "overlay2", "shared").write_text("not what it was")
        findings, _ = await check(images, repair=True)
        assert [(it.kind, it.repaired) for it in findings] == [("layer", False)]
        assert "a container or a build stands on it" in findings[0].detail
        assert images.resolve("app:1")
        await images.rootfs.remove(BOX)
        findings, _ = await check(images, repair=True)
        assert [(it.kind, it.repaired) for it in findings] == [("layer", True)]

    with_store(disk, "overlay2", work)


@DRIVERS
def test_what_nobody_has_is_removed(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        home = disk / {"overlay2": "overlay2", "vfs": "vfs/dir"}[driver]
        content = disk / "image" / driver / "imagedb/content/sha256"
        lost = [
            home / STRANGER,
            home / f"{STRANGER}-staging",
            disk / "image" / driver / "recipes" / STRANGER,
        ]
        for path in lost:
            path.mkdir()
            (path / "file").touch()
        (content / ("e" * 64)).write_text("{}")
        (home / "somebody-elses").mkdir()
        for repair in (False, True):
            findings, _ = await check(images, repair=repair)
            assert [it.kind for it in findings] == ["directory"] * 4
            assert {it.repaired for it in findings} == {repair}
            assert {path.exists() for path in lost} == {not repair}
        assert (home / "somebody-elses").exists()
        assert (await check(images))[0] == []

    with_store(disk, driver, work)


def test_records_of_nothing_and_damaged_configs_are_removed(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        nowhere = "sha256:" + "0" * 64
        with closing(sqlite3.connect(disk / "scow.db")) as db:
            for kind in ("image", "layer", "root"):
                db.execute("INSERT INTO documents VALUES (?, ?, ?)", (f"overlay2/{kind}", nowhere, b"{}"))
            lost_name = ("overlay2/tag", "docker.io/library/lost:1", nowhere.encode())
            db.execute("INSERT INTO documents VALUES (?, ?, ?)", lost_name)
            db.commit()
        config = disk / "image/overlay2/imagedb/content/sha256" / OTHER.id.removeprefix("sha256:")
        config.write_text("{}")
        findings, _ = await check(images)
        assert sorted(it.kind for it in findings) == ["config", "record", "record", "record", "record"]
        findings, _ = await check(images, repair=True)
        assert len(findings) == 5
        assert all(it.repaired for it in findings)
        assert [image.id for image in images.all()] == [APP.id]
        assert (await check(images))[0] == []

    with_store(disk, "overlay2", work)


def test_work_in_progress_is_no_finding(disk: Path) -> None:
    """Loads, removals and builds go on while it looks, again and again."""

    async def busy(images: ImageStore) -> None:
        for number in range(6):
            layer = Layer()
            layer.file("random", os.urandom(1 << 20))
            image = ArchiveImage([SHARED, layer.data()], ["busy:1"])
            async for _ in images.load(once(docker_archive([image]))):
                pass
            await images.rootfs.create(f"{number:064x}", image.id)
            async with images.lease() as lease:
                active = await lease.prepare(images.resolve("busy:1").chain_id, mount_points=True)
                (await lease.mount(active) / "made").write_text("x")
                await lease.commit(active)
            await images.rootfs.remove(f"{number:064x}")
            await images.delete("busy:1")

    async def work(images: ImageStore) -> None:
        working = asyncio.gather(busy(images))
        while not working.done():
            findings, _ = await check(images, repair=True)
            assert findings == []
        await working
        assert len(images.all()) == 2

    with_store(disk, "overlay2", work)
