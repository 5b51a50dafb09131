"""A container's changes as the image store sees them: told, as a layer, as an image; kills and full disks."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scow.errors import NotFoundError, ScowError
from scow.image.committed import CommitRequest
from scow.image.differences import Difference
from scow.image.model import Image
from scow.image.store import ImageStore
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.reference import parse_reference
from scow.store import Store
from scow.tasks import TaskOwner
from tests.support.archives import ArchiveImage, Layer, docker_archive

pytestmark = pytest.mark.root

DISK_SIZE = "64m"

BOX, OTHER = "b" * 64, "c" * 64
DRIVERS = pytest.mark.parametrize("driver", ["overlay2", "vfs"])
KILL_POINTS = 7


def base() -> bytes:
    layer = Layer()
    for folder in ("dir", "gone", "again", "etc", "dir/sub"):
        layer.folder(folder)
    for name in ("dir/file", "dir/sub/deep", "gone/file", "again/old", "etc/passwd", "kind", "moved"):
        layer.file(name, "base")
    layer.hardlink("dir/hard", "dir/file")
    return docker_archive([ArchiveImage([layer.data()], ["base:1"])])


def change(root: Path) -> None:
    (root / "added").write_text("new")
    (root / "etc/passwd").write_text("changed")
    os.chmod(root / "dir/sub/deep", 0o600)
    (root / "gone/file").unlink()
    (root / "gone").rmdir()
    (root / "again/old").unlink()
    (root / "again").rmdir()
    (root / "again").mkdir()
    (root / "again/new").write_text("new")
    (root / "kind").unlink()
    (root / "kind").mkdir()
    (root / "moved").rename(root / "dir/moved")
    os.link(root / "added", root / "added-too")
    os.symlink("../../../outside", root / "leads-out")
    os.mknod(root / "null", 0o020666, os.makedev(1, 3))
    os.setxattr(root / "added", "user.colour", b"blue")


EXPECTED = [
    *(("added", 1), ("added-too", 1), ("again", 0), ("again/new", 1), ("again/old", 2)),
    *(("dir", 0), ("dir/moved", 1), ("dir/sub", 0), ("dir/sub/deep", 0), ("etc", 0), ("etc/passwd", 0)),
    *(("gone", 2), ("kind", 0), ("leads-out", 1), ("moved", 2), ("null", 1)),
]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def opened(disk: Path, driver: str) -> tuple[Store, ImageStore]:
    store = Store(disk / "scow.db")
    return store, await ImageStore.open(disk, store, driver)


async def with_box(disk: Path, driver: str) -> tuple[Store, ImageStore]:
    store, images = await opened(disk, driver)
    async for _ in images.load(_once(base())):
        pass
    await images.rootfs.create(BOX, images.resolve("base:1").id)
    return store, images


def request(name: str | None = "made:1") -> CommitRequest:
    reference = parse_reference(name) if name else None
    return CommitRequest(BOX, ContainerConfig(cmd=["x"]), "sh -c change", "me", "why", reference)


async def commit(images: ImageStore, name: str | None = "made:1") -> Image:
    visit = await images.rootfs.visit(BOX, lambda: None)
    return await images.commit(visit, images.resolve("base:1").id, request(name))


@DRIVERS
def test_changes_and_the_image_made_of_them(disk: Path, driver: str) -> None:
    async def life() -> None:
        store, images = await with_box(disk, driver)
        assert await images.rootfs.changes(BOX) == []
        change(await images.rootfs.mount(BOX))
        found = await images.rootfs.changes(BOX)
        assert found == [Difference(f"/{path}", kind) for path, kind in EXPECTED]
        image = await commit(images)
        parent = images.resolve("base:1")
        assert image.repo_tags == ("made:1",)
        assert image.layers[:-1] == parent.layers
        assert (image.parent, image.author, image.comment) == (parent.id, "me", "why")
        assert (image.history[-1].created_by, len(image.history)) == ("sh -c change", 2)
        await images.rootfs.create(OTHER, image.id)
        root = await images.rootfs.mount(OTHER)
        assert (root / "etc/passwd").read_text() == "changed"
        assert sorted(os.listdir(root / "again")) == ["new"]
        assert not (root / "gone").exists()
        assert os.path.samefile(root / "added", root / "added-too")
        assert os.readlink(root / "leads-out") == "../../../outside"
        assert os.getxattr(root / "added", "user.colour") == b"blue"
        assert await images.rootfs.changes(OTHER) == []
        saved = b"".join([piece async for piece in images.save({image.id: []})])
        assert f"blobs/sha256/{image.layers[-1][7:]}" in tarfile.open(fileobj=io.BytesIO(saved)).getnames()
        for box in (BOX, OTHER):
            await images.rootfs.remove(box)
        await images.delete("made:1")
        assert images.resolve("base:1").id == parent.id
        await store.aclose()

    asyncio.run(life())


@DRIVERS
def test_an_image_without_changes_has_no_layer_of_its_own(disk: Path, driver: str) -> None:
    async def life() -> None:
        store, images = await with_box(disk, driver)
        image = await commit(images, None)
        parent = images.resolve("base:1")
        assert image.layers == parent.layers
        assert image.history[-1].empty_layer
        await images.delete(image.id)
        await images.rootfs.remove(BOX)
        await images.delete("base:1")
        assert not list((disk / "image" / driver / "recipes").iterdir())
        await store.aclose()

    asyncio.run(life())


@DRIVERS
def test_a_full_disk_leaves_nothing_of_an_image(disk: Path, driver: str) -> None:
    async def life() -> None:
        store, images = await with_box(disk, driver)
        root = await images.rootfs.mount(BOX)
        (root / "big").write_bytes(os.urandom(8 << 20))
        before = everything(disk)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        with open(disk / "ballast", "wb") as file:
            file.write(bytes(free - (4 << 20)))
        with pytest.raises(ScowError, match="No space left on device"):
            await commit(images)
        (disk / "ballast").unlink()
        assert everything(disk) == before
        with pytest.raises(NotFoundError):
            images.resolve("made:1")
        assert (await commit(images)).size > 8 << 20
        await store.aclose()

    asyncio.run(life())


def everything(disk: Path) -> set[str]:
    """All files but the database's and overlayfs' own."""
    theirs = {"merged", "work"}
    found = {str(path.relative_to(disk)) for path in disk.rglob("*") if not theirs & set(path.parts[-3:-1])}
    return {name for name in found if not name.startswith("scow.db")}


def test_a_removal_waits_for_visitors_and_tells_them(disk: Path) -> None:
    async def life() -> None:
        store, images = await with_box(disk, "overlay2")
        told = asyncio.Event()
        visit = await images.rootfs.visit(BOX, told.set)
        async with TaskOwner("test") as owner:
            removal = owner.start(images.rootfs.remove(BOX), name="removal")
            await told.wait()
            assert not removal.done()
            with pytest.raises(NotFoundError):
                await images.rootfs.visit(BOX, lambda: None)
            assert visit.root.is_mount()
            await images.rootfs.end_visit(visit)
            await removal
        assert BOX not in images.rootfs.known()
        await store.aclose()

    asyncio.run(life())


def test_a_visited_file_system_stays_mounted_through_the_containers_end(disk: Path) -> None:
    async def life() -> None:
        store, images = await with_box(disk, "overlay2")
        root = await images.rootfs.mount(BOX)
        visit = await images.rootfs.visit(BOX, lambda: None)
        await images.rootfs.unmount(BOX)
        assert root.is_mount(), "a second mount of the same directories would be undefined"
        await images.rootfs.mount(BOX)
        await images.rootfs.end_visit(visit)
        assert root.is_mount()
        await images.rootfs.unmount(BOX)
        assert not root.is_mount()
        await store.aclose()
        visited = await opened(disk, "overlay2")
        await visited[1].rootfs.visit(BOX, lambda: None)
        await visited[0].aclose()  # as a kill would: the visit never ends
        store, images = await opened(disk, "overlay2")
        assert images.rootfs.mounted() == {BOX}
        await images.rootfs.unmount(BOX)
        assert not root.is_mount()
        await store.aclose()

    asyncio.run(life())


_CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.root.test_image_commit import commit, opened

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

async def main():
    store, images = await opened(disk, sys.argv[3])
    sys.addaudithook(watch)
    await commit(images)
    await store.aclose()

asyncio.run(main())
print(count)
"""


def _commit_in_child(disk: Path, driver: str, kill_at: int) -> str:
    project = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", _CHILD, str(disk), str(kill_at), driver, project]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == (-9 if kill_at else 0), done.stderr
    return done.stdout


@DRIVERS
def test_a_kill_at_any_step_leaves_all_or_nothing(disk: Path, driver: str) -> None:
    async def prepare() -> set[str]:
        store, images = await with_box(disk, driver)
        change(await images.rootfs.mount(BOX))
        await images.rootfs.unmount(BOX)
        await store.aclose()
        return everything(disk)

    async def look(before: set[str]) -> None:
        store, images = await opened(disk, driver)
        for box in images.rootfs.mounted():
            await images.rootfs.unmount(box)
        made = [image for image in images.all() if "made:1" in image.repo_tags]
        if made:
            assert made[0].history[-1].author == "me"
            await images.delete("made:1")
        assert everything(disk) == before
        await store.aclose()

    before = asyncio.run(prepare())
    steps = int(_commit_in_child(disk, driver, 0))
    asyncio.run(look(before))
    for point in range(KILL_POINTS):
        _commit_in_child(disk, driver, 1 + point * (steps - 1) // (KILL_POINTS - 1))
        asyncio.run(look(before))
