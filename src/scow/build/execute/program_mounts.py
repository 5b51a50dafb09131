"""What a RUN has mounted while it goes on: other file systems, caches, secrets, agents and its documents."""

import os
import secrets
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

from scow.build.execute.cache_mounts import CacheMounts
from scow.build.execute.copying import Target, copy_selection, numeric_mode
from scow.build.execute.selection import Selection
from scow.build.execute.step import Step
from scow.build.graph.ops import Mount, RunOp
from scow.errors import NotFoundError
from scow.image.leases import ActiveSnapshot
from scow.image.threads import run_to_end
from scow.linux.mounts import MS_NODEV, MS_NOSUID, mount, unmount
from scow.linux.rootpath import resolve_in_root
from scow.runtime.program_run import Bound, InMemory

HEREDOCS = "/dev/pipes"
"""Where a program finds the documents that its instruction has."""


class ProgramMounts:
    """Of one program. ``caches`` outlive everything; ``volatile`` is a folder on this boot's disk, in which
    what is secret is in memory.
    """

    def __init__(self, caches: CacheMounts, volatile: Path, step: Step) -> None:
        self._caches = caches
        self._volatile = volatile
        self._step = step
        self._selections = iter(step.inputs.selections)
        self.variables: list[str] = []
        """Of the program's environment: what secrets and agents are found by."""
        self.kept: list[ActiveSnapshot] = []
        """Mounts whose content is kept, in their order."""

    async def lay_out(self, op: RunOp, stack: AsyncExitStack) -> list[Bound | InMemory]:
        """Files and folders as the program is to see them, until ``stack`` ends. Raises ScowError."""
        mounts: list[Bound | InMemory] = []
        if op.files:
            folder = await self._volatile_folder(stack)
            for name, data in op.files:
                await run_to_end(_write_private, folder / name, data, 0o755, 0, 0)
            mounts.append(Bound(folder, HEREDOCS, read_only=True))
        for wanted in op.mounts:
            found = await self._mount(wanted, mount_target(op, wanted), stack)
            if found is not None:
                mounts.append(found)
        return mounts

    async def _mount(self, wanted: Mount, target: str, stack: AsyncExitStack) -> Bound | InMemory | None:
        match wanted.kind:
            case "tmpfs":
                return InMemory(target, wanted.size_bytes)
            case "cache":
                seed = partial(self._bind_source, wanted) if wanted.from_ >= 0 else None
                folder = await self._caches.open(wanted, stack, seed)
                return Bound(folder, target, wanted.read_only)
            case "bind":
                return Bound(await self._bind_source(wanted), target, wanted.read_only)
            case "secret":
                return await self._secret(wanted, target, stack)
            case _:
                return await self._agent(wanted, target)

    async def _bind_source(self, wanted: Mount) -> Path:
        """What a mount's ``source`` means in the file system that it is from. Raises NotFoundError."""
        root = await self._bind_root(wanted)
        source = await run_to_end(resolve_in_root, str(root), wanted.source or "/")
        if not os.path.lexists(source):
            raise NotFoundError(wanted.source)
        return Path(source)

    async def _bind_root(self, wanted: Mount) -> Path:
        """A file system to mount from: writes to it are lost with the lease."""
        chain = dict(self._step.inputs.chains).get(wanted.from_) if wanted.from_ >= 0 else None
        active = await self._step.lease.prepare(chain)
        root = await self._step.lease.mount(active)
        if wanted.keeps:
            self.kept.append(active)
        if wanted.context:
            async with self._step.job.context_lock(wanted.context):
                await run_to_end(_lay_out, root, next(self._selections), wanted.source)
        return root

    async def _secret(self, wanted: Mount, target: str, stack: AsyncExitStack) -> Bound | None:
        data = await self._step.job.secrets.secret(wanted.id)
        if data is None:
            if wanted.required:
                raise NotFoundError(f"secret {wanted.id}: not found")
            return None
        if wanted.variable:
            self.variables.append(f"{wanted.variable}={data.decode(errors='replace')}")
            if not wanted.target:
                return None
        folder = await self._volatile_folder(stack)
        path = folder / "secret"
        await run_to_end(_write_private, path, data, wanted.mode, wanted.uid, wanted.gid)
        return Bound(path, target, read_only=True)

    async def _agent(self, wanted: Mount, target: str) -> Bound | None:
        path = await self._step.job.secrets.agent_socket(wanted.id)
        if path is None:
            if wanted.required:
                raise NotFoundError(f"unset ssh forward key {wanted.id}")
            return None
        self.variables.append(f"SSH_AUTH_SOCK={target}")
        return Bound(Path(path), target, read_only=False)

    async def _volatile_folder(self, stack: AsyncExitStack) -> Path:
        """A folder in memory, gone with ``stack``: no disk ever has what is in it."""
        folder = self._volatile / secrets.token_hex(16)
        stack.push_async_callback(run_to_end, _remove_volatile, folder)
        await run_to_end(_make_volatile, folder)
        return folder


def mount_target(op: RunOp, wanted: Mount) -> str:
    """Where in the program's file system a mount goes."""
    return os.path.normpath(os.path.join("/", op.cwd, wanted.target))


def _make_volatile(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)
    mount("tmpfs", str(folder), fstype="tmpfs", flags=MS_NOSUID | MS_NODEV, data="mode=0700,size=16m")


def _remove_volatile(folder: Path) -> None:
    with suppress(OSError):
        unmount(str(folder), lazy=True)
    with suppress(OSError):
        folder.rmdir()


def _write_private(path: Path, data: bytes, mode: int, uid: int, gid: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        os.fchown(fd, uid, gid)
        os.fchmod(fd, mode)


def _lay_out(root: Path, selection: Selection, source: str) -> None:
    """The files of a context that are to be mounted, at the places that they have in it."""
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        path = os.path.normpath("/" + source)
        target = Target(root_fd, path, into_folder=False, owner=(0, 0), mode=numeric_mode(""))
        copy_selection(selection, target, lambda _: False)
    finally:
        os.close(root_fd)
