"""Execs: further processes in a running container.

They live in memory only: after a restart of the daemon a process that was started so runs on in its
container, but nobody can ask for its exit code any more, as with Docker.
"""

import asyncio
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from scow.engine.attachment import Attachment
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.detach_keys import DetachScanner, parse_detach_keys
from scow.engine.events import EventBus
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.runtime.supervisor import Exited
from scow.spec.engine_api.exec import ExecCreate, ExecInspect, ExecProcessConfig, ExecStart
from scow.spec.stdcopy import STDOUT, frame


@dataclass(slots=True)
class Exec:
    """One exec: what was asked, and how far it is."""

    id: str
    container_id: str
    asked: ExecCreate
    started: bool = False
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Execs:
    """All execs of this life of the daemon."""

    def __init__(self, containers: Containers, launcher: Launcher, events: EventBus) -> None:
        self._containers = containers
        self._launcher = launcher
        self._events = events
        self._execs: dict[str, Exec] = {}

    def __contains__(self, exec_id: str) -> bool:
        return exec_id in self._execs

    async def create(self, ref: str, body: ExecCreate) -> str:
        """Remember a process for ``ref``. Raises NotFoundError, ConflictError, InvalidArgumentError."""
        live = self._running(ref)
        if not body.cmd:
            raise InvalidArgumentError("No exec command specified")
        parse_detach_keys(body.detach_keys)
        self._launcher.check_exec_user(live.doc, body.user)
        found = Exec(secrets.token_hex(32), live.doc.id, body)
        self._execs[found.id] = found
        live.execs.append(found.id)
        self._tell(live.doc, found, "exec_create")
        return found.id

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

        return Attachment(
            multiplexed=not body.tty,
            sock=sock,
            stdin=asked.attach_stdin,
            scanner=DetachScanner(parse_detach_keys(asked.detach_keys)) if asked.tty else None,
            begin=begin,
            ended=found.ended.wait,
            end_input=(lambda: self._launcher.end_input(found.id)) if asked.attach_stdin else None,
            on_detach=lambda: self._tell(live.doc, found, "exec_detach"),
        )

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
            found.pid = await self._launcher.spawn_exec(
                live, found.id, found.asked, body.console_size or found.asked.console_size
            )
        except ScowError as exc:
            found.running = False
            found.exit_code = 127 if "executable file not found" in exc.message else 126
            await self._launcher.forget(found.id)
            raise

    async def exited(self, ended: Exited) -> None:
        """The process of an exec is gone and its output delivered."""
        found = self._execs[ended.key]
        found.running, found.exit_code = False, ended.exit_code
        found.ended.set()
        await self._launcher.forget(found.id)
        if live := self._containers.by_id(found.container_id):
            self._tell(live.doc, found, "exec_die", {"exitCode": str(ended.exit_code)}, with_command=False)

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
        return [exec_id for exec_id in live.execs if self._execs[exec_id].exit_code is None]

    def discard_all(self, live: Live) -> None:
        """Forget the execs of a container that is being removed."""
        for exec_id in live.execs:
            self._execs.pop(exec_id, None)
        live.execs.clear()

    def _get(self, exec_id: str) -> Exec:
        if exec_id not in self._execs:
            raise NotFoundError(f"No such exec instance: {exec_id}")
        return self._execs[exec_id]

    def _tell(
        self,
        doc: Container,
        found: Exec,
        action: str,
        extra: Mapping[str, str] | None = None,
        *,
        with_command: bool = True,
    ) -> None:
        text = f"{action}: {' '.join(found.asked.cmd)}" if with_command else action
        container_event(self._events, doc, text, execID=found.id, **(extra or {}))
