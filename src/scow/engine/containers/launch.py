"""From a stored container to a running process, and what is left of it back to nothing.

Steps of a start, each undone if a later one fails: root file system, network, document, process; then the
document in the store. A kill before the last step leaves a process that start-up finds running for a
container that says it is not: it is ended there, as the client was never told that it had started.
"""

import logging
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scow.engine.containers import health
from scow.engine.containers.document import SHARED_MEMORY, Documents
from scow.engine.containers.events import container_event, resource_events
from scow.engine.containers.log_forwarding import LogForwarding, container_log
from scow.engine.containers.model import ZERO_TIME, Container, Live
from scow.engine.containers.mounts.images import mount_keys
from scow.engine.containers.mounts.volumes import mount_volumes, unmount_volumes
from scow.engine.containers.registry import Containers
from scow.engine.containers.sandbox import Sandbox, Sandboxes
from scow.engine.containers.states import Action
from scow.engine.events import EventBus
from scow.engine.timestamps import rfc3339
from scow.engine.volumes.use import VolumeUse
from scow.errors import InvalidArgumentError, ScowError
from scow.image.store import ImageStore
from scow.linux.binfmt_misc import HeldRegistrations
from scow.linux.cgroups import Cgroup, CgroupHost
from scow.linux.mounts import unmount
from scow.linux.processes import open_pidfd, start_time
from scow.runtime import resources
from scow.runtime.device_nodes import block_device_numbers
from scow.runtime.oci_runtime import OciRuntime, Stdio
from scow.runtime.start_failure import NOT_STARTED, RuntimeFailedError, explain_start_failure
from scow.runtime.supervisor import Supervisor
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)

# PID_MAX_LIMIT, linux/threads.h: no more than without a limit. crun 1.8 would write the -1 that stands for it
# in OCI documents to the control file as it is, which the kernel refuses.
_PIDS_MAX = 1 << 22


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes of containers and clears up after them; callers hold the container's lock.

    ``status_changed`` is called after every start, and by whoever makes another change.
    """

    root: Path
    bundles: Path
    documents: Documents
    containers: Containers
    images: ImageStore
    volumes: VolumeUse
    sandboxes: Sandboxes
    supervisor: Supervisor
    runtimes: dict[str, OciRuntime]
    cgroups: CgroupHost
    events: EventBus
    forwarding: LogForwarding
    status_changed: Callable[[Live], None]
    interpreters: HeldRegistrations

    async def start(self, live: Live) -> None:
        """Start a container that is down. Raises ScowError; the container then remembers why and its code."""
        doc = live.doc
        try:
            pid = await self._launch(doc)
        except (ScowError, OSError) as exc:
            raise await self._start_failed(live, exc) from exc
        before = doc.state
        state = doc.state = msgspec.structs.replace(before)
        doc.step(Action.START)
        doc.limits_pending = doc.networks_unsettled = False
        doc.lost_ports = []
        state.pid, state.pid_start_time = pid, _start_time(pid)
        state.exit_code, state.error, state.oom_killed = 0, "", False
        state.started_at, state.finished_at = rfc3339(time.time_ns()), ZERO_TIME
        state.health = health.started(state.health) if health.health_check(doc.config) else None
        try:
            await self.containers.save(live)
        except ScowError:
            # The next daemon would take it for what nobody was told of, and end it: so do we.
            doc.state = before
            await self.clean_up(live)
            raise
        self.adopt(live)
        resource_events(self.events, doc, doc.endpoints, taken=True)
        container_event(self.events, doc, "start")
        self.status_changed(live)

    async def _start_failed(self, live: Live, exc: ScowError | OSError) -> ScowError:
        doc = live.doc
        await self.supervisor.forget(doc.id)
        await self._release_shared_memory(doc)
        failure, code = _explain_start(doc, exc)
        doc.step(Action.START_FAILED)
        doc.endpoints = {}
        doc.state.exit_code, doc.state.error = code, failure.message
        await self.containers.save(live)
        return failure

    async def _launch(self, doc: Container) -> int:
        bundle = self.bundles / doc.id
        await self.forwarding.check(doc)
        async with AsyncExitStack() as undo:
            rootfs, sandbox = await self._prepare_place(doc, undo)
            undo.push_async_callback(self._remove_bundle, bundle)
            await run_blocking(self._write_bundle, doc, rootfs, bundle, sandbox)
            stdio = Stdio(
                stdin=doc.config.open_stdin,
                stdin_once=doc.config.stdin_once,
                tty=doc.config.tty,
                size=terminal_size(doc.host.console_size),
                log=container_log(doc),
            )
            runtime = self.runtime(doc)
            try:
                pid = await self.supervisor.spawn(doc.id, runtime.run_request(doc.id, bundle, stdio))
            except RuntimeFailedError:
                await self._delete_runtime_state(doc)
                raise
            undo.pop_all()
        runtime.started(doc.id)
        sandbox.close()
        doc.endpoints = sandbox.endpoints
        return pid

    async def _prepare_place(self, doc: Container, undo: AsyncExitStack) -> tuple[Path, Sandbox]:
        """Mount the root file system and connect the network."""
        rootfs = await self.images.rootfs.mount(doc.id)
        undo.push_async_callback(self.images.rootfs.unmount, doc.id)
        for key in mount_keys(doc):
            await self.images.rootfs.mount(key)
            undo.push_async_callback(self.images.rootfs.unmount, key)
        await mount_volumes(self.volumes, doc, undo)
        sandbox = await self.sandboxes.open(doc)
        undo.callback(sandbox.close)
        if sandbox.endpoints:
            undo.push_async_callback(self.sandboxes.release, doc, sandbox.endpoints)
        return rootfs, sandbox

    def _write_bundle(self, doc: Container, rootfs: Path, bundle: Path, sandbox: Sandbox) -> None:
        if doc.host.privileged:
            self.interpreters.hold()  # it may register some, and end
        document = self.documents.build(doc, rootfs, self.root / doc.id, sandbox)
        self.runtime(doc).write_bundle(doc.id, bundle, document)

    async def _remove_bundle(self, bundle: Path) -> None:
        await run_blocking(shutil.rmtree, bundle, True)

    def runtime(self, doc: Container) -> OciRuntime:
        """The one that a container is run by. Raises InvalidArgumentError if the daemon has it no more."""
        runtime = self.runtimes.get(doc.host.runtime)
        if runtime is None:
            raise InvalidArgumentError(f"unknown or invalid runtime name: {doc.host.runtime}")
        return runtime

    async def _delete_runtime_state(self, doc: Container) -> None:
        """What a runtime keeps of a container; it may have kept nothing, or be gone itself."""
        try:
            await self.runtime(doc).discard(doc.id, self.cgroup(doc))
        except (ScowError, OSError) as exc:
            _log.warning("runtime state of %s: %s", doc.id, exc)

    def adopt(self, live: Live) -> None:
        """Hold on to the process of a running container, so that signals cannot go astray."""
        try:
            live.pidfd = open_pidfd(live.doc.state.pid, live.doc.state.pid_start_time)
        except ProcessLookupError:
            # It has ended already; its report is on the way.
            live.pidfd = -1

    async def clean_up(self, live: Live) -> None:
        """Free what the ended process of a container held. Never raises: what fails is left to start-up."""
        doc = live.doc
        if live.pidfd >= 0:
            os.close(live.pidfd)
            live.pidfd = -1
        endpoints, doc.endpoints = doc.endpoints, {}
        try:
            await self.supervisor.forget(doc.id)
            await self.runtime(doc).discard(doc.id, self.cgroup(doc))
            if endpoints:
                await self.sandboxes.release(doc, endpoints)
            for key in (doc.id, *mount_keys(doc)):
                await self.images.rootfs.unmount(key)
            await unmount_volumes(self.volumes, doc)
            await self._release_shared_memory(doc)
        except (ScowError, OSError) as exc:
            _log.warning("clean-up of %s: %s", doc.id, exc)
        else:
            # Last: start-up takes a bundle for a clean-up that is not complete.
            await self._remove_bundle(self.bundles / doc.id)

    async def remove_orphans(self) -> None:
        """End and remove what runtimes have of containers that are gone, and their mounts."""
        for runtime in self.runtimes.values():
            for key in await run_blocking(_names, runtime.root):
                if key not in self.containers:
                    try:
                        await runtime.delete(key, force=True)
                    except ScowError as exc:
                        _log.warning("runtime state of %s, which is gone: %s", key, exc)
        for key in await run_blocking(_names, self.root):
            path = self.root / key / SHARED_MEMORY
            if key not in self.containers and path.is_mount():
                await run_blocking(unmount, str(path), lazy=True)

    async def _release_shared_memory(self, doc: Container) -> None:
        path = self.root / doc.id / SHARED_MEMORY
        if doc.host.ipc_mode == "shareable" and path.is_mount():
            await run_blocking(unmount, str(path), lazy=True)

    async def forget(self, key: str) -> None:
        """Drop the record of an ended process."""
        await self.supervisor.forget(key)

    def had_oom_kill(self, doc: Container) -> bool:
        """Whether the kernel has killed a process of the container for its memory limit."""
        return self.cgroup(doc).oom_kill_count() > 0

    def is_frozen(self, doc: Container) -> bool:
        """Whether the processes of a running container are stopped, as by ``pause``."""
        return self.cgroup(doc).is_frozen()

    def cgroup(self, doc: Container) -> Cgroup:
        """The control group of a container."""
        return Cgroup(self.cgroups, self.documents.cgroup_path(doc))

    def send_signal(self, live: Live, number: int) -> None:
        """Signal the first process; one that has just ended is not an error."""
        if live.pidfd < 0:
            return
        try:
            signal.pidfd_send_signal(live.pidfd, number)
        except ProcessLookupError:
            _log.debug("signal %d: process of %s has ended", number, live.doc.id)

    async def pause(self, live: Live) -> None:
        """Freeze all processes."""
        await self.runtime(live.doc).pause(live.doc.id)

    async def unpause(self, live: Live) -> None:
        """Thaw them."""
        await self.runtime(live.doc).resume(live.doc.id)

    async def apply_limits(self, doc: Container, *, lift_swap: bool = False) -> None:
        """Give a running container the limits of its document. Raises ScowError.

        ``lift_swap``: no limit on swap any more, which the document of a start says by not saying it.
        """
        numbers = await run_blocking(_block_devices, doc)
        groups = resources.to_oci(doc.host, numbers)
        if lift_swap:
            groups.setdefault("memory", {})["swap"] = -1
        if groups.get("pids", {}).get("limit", 0) < 0:
            groups["pids"] = {"limit": _PIDS_MAX}
        await self.runtime(doc).update(doc.id, groups)

    async def processes(self, doc: Container) -> list[int]:
        """Pids of all processes of a container, as the host numbers them."""
        return await run_blocking(self.cgroup(doc).processes)

    async def attach(
        self, key: str, *, stdin: bool, stdout: bool, stderr: bool, framed: bool
    ) -> socket.socket:
        """A stream to a process that runs or is about to."""
        return await self.supervisor.attach(key, stdin=stdin, stdout=stdout, stderr=stderr, framed=framed)

    async def end_input(self, key: str) -> None:
        """End of file for a process whose client has vanished."""
        await self.supervisor.close_stdin(key)

    async def resize(self, key: str, height: int, width: int) -> None:
        """Set the window size of a process's terminal."""
        await self.supervisor.resize(key, height, width)


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _block_devices(doc: Container) -> dict[str, tuple[int, int]]:
    return {path: block_device_numbers(path) for path in resources.block_device_paths(doc.host)}


def terminal_size(size: Sequence[int]) -> tuple[int, int] | None:
    """``[height, width]`` of the API, where it says something."""
    return (size[0], size[1]) if len(size) == 2 and all(size) else None


def _start_time(pid: int) -> int:
    try:
        return start_time(pid)
    except ProcessLookupError:
        # A process of a few milliseconds: its end is already on the way to us.
        return 0


def _explain_start(doc: Container, exc: ScowError | OSError) -> tuple[ScowError, int]:
    """The failure as Docker words it, and the exit code that the container keeps."""
    if isinstance(exc, RuntimeFailedError):
        if exc.errno:
            return ScowError(f"failed to create task for container: {exc.message}: unknown"), NOT_STARTED
        message, code = explain_start_failure(exc.message, doc.path)
        kind = ScowError if code == NOT_STARTED else InvalidArgumentError
        return kind(message), code
    if isinstance(exc, OSError):
        return ScowError(f"failed to start container: {exc}"), NOT_STARTED
    return exc, NOT_STARTED
