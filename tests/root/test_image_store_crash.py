"""kill -9 of a process in the middle of image work, at many points, and what the next one finds.

The child counts every change that it makes to the file system (Python's audit events come just before the
call) and kills itself at a given one. Whatever the point, the next start finds an image whole or not at
all, and once everything is removed nothing is left.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from glob import glob
from pathlib import Path

import pytest

from scow.errors import NotFoundError
from scow.image.store import ImageStore
from scow.store import Store
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.disks import unmount_all
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

BOX = "b" * 64
POINTS = 18

_CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from scow.image.store import ImageStore
from scow.spec.reference import parse_reference
from scow.store import Store

disk, kill_at, count = Path(sys.argv[1]), int(sys.argv[2]), 0
CHANGES = {"os.rename", "os.mkdir", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod", "os.utime",
           "os.setxattr", "os.chown"}

def watch(event, args):
    global count
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if event in CHANGES or writes:
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

async def chunks(data):
    yield data

async def main():
    store = Store(disk / "scow.db")
    images = await ImageStore.open(disk, store, sys.argv[3])
    sys.addaudithook(watch)
    async for event in images.load(chunks((disk / "archive").read_bytes())):
        pass
    image = images.resolve("app:1")
    await images.tag(image.id, parse_reference("app:2"))
    await images.rootfs.create("b" * 64, image.id)
    await images.rootfs.mount("b" * 64)
    await images.rootfs.unmount("b" * 64)
    await images.rootfs.remove("b" * 64)
    async with images.lease() as lease:
        active = await lease.prepare(image.chain_id, mount_points=True)
        ((await lease.mount(active)) / "built").write_text("x")
        layer = await lease.commit(active)
        await images.roots.keep("built", layer.chain_id)
    await images.roots.drop(["built"])
    await images.delete("app:1")
    await images.delete("app:2")
    await store.aclose()

asyncio.run(main())
print(count)
"""


def image() -> ArchiveImage:
    below, above = Layer(), Layer()
    below.file("dir/a", "base")
    below.file("dir/gone", "base")
    above.file("dir/b", "upper")
    above.file("dir/.wh.gone")
    return ArchiveImage([below.data(), above.data()], ["app:1"])


def child(disk: Path, driver: str, kill_at: int) -> str:
    (disk / "archive").write_bytes(docker_archive([image()]))
    argv = [sys.executable, "-c", _CHILD, str(disk), str(kill_at), driver]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if kill_at:
        assert done.returncode == -9, done.stderr
    return done.stdout


def snapshots(disk: Path, driver: str) -> list[str]:
    home = disk / {"overlay2": "overlay2", "vfs": "vfs/dir"}[driver]
    folders = [home, *([home / "l"] if driver == "overlay2" else [])]
    folders += [disk / "image" / driver / "rootfs", disk / "image" / driver / "imagedb/content/sha256"]
    return [str(path) for folder in folders for path in folder.iterdir() if path.name != "l"]


async def whole_or_not_at_all(disk: Path, driver: str) -> None:
    store = Store(disk / "scow.db")
    images = await ImageStore.open(disk, store, driver)
    assert not [it for it in images.problems if "left-over" not in it and "no directory" not in it]
    for key in images.rootfs.known():
        await images.rootfs.remove(key)  # as the engine does with containers that it does not know
    for chain_id in images.roots.all().values():
        async with images.lease() as lease:
            active = await lease.prepare(chain_id)
            assert (await lease.mount(active) / "built").read_text() == "x"
    await images.roots.drop(images.roots.all())
    findings = [step async for step in images.check(repair=False)]
    assert len(findings) == 1, findings
    if images.all():
        (found,) = images.all()
        assert found.id == image().id
        await images.rootfs.create(BOX, found.id)
        root = await images.rootfs.mount(BOX)
        assert sorted(path.name for path in (root / "dir").iterdir()) == ["a", "b"]
        await images.rootfs.remove(BOX)
        await images.delete(found.id, force=True)
    assert snapshots(disk, driver) == []
    async for _ in images.load(_once((disk / "archive").read_bytes())):
        pass
    assert images.resolve("app:1").id == image().id
    await images.delete("app:1")
    with pytest.raises(NotFoundError):
        images.resolve("app:1")
    assert snapshots(disk, driver) == []
    await store.aclose()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_a_kill_at_any_step_leaves_all_or_nothing(disk: Path, driver: str) -> None:
    steps = int(child(disk, driver, 0))
    assert steps > 60
    for point in range(POINTS):
        kill_at = 1 + point * (steps - 1) // (POINTS - 1)
        child(disk, driver, kill_at)
        unmount_all(disk)  # as a reboot would; a daemon alone that dies leaves mounts, which is another test
        asyncio.run(whole_or_not_at_all(disk, driver))


_LOADS = """
import asyncio, sys
from pathlib import Path
from scow.image.store import ImageStore
from scow.store import Store

disk = Path(sys.argv[1])

async def main():
    store = Store(disk / "scow.db")
    images = await ImageStore.open(disk, store, "overlay2")
    async def chunks():
        with open(disk / "archive", "rb") as file:
            while data := file.read(1 << 20):
                yield data
    async for _ in images.load(chunks()):
        pass

asyncio.run(main())
"""


def test_with_an_engine_its_unpackers_die(disk: Path) -> None:
    layer = Layer()
    layer.file("large", os.urandom(1 << 20) * 64)
    (disk / "archive").write_bytes(docker_archive([ArchiveImage([layer.data()], ["large:1"])]))
    engine = subprocess.Popen([sys.executable, "-c", _LOADS, str(disk)])

    def at_work() -> list[str]:
        """The engine's children when one of them unpacks the layer."""
        children = Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()
        return children if glob(f"{disk}/overlay2/*-staging/diff/large") else []

    try:
        children = wait_until(at_work, "a layer is being unpacked")
    finally:
        engine.kill()
        engine.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "unpackers are gone")

    async def after() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        assert images.all() == []
        assert snapshots(disk, "overlay2") == []
        assert list((disk / "image/overlay2/recipes").iterdir()) == []
        await store.aclose()

    asyncio.run(after())


def test_mounts_that_a_killed_engine_left_are_found_and_removed(disk: Path) -> None:
    async def before() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        async for _ in images.load(_once(docker_archive([image()]))):
            pass
        await images.rootfs.create(BOX, image().id)
        root = await images.rootfs.mount(BOX)
        (root / "mine").write_text("x")
        await store.aclose()

    async def after() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        root = await images.rootfs.mount(BOX)
        assert (root / "mine").read_text() == "x"
        await images.rootfs.remove(BOX)
        await images.delete("app:1")
        assert snapshots(disk, "overlay2") == []
        await store.aclose()

    asyncio.run(before())
    asyncio.run(after())
    assert unmount_all(disk) == []
