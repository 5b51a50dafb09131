"""RUN of a build: a container of the engine that nobody sees and nothing stores.

It has the engine's runtime, networks, limits and defaults like any other, and the file system that the build
prepared. It lives as long as the call: when that returns, process, network, control group and bundle are
gone. After a kill of the engine the next one's recovery ends what still runs, as it does with every runtime
container that has no document.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from scow.config import Config
from scow.engine.build_programs import AttachedProgram, Deaf, pass_on
from scow.engine.containers.joining import settle_networks
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, MountRecord
from scow.engine.containers.sandbox import Sandbox
from scow.engine.networks.registry import Networks
from scow.engine.timestamps import rfc3339
from scow.errors import InvalidArgumentError, ScowError
from scow.runtime.defaults import fill_host_config
from scow.runtime.host_facts import HostFacts
from scow.runtime.oci_runtime import Stdio
from scow.runtime.program_run import (
    Bound,
    Ended,
    InMemory,
    Limits,
    OutputSink,
    ProgramLink,
    ProgramNotStartedError,
    RunRequest,
)
from scow.runtime.start_failure import RuntimeFailedError, explain_start_failure
from scow.runtime.supervisor import Exited
from scow.runtime.validate import validate_container
from scow.spec.engine_api.container import ContainerConfig, HostConfig, Ulimit
from scow.spec.engine_api.network import NetworkingConfig
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
# After SIGKILL only an uninterruptible sleep in the kernel keeps a process.
_END_PATIENCE_S = 10.0


class BuildRuns:
    """Runs programs for builds; the ids of those that run are what it contains."""

    def __init__(self, config: Config, facts: HostFacts, launcher: Launcher, networks: Networks) -> None:
        self._config = config
        self._facts = facts
        self._launcher = launcher
        self._networks = networks
        self._ends: dict[str, asyncio.Future[int]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._ends

    async def exited(self, ended: Exited) -> None:
        """The supervisor's news."""
        future = self._ends.get(ended.key)
        if future is not None and not future.done():
            future.set_result(ended.exit_code)

    async def run(self, request: RunRequest, output: OutputSink) -> Ended:
        """Run it to its end; cancelling kills it.

        Raises InvalidArgumentError, NotFoundError, ProgramNotStartedError, ScowError.
        """
        return await self.run_linked(request, Deaf(output))

    async def run_linked(self, request: RunRequest, link: ProgramLink) -> Ended:
        """The same for a program that is talked to."""
        doc = self._document(request)
        self._ends[doc.id] = asyncio.get_running_loop().create_future()
        directory = self._launcher.root / doc.id
        sandbox: Sandbox | None = None
        try:
            await run_blocking(directory.mkdir, mode=0o710, parents=True)
            sandbox = await self._launcher.sandboxes.open(doc)
            await self._spawn(doc, request.root, sandbox, link)
            code = await self._ends[doc.id]
            # Its control group is there until the clean-up.
            return Ended(code, code != 0 and self._launcher.cgroup(doc).oom_kill_count() > 0)
        except OSError as exc:
            raise ScowError(f"failed to run {doc.path}: {(exc.strerror or str(exc)).lower()}") from exc
        finally:
            await asyncio.shield(self._clean_up(doc, sandbox, directory))
            del self._ends[doc.id]

    async def _spawn(self, doc: Container, root: Path, sandbox: Sandbox, link: ProgramLink) -> None:
        """Start it, and pass its output on to the end."""
        launcher = self._launcher
        runtime = launcher.runtimes[doc.host.runtime]
        bundle = launcher.bundles / doc.id
        document = await run_blocking(launcher.documents.build, doc, root, launcher.root / doc.id, sandbox)
        await run_blocking(runtime.write_bundle, doc.id, bundle, document)
        stdin, tty = doc.config.open_stdin, doc.config.tty
        sock = await launcher.supervisor.attach(
            doc.id, stdin=stdin, stdout=True, stderr=not tty, framed=not tty
        )
        try:
            request = runtime.run_request(doc.id, bundle, Stdio(stdin=stdin, stdin_once=True, tty=tty))
            doc.state.pid = await launcher.supervisor.spawn(doc.id, request)
            runtime.started(doc.id)
            await link.begun(AttachedProgram(launcher.supervisor, sock, doc.id, doc.state.pid))
            await pass_on(sock, link, framed=not tty)
        except RuntimeFailedError as exc:
            message, _ = explain_start_failure(exc.message, doc.path)
            reason = message.partition("runc create failed: ")[2] or message
            raise ProgramNotStartedError(message, reason.removesuffix(": unknown")) from exc
        finally:
            sock.close()

    async def _clean_up(self, doc: Container, sandbox: Sandbox | None, directory: Path) -> None:
        """Never raises: what fails is left to the next start-up."""
        launcher = self._launcher
        try:
            await launcher.runtimes[doc.host.runtime].discard(doc.id, launcher.cgroup(doc))
            if doc.state.pid:
                # What is forgotten before its end is known would be remembered by the reaper for ever.
                await asyncio.wait({self._ends[doc.id]}, timeout=_END_PATIENCE_S)
            await launcher.supervisor.forget(doc.id)
        except (ScowError, OSError) as exc:
            _log.warning("clean-up of a build's %s: %s", doc.id, exc)
        if sandbox is not None:
            sandbox.close()
            await launcher.sandboxes.release(doc, sandbox.endpoints)
        for folder in (launcher.bundles / doc.id, directory):
            await run_blocking(shutil.rmtree, folder, True)

    def _document(self, request: RunRequest) -> Container:
        asked = _host_config(request)
        host = fill_host_config(asked, self._config, self._facts)
        config = ContainerConfig(env=list(request.env), working_dir=request.cwd, user=request.user)
        config.hostname, config.tty, config.open_stdin = (
            request.hostname,
            request.terminal,
            request.takes_input,
        )
        validate_container(config, host, self._facts)
        if not request.args:
            raise InvalidArgumentError("no command specified")
        networks = settle_networks(host, NetworkingConfig(), self._networks)
        own_name = request.hostname or request.key[:12]
        config.hostname = self._facts.hostname if host.network_mode == "host" else own_name
        return Container(
            id=request.key,
            name=f"build-{request.key[:12]}",
            created=rfc3339(time.time_ns()),
            image_id="",
            config=config,
            host=host,
            path=request.args[0],
            args=list(request.args[1:]),
            mounts=_mounts(request.mounts),
            networks=networks,
        )


def _host_config(request: RunRequest) -> HostConfig:
    limits = request.limits
    host = HostConfig(
        network_mode=request.network,
        privileged=request.insecure,
        extra_hosts=list(request.hosts) or None,
        security_opt=list(request.security_options) or None,
        ipc_mode="private",
        readonly_rootfs=request.read_only_root,
    )
    limit(host, limits)
    in_memory = [it for it in request.mounts if isinstance(it, InMemory)]
    if in_memory:
        host.tmpfs = {
            it.target: f"size={it.size_bytes},exec" if it.size_bytes else "exec" for it in in_memory
        }
    return host


def limit(host: HostConfig, limits: Limits) -> None:
    """Have ``host`` say what a build's programs may use."""
    host.memory, host.memory_swap = limits.memory_bytes, limits.memory_swap_bytes
    host.cpu_shares, host.cpu_period, host.cpu_quota = (
        limits.cpu_shares,
        limits.cpu_period_us,
        limits.cpu_quota_us,
    )
    host.cpuset_cpus, host.cpuset_mems = limits.cpuset_cpus, limits.cpuset_mems
    host.shm_size, host.cgroup_parent = limits.shm_bytes, limits.cgroup_parent
    host.ulimits = [Ulimit(name=name, soft=soft, hard=hard) for name, soft, hard in limits.ulimits] or None


def _mounts(mounts: Sequence[Bound | InMemory]) -> list[MountRecord]:
    return [
        MountRecord(
            type="bind",
            source=str(it.source),
            destination=it.target,
            writable=not it.read_only,
            propagation="rprivate",
            from_mounts=True,
        )
        for it in mounts
        if isinstance(it, Bound)
    ]
