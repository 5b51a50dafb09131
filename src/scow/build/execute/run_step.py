"""RUN as a step: mounts laid out, the program run, its changes made a layer."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scow.build.execute.cache_mounts import CacheMounts
from scow.build.execute.content_digest import content_digest
from scow.build.execute.copying import Target, copy_selection, numeric_mode
from scow.build.execute.inputs import Inputs
from scow.build.execute.mount_points import missing_mount_points, remove_made
from scow.build.execute.selection import Selection, select
from scow.build.execute.stacking import unchanged
from scow.build.foreign_platforms import RunnablePlatforms
from scow.build.graph.executor import Executor, RunFailedError
from scow.build.graph.ops import Mount, RunOp, Vertex
from scow.build.graph.progress import STDERR
from scow.build.graph.settings import USUAL_HOSTNAME, Settings
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.layer_intake import NewLayer
from scow.image.leases import ActiveSnapshot, Lease
from scow.image.threads import run_to_end
from scow.linux.mounts import MS_NODEV, MS_NOSUID, mount, unmount
from scow.linux.rootpath import resolve_in_root
from scow.runtime.container_ids import new_id
from scow.runtime.program_run import Bound, InMemory, ProgramNotStartedError, RunRequest
from scow.spec.platform import Platform

if TYPE_CHECKING:
    from scow.build.graph.job import Job, Result

_HEREDOCS = "/dev/pipes"


class Listener(Protocol):
    """Who hears of a program while it runs."""

    def output(self, stream: int, data: bytes) -> None: ...

    def runs_in(self, container_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RunPlaces:
    """Where what programs get besides their file system lies.

    ``caches`` outlive everything; ``volatile`` is on this boot's disk, what is secret is in memory below it.
    """

    caches: CacheMounts
    volatile: Path
    runnable: RunnablePlatforms


async def inputs(
    vertex: Vertex, op: RunOp, job: "Job", base: str | None, results: "Mapping[Vertex, Result]"
) -> Inputs:
    """What a RUN's result depends on besides its words: the files that it mounts."""
    contents, selections = [], []
    chains = [
        (index, results[source].chain_id)
        for index, source in enumerate(vertex.sources)
        if isinstance(source, Vertex)
    ]
    for wanted in op.mounts:
        if wanted.kind in ("bind", "cache") and wanted.from_ >= 0:
            contents.append(f"{dict(chains)[wanted.from_]}")
        elif wanted.kind == "bind" and wanted.context:
            selection, digest = await _from_context(wanted, job)
            selections.append(selection)
            contents.append(digest)
    return Inputs(
        base,
        contents=(*contents, *_surroundings(op, vertex.settings or job.settings)),
        selections=tuple(selections),
        chains=tuple(chains),
        outlive_job=not selections and all(it.kind not in ("secret", "ssh") for it in op.mounts),
    )


def _surroundings(op: RunOp, settings: Settings) -> list[str]:
    """What a build says of all its programs and is not the usual.

    As in BuildKit's keys: hosts by their names alone, for addresses change, and no proxies.
    """
    limits = settings.limits
    network = settings.network if op.network == "default" else "default"
    said = [f"network {network}"] if network != "default" else []
    said += [f"host {it.partition(':')[0]}" for it in settings.hosts]
    said += [f"hostname {settings.hostname}"] if settings.hostname not in ("", USUAL_HOSTNAME) else []
    said += [f"security {it}" for it in settings.security_options]
    said += [f"ulimit {name}={soft}:{hard}" for name, soft, hard in limits.ulimits]
    said += [f"shm {limits.shm_bytes}"] if limits.shm_bytes else []
    return said + ([f"cgroup {limits.cgroup_parent}"] if limits.cgroup_parent else [])


async def _from_context(wanted: Mount, job: "Job") -> tuple[Selection, str]:
    tree = job.contexts.get(wanted.context)
    if tree is None:
        raise InvalidArgumentError(f"the build has no context {wanted.context!r}")
    async with job.context_lock(wanted.context):
        selection = await run_to_end(select, tree, [wanted.source or "/"])
        return selection, await run_to_end(content_digest, selection, with_owners=False)


class Running:
    """One RUN while it goes on."""

    def __init__(
        self,
        executor: Executor,
        places: RunPlaces,
        lease: Lease,
        job: "Job",
        settings: Settings,
        found: Inputs,
        listener: Listener,
    ) -> None:
        self._executor = executor
        self._places = places
        self._lease = lease
        self._job = job
        self._settings = settings
        self._inputs = found
        self._listener = listener
        self._variables: list[str] = []
        self._selections = iter(found.selections)
        self._kept: list[ActiveSnapshot] = []

    async def run(self, op: RunOp, platform: Platform | None = None) -> tuple[NewLayer, tuple[NewLayer, ...]]:
        """What it left where it ran, and on mounts whose content is kept, in their order.

        Raises RunFailedError for an exit code that is a failure, ScowError. The listener is told when
        programs of ``platform`` could not have run.
        """
        active = await self._lease.prepare(self._inputs.base, mount_points=True)
        root = await self._lease.mount(active)
        # Not the snapshot's: that becomes a layer, beside which the container may have to stay.
        key = new_id()
        async with AsyncExitStack() as stack:
            mounts = await self._mounts(op, stack)
            targets = [_absolute(op, it) for it in op.mounts] + ([_HEREDOCS] if op.files else [])
            missing = await run_to_end(missing_mount_points, str(root), targets)
            settings = self._settings
            request = RunRequest(
                key=key,
                root=root,
                args=op.args,
                env=(*_environment(op, settings), *self._variables),
                cwd=op.cwd,
                user=op.user,
                network=op.network if op.network != "default" else settings.network,
                insecure=op.insecure,
                mounts=tuple(mounts),
                hosts=settings.hosts,
                limits=settings.limits,
                security_options=settings.security_options,
                read_only_root=op.read_only,
                hostname=settings.hostname,
            )
            self._listener.runs_in(key)
            code = await self._ended(request)
        if code not in op.exit_codes:
            if platform is not None and (hint := await run_to_end(self._places.runnable.hint, platform)):
                self._listener.output(2, f"{hint}\n".encode())
            raise RunFailedError(op.args, code, key, await self._left(active))
        others = tuple([await self._lease.commit(it) for it in self._kept])
        if not op.keeps:
            await self._lease.discard(active)
            return unchanged(self._inputs.base), others
        await run_to_end(remove_made, str(root), missing)
        return await self._lease.commit(active), others

    async def _ended(self, request: RunRequest) -> int:
        """The exit code; to BuildKit the runtime is the program that failed where it could not start one."""
        try:
            return await self._executor.run(request, self._listener.output)
        except ProgramNotStartedError as exc:
            if not self._settings.as_buildkit:
                raise
            self._listener.output(STDERR, f"runc run failed: {exc.reason}\n".encode())
            return 1
        except ScowError as exc:
            if not self._settings.as_buildkit:
                raise
            program = json.dumps(" ".join(request.args), ensure_ascii=False)
            what = f"process {program} did not complete successfully: {exc.message}"
            raise ScowError(what) from exc

    async def _left(self, active: ActiveSnapshot) -> str | None:
        """What the program has made, if that is to be kept."""
        if not self._job.keeps_failed:
            return None
        layer = await self._lease.commit(active)
        self._job.lease.hold(layer.chain_id)
        return layer.chain_id

    async def _mounts(self, op: RunOp, stack: AsyncExitStack) -> list[Bound | InMemory]:
        mounts: list[Bound | InMemory] = []
        if op.files:
            folder = await self._volatile_folder(stack)
            for name, data in op.files:
                await run_to_end(_write_private, folder / name, data, 0o755, 0, 0)
            mounts.append(Bound(folder, _HEREDOCS, read_only=True))
        for wanted in op.mounts:
            found = await self._mount(wanted, _absolute(op, wanted), stack)
            if found is not None:
                mounts.append(found)
        return mounts

    async def _mount(self, wanted: Mount, target: str, stack: AsyncExitStack) -> Bound | InMemory | None:
        match wanted.kind:
            case "tmpfs":
                return InMemory(target, wanted.size_bytes)
            case "cache":
                seed = partial(self._bind_source, wanted) if wanted.from_ >= 0 else None
                folder = await self._places.caches.open(wanted, stack, seed)
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
        chain = dict(self._inputs.chains).get(wanted.from_) if wanted.from_ >= 0 else None
        active = await self._lease.prepare(chain)
        root = await self._lease.mount(active)
        if wanted.keeps:
            self._kept.append(active)
        if wanted.context:
            async with self._job.context_lock(wanted.context):
                await run_to_end(_lay_out, root, next(self._selections), wanted.source)
        return root

    async def _secret(self, wanted: Mount, target: str, stack: AsyncExitStack) -> Bound | None:
        data = await self._job.secrets.secret(wanted.id)
        if data is None:
            if wanted.required:
                raise NotFoundError(f"secret {wanted.id}: not found")
            return None
        if wanted.variable:
            self._variables.append(f"{wanted.variable}={data.decode(errors='replace')}")
            if not wanted.target:
                return None
        folder = await self._volatile_folder(stack)
        path = folder / "secret"
        await run_to_end(_write_private, path, data, wanted.mode, wanted.uid, wanted.gid)
        return Bound(path, target, read_only=True)

    async def _agent(self, wanted: Mount, target: str) -> Bound | None:
        path = await self._job.secrets.agent_socket(wanted.id)
        if path is None:
            if wanted.required:
                raise NotFoundError(f"unset ssh forward key {wanted.id}")
            return None
        self._variables.append(f"SSH_AUTH_SOCK={target}")
        return Bound(Path(path), target, read_only=False)

    async def _volatile_folder(self, stack: AsyncExitStack) -> Path:
        """A folder in memory, gone with ``stack``: no disk ever has what is in it."""
        folder = self._places.volatile / secrets.token_hex(16)
        stack.push_async_callback(run_to_end, _remove_volatile, folder)
        await run_to_end(_make_volatile, folder)
        return folder


def _environment(op: RunOp, settings: "Settings") -> Iterator[str]:
    """Variables and proxies; of two of one name BuildKit takes the proxy, the classic builder not."""
    if not settings.as_buildkit:
        yield from (*settings.proxies, *op.env)
        return
    names = {it.partition("=")[0] for it in settings.proxies}
    yield from (it for it in op.env if it.partition("=")[0] not in names)
    yield from settings.proxies


def _absolute(op: RunOp, wanted: Mount) -> str:
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
