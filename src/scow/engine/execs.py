"""Execs: further processes in a running container.

They live in memory only: after a restart of the daemon a process that was started so runs on in its
container, but nobody can ask for its exit code any more, as with Docker.
"""

import asyncio
import secrets
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from scow.engine.attachment import Attachment, Detaching, ProcessStreams
from scow.engine.containers.events import container_event
from scow.engine.containers.exec_spawn import ProgramError, kill_group, spawn_exec
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.detach_keys import DetachScanner, parse_detach_keys
from scow.engine.events import EventBus
from scow.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    ScowError,
    TimeoutExceededError,
)
from scow.runtime.start_failure import NOT_EXECUTABLE
from scow.runtime.supervisor import Exited
from scow.spec.engine_api.exec import ExecCreate, ExecInspect, ExecProcessConfig, ExecStart
from scow.spec.stdcopy import STDOUT, frame

# How long Docker, too, tells about an exec that has ended.
MEMORY_S = 300.0

_CHUNK = 64 * 1024
# After SIGKILL a process is gone, unless it sleeps uninterruptibly in the kernel.
_KILL_PATIENCE_S = 10.0


@dataclass(slots=True)
class Exec:
    """One exec: what was asked, and how far it is. ``doomed``: to be killed as soon as there is a process."""

    id: str
    container_id: str
    asked: ExecCreate
    started: bool = False
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    doomed: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a process that was run to its end; no exit code: it was not given more time."""

    exit_code: int | None
    output: bytes


class Execs:
    """All execs of this life of the daemon."""

    def __init__(self, containers: Containers, launcher: Launcher, events: EventBus) -> None:
        self._containers = containers
        self._launcher = launcher
        self._events = events
        self._execs: dict[str, Exec] = {}
        self._ended: deque[tuple[float, str]] = deque()

    def __contains__(self, exec_id: str) -> bool:
        return exec_id in self._execs

    async def create(self, ref: str, body: ExecCreate) -> str:
        """Remember a process for ``ref``. Raises NotFoundError, ConflictError, InvalidArgumentError."""
        live = self._running(ref)
        if not body.cmd:
            raise InvalidArgumentError("No exec command specified")
        try:
            parse_detach_keys(body.detach_keys)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"Invalid escape keys ({body.detach_keys}) provided") from exc
        return self.prepare(live, body)

    def prepare(self, live: Live, asked: ExecCreate) -> str:
        """Remember a process for ``live``, whose settings are known to be right."""
        self._forget_old()
        found = Exec(secrets.token_hex(32), live.doc.id, asked)
        self._execs[found.id] = found
        live.execs.append(found.id)
        self._tell(live.doc, found, "exec_create")
        return found.id

    def _forget_old(self) -> None:
        while self._ended and self._ended[0][0] < time.monotonic() - MEMORY_S:
            self._execs.pop(self._ended.popleft()[1], None)

    def _running(self, ref: str) -> Live:
        live = self._containers.get(ref)
        match live.doc.state.status:
            case Status.RUNNING:
                return live
            case Status.PAUSED:
                raise ConflictError(f"Container {ref} is paused, unpause the container before exec")
            case Status.RESTARTING:
                raise ConflictError(
                    f"Container {live.doc.id} is restarting, wait until the container is running"
                )
        raise ConflictError(f"container {live.doc.id} is not running")

    async def start(self, exec_id: str, body: ExecStart) -> Attachment | None:
        """Start an exec: detached ones now, others when the client has its header.

        Raises NotFoundError, ConflictError, or for a detached one why it did not start.
        """
        found = self._get(exec_id)
        live = self._running(found.container_id)
        if found.exit_code is not None:
            raise ConflictError(f"exec command {exec_id} has already run")
        if found.started:
            raise ConflictError(f"exec command {exec_id} is already running")
        found.started = True
        if body.detach:
            await self._spawn(live, found, body)
            return None
        asked = found.asked
        sock = await self._attach(found, framed=not body.tty)

        async def begin() -> bytes:
            try:
                await self._spawn(live, found, body)
            except ScowError as exc:
                text = f"{exc.message}\r\n".encode()
                return text if body.tty else frame(STDOUT, text)
            return b""

        end_input = partial(self._launcher.end_input, found.id) if asked.attach_stdin else None
        keys = DetachScanner(parse_detach_keys(asked.detach_keys))
        return Attachment(
            multiplexed=not body.tty,
            process=ProcessStreams(sock, asked.attach_stdin, end_input),
            detaching=Detaching(keys, lambda: self._tell(live.doc, found, "exec_detach"))
            if asked.tty
            else None,
            begin=begin,
            ended=found.ended.wait,
        )

    async def begin(self, exec_id: str) -> socket.socket:
        """Start a prepared process; all its output comes from the socket. Raises NotFoundError, ScowError."""
        found = self._get(exec_id)
        found.started = True
        sock = await self._attach(found, framed=False)
        try:
            await self._spawn(self._containers.get(found.container_id), found, ExecStart())
        except BaseException:
            sock.close()
            raise
        return sock

    async def finish(
        self, exec_id: str, sock: socket.socket, *, timeout_s: float, max_output_bytes: int
    ) -> Finished:
        """Wait for the end of what ``begin`` has started; after ``timeout_s`` it is killed.

        One byte more than ``max_output_bytes`` of its output tells that there was more. Raises ScowError if
        the container is gone, or the process does not die.
        """
        output = bytearray()
        with sock:
            found = self._get(exec_id)
            try:
                async with asyncio.timeout(timeout_s):
                    await _collect(sock, output, max_output_bytes + 1)
                    await found.ended.wait()
            except TimeoutError:
                self.kill(exec_id)
                await _wait_for(found.ended)
                return Finished(None, bytes(output))
        return Finished(found.exit_code, bytes(output))

    def kill(self, exec_id: str) -> None:
        """End an exec and what it has started in its process group, now or as soon as it runs."""
        found = self._execs.get(exec_id)
        if found is None or found.exit_code is not None:
            return
        found.doomed = True
        live = self._containers.by_id(found.container_id)
        if found.pid and live is not None:
            kill_group(self._launcher, live.doc, found.pid)

    async def _attach(self, found: Exec, *, framed: bool) -> socket.socket:
        asked = found.asked
        return await self._launcher.attach(
            found.id,
            stdin=asked.attach_stdin,
            stdout=asked.attach_stdout,
            stderr=asked.attach_stderr,
            framed=framed,
        )

    async def _spawn(self, live: Live, found: Exec, body: ExecStart) -> None:
        self._tell(live.doc, found, "exec_start")
        found.running = True
        try:
            found.pid = await spawn_exec(
                self._launcher, live, found.id, found.asked, body.console_size or found.asked.console_size
            )
        except ScowError as exc:
            self._finish(live, found, exc.exit_code if isinstance(exc, ProgramError) else NOT_EXECUTABLE)
            await self._launcher.forget(found.id)
            raise
        if found.doomed:
            self.kill(found.id)

    def _finish(self, live: Live | None, found: Exec, exit_code: int) -> None:
        found.running, found.exit_code = False, exit_code
        found.ended.set()
        self._ended.append((time.monotonic(), found.id))
        if live is not None and found.id in live.execs:
            live.execs.remove(found.id)

    async def exited(self, ended: Exited) -> None:
        """The process of an exec is gone and its output delivered."""
        # None: its container was removed in the meantime.
        if found := self._execs.get(ended.key):
            live = self._containers.by_id(found.container_id)
            self._finish(live, found, ended.exit_code)
            if live is not None:
                code = {"exitCode": str(ended.exit_code)}
                self._tell(live.doc, found, "exec_die", code, with_command=False)
        await self._launcher.forget(ended.key)

    async def inspect(self, exec_id: str) -> ExecInspect:
        """Raises NotFoundError."""
        found = self._get(exec_id)
        asked = found.asked
        return ExecInspect(
            id=found.id,
            running=found.running,
            exit_code=found.exit_code,
            process_config=ExecProcessConfig(
                tty=asked.tty,
                entrypoint=asked.cmd[0],
                arguments=asked.cmd[1:],
                privileged=asked.privileged,
                user=asked.user,
            ),
            open_stdin=asked.attach_stdin,
            open_stderr=asked.attach_stderr,
            open_stdout=asked.attach_stdout,
            can_remove=False,
            container_id=found.container_id,
            detach_keys=parse_detach_keys(asked.detach_keys).decode("latin-1") if asked.detach_keys else "",
            pid=found.pid,
        )

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """Set the window size of an exec's terminal. Raises NotFoundError, ConflictError."""
        found = self._get(exec_id)
        if not found.running:
            raise ConflictError(f"exec process {exec_id} is not running")
        await self._launcher.resize(found.id, height, width)

    def ids_of(self, live: Live) -> list[str]:
        """Execs of a container that have not ended, for its inspect."""
        return list(live.execs)

    def discard_all(self, live: Live) -> None:
        """Forget the execs of a container that is being removed."""
        for exec_id in live.execs:
            if found := self._execs.pop(exec_id, None):
                found.ended.set()
        live.execs.clear()

    def _get(self, exec_id: str) -> Exec:
        found = self._execs.get(exec_id)
        if found is None or found.container_id not in self._containers:
            raise NotFoundError(f"No such exec instance: {exec_id}")
        return found

    def _tell(
        self,
        doc: Container,
        found: Exec,
        action: str,
        extra: Mapping[str, str] | None = None,
        *,
        with_command: bool = True,
    ) -> None:
        program, *arguments = found.asked.cmd
        # The space is there without arguments too, as with Docker.
        text = f"{action}: {program} {' '.join(arguments)}" if with_command else action
        container_event(self._events, doc, text, execID=found.id, **(extra or {}))


async def _wait_for(ended: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_KILL_PATIENCE_S):
            await ended.wait()
    except TimeoutError as exc:
        raise TimeoutExceededError(
            f"the process is still there {_KILL_PATIENCE_S:g} s after SIGKILL"
        ) from exc


async def _collect(sock: socket.socket, output: bytearray, size: int) -> None:
    """Read to the end of ``sock``; only the first ``size`` bytes are kept."""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(sock, _CHUNK):
            output += data[: max(0, size - len(output))]
    except ConnectionError:
        return  # scow-shim has gone; the end of the process is told all the same
