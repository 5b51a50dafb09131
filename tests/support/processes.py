"""Real containers without an engine: a busybox root file system, runc, and a Supervisor for each scenario."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scow.logs.spec import LogSpec
from scow.runtime.oci_runtime import OciRuntime, Stdio
from scow.runtime.supervisor import Exited, Running, Supervisor
from tests.support.environment import run_dir, run_id
from tests.support.waiting import PATIENCE_S, wait_until


def make_rootfs(path: Path) -> Path:
    """A root file system with busybox under all its names."""
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
        (path / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", path / "bin" / "busybox")
    names = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            (path / "bin" / name).symlink_to("busybox")
    return path


@dataclass
class Rig:
    """Where one scenario's containers live. ``rootfs`` is shared; do not write into it."""

    exec_root: Path
    rootfs: Path
    runtime: OciRuntime = field(init=False)
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runtime = OciRuntime(shutil.which("runc") or "runc", self.exec_root / "runc")

    def bundle(self, container_id: str, args: list[str], *, tty: bool = False) -> Path:
        """A bundle for ``args``."""
        path = self.exec_root / "bundles" / container_id
        path.mkdir(parents=True)
        subprocess.run(["runc", "spec"], cwd=path, check=True)
        document: dict[str, Any] = json.loads((path / "config.json").read_text())
        document["process"] |= {"args": args, "terminal": tty}
        document["root"] = {"path": str(self.rootfs), "readonly": True}
        document["linux"]["cgroupsPath"] = f"/{_cgroup_parent()}/{container_id}"
        (path / "config.json").write_text(json.dumps(document))
        self.started.append(container_id)
        return path

    def log_path(self, container_id: str) -> Path:
        """The log of a container started with ``logged=True``."""
        return self.exec_root / "bundles" / container_id / "x.log"

    def logged(self, container_id: str) -> str:
        """What the log says, both streams."""
        try:
            lines = self.log_path(container_id).read_bytes().splitlines()
        except FileNotFoundError:
            return ""  # the shim has not come to it yet
        return "".join(json.loads(line)["log"] for line in lines)

    def process(self, name: str) -> int:
        """The pid of this rig's scow-reaper or scow-shim."""
        return wait_until(lambda: self.find(name), f"{name} of {self.exec_root}")

    def find(self, name: str) -> int:
        """The same, or 0."""
        for pid in _pids(name):
            with suppress(OSError):
                reaper = pid if name == "scow-reaper" else _parent(pid)
                if f" {self.exec_root} " in _command_line(reaper):
                    return pid
        return 0

    def kill(self, name: str) -> int:
        """kill -9, and wait until it is gone."""
        pid = self.process(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in _pids(name), f"end of {name}")
        return pid


class Engine:
    """What scowd is to the reaper: one connection."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.lost: list[str] = []
        self.spawned: set[str] = set()
        self.listed: dict[str, Running] = {}
        self._exits: dict[str, asyncio.Future[Exited]] = {}
        self._changed = asyncio.Event()
        self.supervisor = Supervisor(rig.exec_root, self._exited, self._on_lost)

    def _exited(self, exited: Exited) -> None:
        future = self._exit(exited.key)
        assert not future.done(), f"{exited.key} was reported twice"
        future.set_result(exited)

    def _on_lost(self, keys: list[str]) -> None:
        self.lost += keys
        self._changed.set()

    def _exit(self, key: str) -> "asyncio.Future[Exited]":
        return self._exits.setdefault(key, asyncio.get_running_loop().create_future())

    async def connect(self) -> None:
        """As at the start of the engine: learn what there is."""
        self.listed = {one.key: one for one in await self.supervisor.start()}

    def drop(self) -> None:
        """As kill -9 of the engine does: the connection is gone without a word."""
        self.supervisor._link.close()

    async def run(
        self, key: str, *args: str, stdio: Stdio | None = None, logged: bool = False, tty: bool = False
    ) -> int:
        """Start a container; returns its pid."""
        bundle = self.rig.bundle(key, list(args), tty=tty)
        given = stdio or Stdio(tty=tty, log=LogSpec(str(self.rig.log_path(key))) if logged else None)
        pid = await self.supervisor.spawn(key, self.rig.runtime.run_request(key, bundle, given))
        self.spawned.add(key)
        return pid

    async def attach(self, key: str, *, stdin: bool = False, framed: bool = False) -> socket.socket:
        return await self.supervisor.attach(key, stdin=stdin, stdout=True, stderr=True, framed=framed)

    async def exited(self, key: str) -> Exited:
        """The report of the end, by callback or in the list at the start."""
        known = self.listed.get(key)
        if known is not None and known.exited is not None:
            return known.exited
        async with asyncio.timeout(PATIENCE_S):
            return await self._exit(key)

    async def until_lost(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._changed.wait()

    async def remove(self, key: str) -> None:
        await self.rig.runtime.delete(key, force=True)
        if (key in self.spawned or key in self.listed) and key not in self.lost:
            await self.exited(key)
        await self.supervisor.forget(key)


async def read_all(sock: socket.socket) -> bytes:
    """Everything up to the end of file."""
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    with sock:
        async with asyncio.timeout(PATIENCE_S):
            while part := await loop.sock_recv(sock, 1 << 20):
                parts.append(part)
    return b"".join(parts)


async def read_at_least(sock: socket.socket, count: int) -> bytes:
    """``count`` bytes, and what comes along with the last of them."""
    loop = asyncio.get_running_loop()
    got = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < count:
            part = await loop.sock_recv(sock, 65536)
            assert part, f"the stream ended after {len(got)} bytes"
            got += part
    return got


async def read_until(sock: socket.socket, wanted: bytes) -> bytes:
    """What comes, up to the piece that completes ``wanted``."""
    loop = asyncio.get_running_loop()
    got = b""
    async with asyncio.timeout(PATIENCE_S):
        while wanted not in got:
            part = await loop.sock_recv(sock, 65536)
            assert part, f"the stream ended after {got!r}"
            got += part
    return got


@asynccontextmanager
async def engine(rig: Rig) -> AsyncIterator[Engine]:
    """An engine on ``rig`` that leaves nothing."""
    one = Engine(rig)
    await one.connect()
    try:
        yield one
    finally:
        for key in rig.started:
            await one.remove(key)
        rig.started.clear()
        await one.supervisor.aclose(stop_reaper_if_idle=True)
        wait_until(lambda: not rig.find("scow-reaper"), "the reaper to leave")


@contextmanager
def root_file_system() -> Iterator[Path]:
    """What containers of all rigs share."""
    path = run_dir() / f"{_worker()}rootfs"
    yield make_rootfs(path)
    shutil.rmtree(path)
    # The parents of the containers' own, which the runtime has removed.
    for parent in Path("/sys/fs/cgroup").glob(f"*/{_cgroup_parent()}"):
        parent.rmdir()


@contextmanager
def new_rig(rootfs: Path) -> Iterator[Rig]:
    """A rig whose processes have nothing to complain of; on tmpfs, and a unix socket goes below its path."""
    path = run_dir() / f"{_worker()}rig"
    path.mkdir(parents=True)
    try:
        yield Rig(path, rootfs)
        assert not (path / "reaper.log").read_text(), "the reaper or the shim complained"
    finally:  # so that one failure does not become many
        shutil.rmtree(path, ignore_errors=True)


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "")


def _cgroup_parent() -> str:
    return f"scow-{run_id()}{_worker()}"


def _pids(name: str) -> list[int]:
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{entry}/comm").read_text().strip() == name and _state(int(entry)) not in "ZX":
                found.append(int(entry))
        except OSError:
            continue
    return found


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def open_files(pid: int) -> int:
    """How many descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))
