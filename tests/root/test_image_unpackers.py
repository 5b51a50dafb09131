"""Layers are unpacked by processes that can reach nothing else, and may die."""

import asyncio
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError, ScowError
from scow.image.store import ImageStore
from scow.image.unpacking import pool
from scow.store import Store
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.disks import mounted_tmpfs, unmount_all
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

DISK_SIZE = "512m"

_SHUT_IN = """
import os, socket, sys
from scow.image.unpacking import worker
from scow.linux import syscalls
from scow.linux.confinement import confine, detached

folder = detached(sys.argv[1])
print("problems", confine(worker._CAPABILITIES, worker._SYSTEM_CALLS.split()))

def tried(name, action):
    try:
        print(name, action())
    except OSError as exc:
        print(name, exc.strerror.split(": ")[-1])

tried("root", lambda: sorted(os.listdir("/")))
tried("passwd", lambda: os.open("/etc/passwd", os.O_RDONLY))
tried("above", lambda: sorted(os.listdir(os.open("../..", os.O_RDONLY, dir_fd=folder))))
tried("socket", lambda: socket.socket())
tried("mount", lambda: syscalls.mount("tmpfs", "/", "tmpfs", 0, None))
tried("unshare", lambda: syscalls.unshare(syscalls.CLONE_NEWUSER))
tried("kill", lambda: os.kill(os.getppid(), 0))
tried("exec", lambda: os.execv("/proc/self/exe", ["x"]))
tried("write", lambda: os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=folder) > 0)
tried("root write", lambda: os.mkdir("/new"))
"""


def test_an_unpacker_reaches_the_folder_that_it_was_given_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").touch()
    done = subprocess.run(
        [sys.executable, "-c", _SHUT_IN, str(folder)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == [
        "problems []",
        "root ['proc']",
        "passwd No such file or directory",
        "above ['inside']",
        "socket Operation not permitted",
        "mount Operation not permitted",
        "unshare Operation not permitted",
        "kill Operation not permitted",
        "exec Operation not permitted",
        "write True",
        "root write Read-only file system",
    ], done.stderr


def unpackers() -> list[int]:
    """Those that this process has started."""
    own = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in own if b"unpacking/launch.py" in command_line(pid)]


def command_line(pid: str) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


async def in_chunks(data: bytes, rest: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    """With ``rest``, the last two chunks come when that is set: until then nobody is done."""
    for at in range(0, len(data), 1 << 20):
        if rest is not None and at + (2 << 20) > len(data):
            await rest.wait()
        yield data[at : at + (1 << 20)]


async def load(images: ImageStore, data: bytes, rest: asyncio.Event | None = None) -> None:
    await load_chunks(images, in_chunks(data, rest))


async def load_chunks(images: ImageStore, chunks: AsyncIterator[bytes]) -> None:
    async for _ in images.load(chunks):
        pass


async def load_while(images: ImageStore, data: bytes, work: Callable[[], None]) -> None:
    """Load an image that is not whole before ``work`` is done in a thread."""
    rest = asyncio.Event()

    async def working() -> None:
        try:
            await asyncio.to_thread(work)
        finally:
            rest.set()

    await asyncio.gather(load(images, data, rest), working())


def large_image(tag: str) -> ArchiveImage:
    layer = Layer()
    layer.file("large", os.urandom(1 << 20) * 96)
    return ArchiveImage([layer.data()], [tag])


def large_and_many() -> ArchiveImage:
    """A layer that has an assistant soon and is not done soon."""
    layer = Layer()
    for number in range(2000):
        layer.file(f"file{number}", "x")
    layer.file("large", os.urandom(1 << 20) * 96)
    for number in range(200):
        layer.file(f"last{number}", "x")
    return ArchiveImage([layer.data()], ["large:1"])


def test_an_unpacker_that_dies_costs_its_layer_only(disk: Path) -> None:
    def kill_one() -> None:
        os.kill(wait_until(unpackers, "an unpacker is there")[0], signal.SIGKILL)

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        archive = docker_archive([large_image("large:1")])
        with pytest.raises(ScowError, match="the unpacker ended"):
            await load_while(images, archive, kill_one)
        await images.settle()
        assert images.all() == []
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        assert unpackers() == []
        await load(images, archive)
        assert images.resolve("large:1")
        assert unpackers() == []
        await store.aclose()

    asyncio.run(life())


def test_a_load_that_is_given_up_leaves_no_unpacker_and_no_layer(disk: Path) -> None:
    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        steps = images.load(in_chunks(docker_archive([large_image("large:1")])))
        await anext(steps)
        await steps.aclose()
        assert unpackers() == []
        await images.settle()
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        assert list((disk / "image/overlay2/recipes").iterdir()) == []
        await store.aclose()

    asyncio.run(life())


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_many_layers_side_by_side_stack_in_their_order(disk: Path, driver: str) -> None:
    count = 127 if driver == "overlay2" else 12
    layers = []
    for number in range(count):
        layer = Layer()
        layer.file("shared", f"{number}")
        layer.file(f"own/{number}", "x")
        if number:
            layer.file(f"own/.wh.{number - 1}")
        layers.append(layer.data())
    image = ArchiveImage(layers, ["many:1"])

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, driver)
        await load(images, docker_archive([image]))
        async with images.lease() as lease:
            active = await lease.prepare(images.resolve("many:1").chain_id)
            root = await lease.mount(active)
            assert (root / "shared").read_text() == f"{count - 1}"
            assert [path.name for path in (root / "own").iterdir()] == [f"{count - 1}"]
        await store.aclose()

    asyncio.run(life())


def many_files() -> tuple[ArchiveImage, dict[str, bytes]]:
    """An image of more files than one unpacker makes alone, and what they hold."""
    files = {f"folder{number // 40}/file{number}": b"%d\n" % number * (number % 90) for number in range(4000)}
    layer = Layer()
    for name, content in files.items():
        layer.file(name, content, mode=0o640, uid=12)
    return ArchiveImage([layer.data()], ["files:1"]), files


@pytest.fixture
def assistants(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Those that were put to work, on a machine that has processors enough."""
    found: list[int] = []
    assist = pool._Unpacker.assist

    async def noted(self: pool._Unpacker, other: pool._Unpacker, root: str) -> None:
        await assist(self, other, root)
        found.append(self.pid)

    monkeypatch.setattr(pool, "_PROCESSORS", 4)
    monkeypatch.setattr(pool._Unpacker, "assist", noted)
    return found


def test_an_unpacker_of_many_files_gets_an_assistant(disk: Path, assistants: list[int]) -> None:
    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        image, files = many_files()
        await load(images, docker_archive([image]))
        assert len(assistants) == 1
        assert unpackers() == []
        loaded = images.resolve("files:1")
        assert loaded.size == sum(map(len, files.values()))
        async with images.lease() as lease:
            root = await lease.mount(await lease.prepare(loaded.chain_id))
            assert {str(it.relative_to(root)): it.read_bytes() for it in root.glob("*/*")} == files
            assert {(it.stat().st_mode, it.stat().st_uid) for it in root.glob("*/*")} == {(0o100640, 12)}
        async with images.tars(loaded.id) as (_, [layer]):
            assert b"".join(layer.read()) == image.layers[0]
        await store.aclose()

    asyncio.run(life())


def test_one_processor_is_for_one_unpacker(
    disk: Path, assistants: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_PROCESSORS", 1)

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        await load(images, docker_archive([many_files()[0]]))
        assert images.resolve("files:1")
        await store.aclose()

    asyncio.run(life())
    assert assistants == []


def test_an_assistant_that_dies_costs_its_layer_only(
    disk: Path, assistants: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assist = pool._Unpacker.assist

    async def killed(self: pool._Unpacker, other: pool._Unpacker, root: str) -> None:
        await assist(self, other, root)
        os.kill(self.pid, signal.SIGKILL)

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        archive = docker_archive([large_and_many()])
        monkeypatch.setattr(pool._Unpacker, "assist", killed)
        with pytest.raises(ScowError, match="ended"):
            await load(images, archive)
        assert len(assistants) == 1
        monkeypatch.setattr(pool._Unpacker, "assist", assist)
        await images.settle()
        assert images.all() == []
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        assert unpackers() == []
        await load(images, docker_archive([many_files()[0]]))
        await store.aclose()

    asyncio.run(life())


def test_a_load_that_is_given_up_leaves_no_assistant(disk: Path, assistants: list[int]) -> None:
    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        steps = images.load(in_chunks(docker_archive([large_and_many()])))
        while not assistants:
            await anext(steps)
        await steps.aclose()
        assert unpackers() == []
        await images.settle()
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        assert list((disk / "image/overlay2/recipes").iterdir()) == []
        await store.aclose()

    asyncio.run(life())


def memory_peak_kb(pid: int) -> int:
    """The most that a process has had in memory; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def bomb(size: int) -> bytes:
    """A file of ``size`` zeros in a layer, compressed member by member: a thousandth of it."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    member = gzip.compress(bytes(64 << 20))
    return gzip.compress(info.tobuf()) + member * (size // (64 << 20)) + gzip.compress(bytes(1024))


def test_ten_gigabytes_of_zeros_end_with_the_disk_and_take_no_memory(tmp_path: Path) -> None:
    data = bomb(10 << 30)
    assert len(data) < 12 << 20
    files = {"c.json": ArchiveImage([b""], ["bomb:1"]).config_bytes(), "layer": data}
    files["manifest.json"] = json.dumps(
        [{"Config": "c.json", "RepoTags": ["bomb:1"], "Layers": ["layer"]}]
    ).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

    seen = asyncio.Event()
    peaks = []

    async def watch() -> None:
        pid = (await asyncio.to_thread(wait_until, unpackers, "an unpacker is there"))[0]
        look(pid)
        seen.set()
        await asyncio.to_thread(wait_until, lambda: not look(pid), "it is gone")

    def look(pid: int) -> int:
        peaks.append(memory_peak_kb(pid))
        return peaks[-1]

    async def chunks() -> AsyncIterator[bytes]:
        """The beginning, and the rest when its unpacker has been seen."""
        whole = archive.getvalue()
        yield whole[: 32 << 10]
        await seen.wait()
        async for chunk in in_chunks(whole[32 << 10 :]):
            yield chunk

    async def life(disk: Path) -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        loaded, _ = await asyncio.gather(load_chunks(images, chunks()), watch(), return_exceptions=True)
        assert isinstance(loaded, ScowError)
        assert "No space left on device" in str(loaded)
        assert 0 < max(peaks) < 40 << 10
        assert images.all() == []
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        await store.aclose()

    with mounted_tmpfs(tmp_path / "small", "128m") as small:
        asyncio.run(life(small))
        unmount_all(small)


def test_one_bad_layer_among_many_ends_them_all(disk: Path) -> None:
    layers = []
    for number in range(6):
        layer = Layer()
        layer.file("../outside" if number == 3 else f"file-{number}", "x" * 1000)
        layers.append(layer.data())

    async def life() -> None:
        store = Store(disk / "scow.db")
        images = await ImageStore.open(disk, store, "overlay2")
        with pytest.raises(InvalidArgumentError, match="leads out"):
            await load(images, docker_archive([ArchiveImage(layers, ["bad:1"])]))
        assert images.all() == []
        assert [path.name for path in (disk / "overlay2").iterdir()] == ["l"]
        assert list((disk / "image/overlay2/recipes").iterdir()) == []
        await store.aclose()

    asyncio.run(life())
