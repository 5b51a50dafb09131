"""Driving an OCI runtime's command line: runc, crun, or any other that keeps to runc's.

``run`` and ``exec`` become spawn requests for scow-reaper, which has to be the parent of what they start. All
other commands are children of the engine; asyncio starts them with vfork(2), whatever the engine's size.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scow.errors import TimeoutExceededError
from scow.linux.cgroups import Cgroup
from scow.logs.spec import LogSpec
from scow.runtime.seccomp_programs import SeccompPrograms
from scow.runtime.start_failure import RuntimeFailedError
from scow.runtime.supervisor import CONSOLE, SpawnRequest
from scow.spec.oci_runtime import Document
from scow.tasks import run_blocking

# What a runtime may need to find: newuidmap, criu. Its own environment is never the container's.
# GOGC: their lives are too short for a garbage collector, which takes a tenth of a start (runc 1.1).
_ENVIRONMENT: Mapping[str, str] = {
    "GOGC": "off",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

_COMMAND_TIMEOUT_S = 60.0
# What runc and crun keep of a container, by which they are known.
_STATE_FILES = ("state.json", "status")


@dataclass(frozen=True)
class Stdio:
    """What the process's standard streams are connected to."""

    stdin: bool = False
    """Whether it has an input; otherwise it reads /dev/null."""
    stdin_once: bool = False
    """Whether the end of a client's input is the end of the process's."""
    tty: bool = False
    """As in the OCI document, or the two disagree about who opens a pty."""
    size: tuple[int, int] | None = None
    """Rows and columns."""
    log: LogSpec | None = None


@dataclass(frozen=True)
class OciRuntime:
    """One runtime: a program, its options, and the directory where it keeps its state."""

    program: str
    """Absolute path."""
    root: Path
    options: tuple[str, ...] = ()
    """More global options, as ``runtimeArgs`` in daemon.json gives them."""
    environment: Mapping[str, str] = field(default_factory=lambda: _ENVIRONMENT)
    hidden_mount: str = ""
    """A mount point that it must not see when it starts a container."""
    sealed: bool = False
    """It would copy itself for every command."""
    log_format: str = "json"
    seccomp_programs: SeccompPrograms | None = None
    """For a runtime that takes compiled filters."""

    # ------------------------------------------------------------------ the bundle

    def write_bundle(self, container_id: str, bundle: Path, document: Document) -> None:
        """Write the OCI document of a container that is about to be started; may change ``document``."""
        if self.seccomp_programs is not None:
            self.seccomp_programs.put_into(document, container_id)
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir(mode=0o711, parents=True)
        (bundle / "config.json").write_text(json.dumps(document, separators=(",", ":")))

    def started(self, container_id: str) -> None:
        """To be told of a success, so that the next start is quicker."""
        if self.seccomp_programs is not None:
            self.seccomp_programs.learn(container_id, self.root / container_id)

    # ------------------------------------------------------------------ for scow-reaper

    def run_request(self, container_id: str, bundle: Path, stdio: Stdio) -> SpawnRequest:
        """Create and start the container of ``bundle`` in one command."""
        request = self._request("run", bundle, "init", ("--bundle", str(bundle)), container_id, stdio)
        return replace(request, hidden_mount=self.hidden_mount)

    def exec_request(
        self, container_id: str, bundle: Path, exec_id: str, process: Mapping[str, Any], stdio: Stdio
    ) -> SpawnRequest:
        """Start ``process``, an OCI process document, in a running container. Writes it into ``bundle``."""
        name = f"exec-{exec_id}"
        path = bundle / f"{name}.json"
        path.write_text(json.dumps(process))
        return self._request("exec", bundle, name, ("--process", str(path)), container_id, stdio)

    def remove_exec_files(self, bundle: Path, exec_id: str) -> None:
        """Remove what ``exec_request`` and its command have left in the bundle."""
        for suffix in ("json", "pid", "log"):
            (bundle / f"exec-{exec_id}.{suffix}").unlink(missing_ok=True)

    def _request(
        self,
        command: str,
        bundle: Path,
        name: str,
        arguments: tuple[str, ...],
        container_id: str,
        stdio: Stdio,
    ) -> SpawnRequest:
        log, pid_file = str(bundle / f"{name}.log"), str(bundle / f"{name}.pid")
        console = ("--console-socket", CONSOLE) if stdio.tty else ()
        return SpawnRequest(
            argv=(
                *self._global_arguments(log),
                command,
                "--detach",
                "--pid-file",
                pid_file,
                *console,
                *arguments,
                container_id,
            ),
            env=self.environment,
            pid_file=pid_file,
            runtime_log=log,
            stdin=stdio.stdin,
            stdin_once=stdio.stdin_once,
            tty=stdio.tty,
            size=stdio.size,
            log=stdio.log,
            sealed=self.sealed,
        )

    def _global_arguments(self, log: str | None) -> tuple[str, ...]:
        # Without --log runc prints to standard error, which is what the other commands want.
        to_file = ("--log", log) if log is not None else ()
        return (
            self.program,
            *self.options,
            "--root",
            str(self.root),
            *to_file,
            "--log-format",
            self.log_format,
        )

    # ------------------------------------------------------------------ children of the engine

    async def kill(self, container_id: str, signal: int, *, all_processes: bool = False) -> None:
        """Send a signal to the init process, or to every process of the container."""
        everyone = ("--all",) if all_processes else ()
        await self._command("kill", *everyone, container_id, str(signal))

    async def pause(self, container_id: str) -> None:
        """Freeze every process."""
        await self._command("pause", container_id)

    async def resume(self, container_id: str) -> None:
        """Thaw."""
        await self._command("resume", container_id)

    async def delete(self, container_id: str, *, force: bool = False) -> None:
        """Remove the state and cgroups of a container; ``force``: kill it first, no error if unknown."""
        forced = ("--force",) if force else ()
        await self._command("delete", *forced, container_id)

    async def discard(self, container_id: str, cgroup: Cgroup) -> None:
        """Remove what is kept of a container whose first process has ended.

        ``delete`` of runc and crun does no more than this for a container without hooks, as ours are, and
        costs a process (6 ms of CPU for each start and end with runc); where others are left in the group,
        or the runtime is of another kind, it is asked.
        """
        if self.seccomp_programs is not None:
            self.seccomp_programs.forget(container_id)
        if not await run_blocking(self._discard_files, container_id, cgroup):
            await self.delete(container_id, force=True)
            await run_blocking(self._discard_unfinished, container_id, cgroup)

    def _discard_files(self, container_id: str, cgroup: Cgroup) -> bool:
        state = self.root / container_id
        if not any((state / name).exists() for name in _STATE_FILES) or cgroup.processes():
            return False
        try:
            cgroup.remove()
        except OSError:
            return False
        shutil.rmtree(state)
        return True

    def _discard_unfinished(self, container_id: str, cgroup: Cgroup) -> None:
        """What a runtime leaves, and does not know any more, that was killed in the middle of a start."""
        cgroup.kill_all()
        cgroup.remove()
        shutil.rmtree(self.root / container_id, ignore_errors=True)

    async def update(self, container_id: str, resources: Mapping[str, Any]) -> None:
        """Change limits: ``resources`` is ``linux.resources`` of the OCI document."""
        await self._command("update", "--resources", "-", container_id, stdin=json.dumps(resources).encode())

    async def state(self, container_id: str) -> dict[str, Any]:
        """The OCI state: ``status``, ``pid``, ``bundle`` …"""
        state = json.loads(await self._command("state", container_id))
        assert isinstance(state, dict)
        return state

    async def version(self) -> str:
        """The version that the runtime prints first, "1.1.5"; empty if it prints none."""
        lines = (await self.version_text()).splitlines()
        words = lines[0].split() if lines else []
        return words[-1] if words else ""

    async def version_text(self) -> str:
        """All that the runtime prints of its version. Raises ScowError if it does not run."""
        return (await self._command("--version")).decode(errors="replace")

    async def features(self) -> dict[str, Any]:
        """What the runtime says of itself (runtime-spec features.md); empty if it is older than that."""
        try:
            features = json.loads(await self._command("features"))
        except (RuntimeFailedError, ValueError):
            return {}
        return features if isinstance(features, dict) else {}

    async def _command(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._global_arguments(None),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(self.environment),
            )
        except OSError as exc:
            message = f"{self.program}: {os.strerror(exc.errno or 0)}"
            raise RuntimeFailedError(message, -1, errno=exc.errno or 0) from exc
        try:
            async with asyncio.timeout(_COMMAND_TIMEOUT_S):
                output, printed = await process.communicate(stdin)
        except TimeoutError as exc:
            raise TimeoutExceededError(
                f"{self.program} {arguments[0]} took longer than {_COMMAND_TIMEOUT_S:.0f} s"
            ) from exc
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        if process.returncode != 0:
            raise RuntimeFailedError(_printed_error(printed), process.returncode)
        return output


def _printed_error(printed: bytes) -> str:
    """The last thing that a runtime said on standard error, whether as JSON (runc), or as text."""
    lines = printed.decode(errors="replace").strip().splitlines()
    if not lines:
        return "the runtime gave no reason"
    try:
        record = json.loads(lines[-1])
    except ValueError:
        return lines[-1]
    return str(record.get("msg", lines[-1])) if isinstance(record, dict) else lines[-1]
