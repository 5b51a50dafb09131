"""The btrfs driver on a loop device: subvolumes that come, share, are limited, and go."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError, ScowError
from scow.image.store import ImageStore
from scow.linux import btrfs, syscalls
from scow.store import Store
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.disks import mounted_btrfs

pytestmark = [pytest.mark.root, pytest.mark.needs("mkfs.btrfs")]

BOX, OTHER = "b" * 64, "c" * 64


@pytest.fixture(scope="module")
def file_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("btrfs")
    with mounted_btrfs(folder / "disk", folder / "backing") as disk:
        yield disk


@pytest.fixture
def disk(file_system: Path, request: pytest.FixtureRequest) -> Path:
    return file_system / str(request.node.name)


def image() -> ArchiveImage:
    below, above = Layer(), Layer()
    below.file("dir/a", "base")
    below.file("dir/gone", "base")
    below.file("large", os.urandom(1 << 20) * 8)
    above.file("dir/b", "upper")
    above.file("dir/.wh.gone")
    return ArchiveImage([below.data(), above.data()], ["app:1"])


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def with_store(disk: Path, work: Callable[[ImageStore], Awaitable[None]], *options: str) -> None:
    async def life() -> None:
        disk.mkdir(exist_ok=True)
        store = Store(disk / "scow.db")
        try:
            images = await ImageStore.open(disk, store, "btrfs", options)
            if not images.all():
                async for _ in images.load(once(docker_archive([image()]))):
                    pass
            await work(images)
        finally:
            await store.aclose()

    asyncio.run(life())


def write_through(path: Path, size: int) -> None:
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())


def subvolumes(disk: Path) -> list[str]:
    return os.listdir(disk / "btrfs/subvolumes")


def test_layers_and_containers_are_subvolumes_that_share(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        before = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        for key in (BOX, OTHER):
            await images.rootfs.create(key, images.resolve("app:1").id)
            root = await images.rootfs.mount(key)
            assert root == disk / "btrfs/subvolumes" / key
            assert root.stat().st_ino == 256
            assert sorted(path.name for path in (root / "dir").iterdir()) == ["a", "b"]
            (root / "mine").write_text(key)
        syscalls.sync_file_system(str(disk))
        taken = before - os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        assert taken < 4 << 20
        assert [it.path for it in await images.rootfs.changes(BOX)] == ["/mine"]
        assert await images.rootfs.usage(BOX) == 64

    async def second(images: ImageStore) -> None:
        assert images.problems == []
        assert (await images.rootfs.mount(BOX) / "mine").read_text() == BOX
        saved = b"".join([piece async for piece in images.save(images.to_save(["app:1"]))])
        for key in (BOX, OTHER):
            await images.rootfs.remove(key)
        layers = images.resolve("app:1").layers
        await images.delete("app:1")
        assert subvolumes(disk) == []
        async for _ in images.load(once(saved)):
            pass
        assert images.resolve("app:1").layers == layers

    with_store(disk, first)
    with_store(disk, second)


def test_a_container_is_held_to_its_size(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        limit = images.rootfs.limit({"size": "20m"})
        await images.rootfs.create(BOX, images.resolve("app:1").id, size_limit_bytes=limit)
        root = await images.rootfs.mount(BOX)
        (root / "fits").write_bytes(b"x" * (4 << 20))
        with pytest.raises(OSError, match="quota"):
            write_through(root / "not", 16 << 20)
        await images.rootfs.remove(BOX)

    with_store(disk, work)


def test_limits_that_cannot_be_are_refused(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        for options, why in (
            ({"size": "1m"}, "btrfs: storage size cannot be less than 10.49MB"),
            ({"inodes": "5"}, "Unknown option inodes"),
            ({"size": "much"}, "invalid size: 'much'"),
        ):
            with pytest.raises((ScowError, InvalidArgumentError), match=why):
                images.rootfs.limit(options)

    with_store(disk, work, "btrfs.min_space=10m")


def test_subvolumes_of_a_container_go_with_it(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await images.rootfs.create(BOX, images.resolve("app:1").id)
        root = await images.rootfs.mount(BOX)
        (root / "folder").mkdir()
        fd = os.open(root / "folder", os.O_RDONLY)
        btrfs.create_subvolume(fd, "outer")
        os.close(fd)
        fd = os.open(root / "folder/outer", os.O_RDONLY)
        btrfs.create_subvolume(fd, "inner")
        os.close(fd)
        await images.rootfs.remove(BOX)
        await images.delete("app:1")
        assert subvolumes(disk) == []

    with_store(disk, work)


def test_what_nobody_recorded_is_removed_at_the_start(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        fd = os.open(disk / "btrfs/subvolumes", os.O_RDONLY)
        for name in ("d" * 64, "e" * 64 + "-staging", "f" * 64 + "-removing"):
            btrfs.create_subvolume(fd, name)
        os.close(fd)
        (disk / "btrfs/subvolumes" / ("a" * 64)).mkdir()
        (disk / "btrfs/subvolumes/strangers").mkdir()

    async def second(images: ImageStore) -> None:
        assert len(images.problems) == 4
        await images.delete("app:1")
        assert subvolumes(disk) == ["strangers"]

    with_store(disk, first)
    with_store(disk, second)


def test_layers_made_without_a_container(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        async with images.lease() as lease:
            for mount_points in (False, True):
                active = await lease.prepare(images.resolve("app:1").chain_id, mount_points=mount_points)
                root = await lease.mount(active)
                (root / "dir/a").unlink()
                (root / "dir/c").write_text("new")
                layer = await lease.commit(active)
                assert layer.chain_id is not None
                view = lease.view(layer.chain_id)
                try:
                    assert sorted(os.listdir(f"/proc/self/fd/{view.root}/dir")) == ["b", "c"]
                    assert "etc" not in os.listdir(f"/proc/self/fd/{view.root}")
                finally:
                    view.close()
        await images.delete("app:1")
        assert subvolumes(disk) == []

    with_store(disk, work)
