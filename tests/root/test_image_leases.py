"""Leases and roots: layers made without a container, and what stays of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from scow.errors import NotFoundError, ScowError
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.reference import parse_reference
from scow.store import Put, Store
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.disks import full, mount_points_below, mounted_tmpfs, unmount_all

pytestmark = pytest.mark.root

DRIVERS = pytest.mark.parametrize("driver", ["overlay2", "vfs"])


def base() -> ArchiveImage:
    layer = Layer()
    layer.file("kept", "kept")
    layer.file("gone", "gone")
    layer.file("folder/old", "old")
    layer.file("etc/hosts", "the image's own")
    return ArchiveImage([layer.data()], ["base:1"])


def with_store(disk: Path, work: Callable[[ImageStore], Awaitable[None]], driver: str = "overlay2") -> None:
    """One life of an engine; with ``base:1`` if it is the first."""

    async def life() -> None:
        store = Store(disk / "scow.db")
        try:
            images = await ImageStore.open(disk, store, driver)
            if not images.all():
                async for _ in images.load(_once(docker_archive([base()]))):
                    pass
            await work(images)
        finally:
            await store.aclose()

    asyncio.run(life())


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def snapshots(disk: Path, driver: str) -> set[str]:
    home = disk / {"overlay2": "overlay2", "vfs": "vfs/dir"}[driver]
    return {path.name for path in home.iterdir() if path.name != "l"}


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def change(root: Path) -> None:
    (root / "gone").unlink()
    (root / "folder" / "old").unlink()
    (root / "folder").rmdir()
    (root / "folder").mkdir()
    (root / "folder" / "new").write_text("new")
    (root / "added").write_text("added" * 1000)
    os.symlink("added", root / "link")


async def files_of(images: ImageStore, lease: Lease, chain_id: str | None) -> dict[str, str]:
    active = await lease.prepare(chain_id)
    found = files(await lease.mount(active))
    await lease.discard(active)
    return found


@DRIVERS
@pytest.mark.parametrize("mount_points", [False, True], ids=["files", "process"])
def test_what_was_written_becomes_a_layer_and_an_image(disk: Path, driver: str, mount_points: bool) -> None:
    async def first(images: ImageStore) -> None:
        parent = images.resolve("base:1")
        async with images.lease() as lease:
            active = await lease.prepare(parent.chain_id, mount_points=mount_points)
            change(await lease.mount(active))
            layer = await lease.commit(active)
            assert layer.size == 5003 + len("added")
            raw = config_with(await images.raw_config(parent.id), layer.diff_id)
            await images.record(lease, raw, [parse_reference("made:1")], parent=parent.id)
            tar = await lease.tar(layer.chain_id or "")
            assert tar.diff_id == layer.diff_id
            assert sum(map(len, tar.read())) == tar.size
        assert not [point for point in mount_points_below(disk) if point != disk]

    async def second(images: ImageStore) -> None:
        assert images.problems == []
        async with images.lease() as lease:
            chain_id = images.resolve("made:1").chain_id
            lease.hold(chain_id)
            found = await files_of(images, lease, chain_id)
            assert found == {
                "kept": "kept",
                "added": "added" * 1000,
                "link": "added" * 1000,
                "folder/new": "new",
                "etc/hosts": "the image's own",
            }
        again = b"".join([piece async for piece in images.save(images.to_save(["made:1"]))])
        await images.delete("made:1")
        await images.delete("base:1")
        assert snapshots(disk, driver) == set()
        async for _ in images.load(_once(again)):
            pass
        async with images.lease() as lease:
            assert await files_of(images, lease, chain_id) == found

    with_store(disk, first, driver)
    with_store(disk, second, driver)


@DRIVERS
def test_a_container_may_begin_with_what_a_layer_holds(disk: Path, driver: str) -> None:
    async def life(images: ImageStore) -> None:
        parent = images.resolve("base:1")
        async with images.lease() as lease:
            active = await lease.prepare(parent.chain_id, mount_points=True)
            change(await lease.mount(active))
            layer = await lease.commit(active)
            await images.rootfs.create("c" * 64, parent.id, changes=layer.chain_id)
        found = files(await images.rootfs.mount("c" * 64))
        assert {name: found.get(name) for name in ("kept", "gone", "added", "folder/old", "folder/new")} == {
            "kept": "kept",
            "gone": None,
            "added": "added" * 1000,
            "folder/old": None,
            "folder/new": "new",
        }
        assert os.stat(await images.rootfs.mount("c" * 64)).st_mode & 0o777 == 0o755
        await images.rootfs.remove("c" * 64)

    with_store(disk, life, driver)


def config_with(raw: bytes, diff_id: str) -> bytes:
    import msgspec

    document = msgspec.json.decode(raw)
    document["rootfs"]["diff_ids"].append(diff_id)
    encoded = msgspec.json.encode(document)
    assert decode_document(encoded, ImageConfig, "config")
    return encoded


@DRIVERS
def test_a_lease_that_ends_takes_along_what_was_not_recorded(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        before = snapshots(disk, driver)
        parent = images.resolve("base:1").chain_id
        with suppress(ZeroDivisionError):
            async with images.lease() as lease:
                written = await lease.prepare(parent)
                change(await lease.mount(written))
                layer = await lease.commit(written)
                await lease.mount(await lease.prepare(layer.chain_id))
                raise ZeroDivisionError
        assert snapshots(disk, driver) == before

    with_store(disk, work, driver)


@DRIVERS
def test_layers_under_a_lease_outlive_their_image(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        async with images.lease() as lease:
            active = await lease.prepare(images.resolve("base:1").chain_id)
            await images.delete("base:1")
            root = await lease.mount(active)
            assert (root / "kept").read_text() == "kept"
            with pytest.raises(NotFoundError):
                lease.hold("sha256:" + "0" * 64)
        assert snapshots(disk, driver) == set()

    with_store(disk, work, driver)


@DRIVERS
def test_nothing_written_is_no_layer_and_the_same_written_twice_is_one(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        parent = images.resolve("base:1").chain_id
        async with images.lease() as lease:
            empty = await lease.commit(await lease.prepare(parent, mount_points=True))
            assert (empty.chain_id, empty.is_empty) == (parent, True)
            before = snapshots(disk, driver)
            layers = []
            for _ in range(2):
                active = await lease.prepare(parent)
                root = await lease.mount(active)
                (root / "kept").write_text("other words")
                for path in (root / "kept", root):
                    os.utime(path, (1, 1))
                layers.append(await lease.commit(active))
            assert layers[0] == layers[1]
            assert len(snapshots(disk, driver) - before) == 1

    with_store(disk, work, driver)


@DRIVERS
def test_a_layer_may_stand_on_nothing_and_is_read_as_one_tree(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        async with images.lease() as lease:
            chain_id = None
            for name in ("lower", "middle", "upper"):
                active = await lease.prepare(chain_id)
                (await lease.mount(active) / name).write_text(name)
                chain_id = (await lease.commit(active)).chain_id
            assert chain_id is not None
            view = lease.view(chain_id)
            try:
                assert sorted(os.listdir(f"/proc/self/fd/{view.root}")) == ["lower", "middle", "upper"]
            finally:
                view.close()

    with_store(disk, work, driver)


@DRIVERS
def test_a_root_keeps_a_stack_over_restarts_until_it_is_dropped(disk: Path, driver: str) -> None:
    made: list[str] = []

    async def first(images: ImageStore) -> None:
        async with images.lease() as lease:
            active = await lease.prepare(images.resolve("base:1").chain_id)
            (await lease.mount(active) / "result").write_text("result")
            layer = await lease.commit(active)
            assert layer.chain_id is not None
            made.append(layer.chain_id)
            await images.roots.keep("cache-key", layer.chain_id, Put("cache", "cache-key", b"{}"))
            with pytest.raises(NotFoundError):
                await images.roots.keep("other", "sha256:" + "0" * 64)
        await images.delete("base:1")
        assert len(snapshots(disk, driver)) == 2

    async def second(images: ImageStore) -> None:
        assert images.problems == []
        assert images.roots.all() == {"cache-key": made[0]}
        async with images.lease() as lease:
            lease.hold(made[0])
            assert (await files_of(images, lease, made[0]))["result"] == "result"
        await images.delete("base:1")
        assert await images.roots.drop(["cache-key", "never there"]) == 2
        assert snapshots(disk, driver) == set()

    async def third(images: ImageStore) -> None:
        assert images.roots.all() == {}

    with_store(disk, first, driver)
    with_store(disk, second, driver)
    with_store(disk, third, driver)


@DRIVERS
def test_what_an_engine_was_at_when_it_was_killed_is_gone(disk: Path, driver: str) -> None:
    async def dies(images: ImageStore) -> None:
        lease = Lease(
            images._driver, images._layers, images._intake, images._rootfs
        )  # never closed: the process is no more
        parent = images.resolve("base:1").chain_id
        written = await lease.prepare(parent, mount_points=True)
        change(await lease.mount(written))
        layer = await lease.commit(written)
        await lease.mount(await lease.prepare(layer.chain_id))

    async def next_one(images: ImageStore) -> None:
        assert not [point for point in mount_points_below(disk) if point != disk]
        await images.delete("base:1")
        assert snapshots(disk, driver) == set()

    with_store(disk, dies, driver)
    with_store(disk, next_one, driver)


def test_a_full_disk_leaves_the_snapshot_and_no_layer(tmp_path: Path) -> None:
    async def work(images: ImageStore) -> None:
        async with images.lease() as lease:
            active = await lease.prepare(images.resolve("base:1").chain_id)
            root = await lease.mount(active)
            with pytest.raises(OSError, match="No space"):
                (root / "big").write_bytes(b"x" * (9 << 20))
            with pytest.raises(ScowError, match="No space left"):
                await lease.commit(active)
            assert (await lease.mount(active) / "kept").exists()

    with mounted_tmpfs(tmp_path / "small", "8m") as disk:
        with_store(disk, work)
        unmount_all(disk)


@DRIVERS
def test_a_full_disk_leaves_nothing_of_what_programs_begin_with(disk: Path, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        chain_id = images.all()[0].chain_id
        before = snapshots(disk, driver)
        async with images.lease() as lease:
            with full(disk), pytest.raises(OSError, match="No space left"):
                await lease.prepare(chain_id, mount_points=True)
            assert snapshots(disk, driver) == before
            assert not [point for point in mount_points_below(disk) if point != disk]
            active = await lease.prepare(chain_id, mount_points=True)
            assert (await lease.mount(active) / "kept").read_text() == "kept"

    with_store(disk, work, driver)
