"""scowd's side of scow-reaper: spawn, attach, resize, and the news of what has ended.

Every process has a key: a container's or an exec's id. The life of a key:

    attach*  →  spawn  →  attach*, resize*  →  on_exit  →  forget

``attach`` may come first: such a client sees the first byte. ``on_exit`` comes after the last byte of
output has been logged and given to every client. A failed ``spawn`` leaves nothing of the key, and ends its
clients. An engine that dies loses nothing: the next one's ``start`` returns all keys, also those that have
ended meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scow.errors import UnavailableError
from scow.logs.spec import LogSpec
from scow.runtime.entry import EXITED, PENDING, STARTING
from scow.runtime.head_start import HeadStart
from scow.runtime.reaper_link import ReaperLink
from scow.runtime.runtime_commands import CONSOLE as CONSOLE
from scow.runtime.start_failure import RuntimeFailedError, last_error
from scow.tasks import TaskOwner

if TYPE_CHECKING:
    from scow.runtime.channel import Message

_log = logging.getLogger(__name__)

# What a client may have unread before it stops the container's output.
ATTACH_BUFFER_BYTES = 1024 * 1024
_SO_SNDBUFFORCE = 32  # asm-generic/socket.h; past net.core.wmem_max, with CAP_NET_ADMIN


@dataclass(frozen=True)
class SpawnRequest:
    """A runtime command that starts a process, detached, and exits; ``argv[0]`` is an absolute path."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    pid_file: str
    runtime_log: str
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    size: tuple[int, int] | None = None
    """Rows and columns of the terminal."""
    log: LogSpec | None = None
    hidden_mount: str = ""
    """A mount point that the command must not see."""
    sealed: bool = False
    """Run a sealed copy of the program, which then need not make one."""


@dataclass(frozen=True)
class Running:
    """A process that the reaper knows: ``exited`` is set if it has ended."""

    key: str
    pid: int
    """0 while its runtime command has not finished; ``on_exit`` or nothing follows."""
    exited: Exited | None = None


@dataclass(frozen=True)
class Exited:
    """The end of a process, with all its output delivered."""

    key: str
    exit_code: int
    """0 to 255; 128 + n: ended by signal n."""
    finished_at_ns: int
    """Since the epoch."""


class Supervisor:
    """The connection to scow-reaper. Callbacks are called from the event loop."""

    def __init__(
        self,
        exec_root: Path,
        on_exit: Callable[[Exited], None],
        on_lost: Callable[[list[str]], None] | None = None,
    ) -> None:
        """``on_lost``: the reaper died; these processes go on, but nobody will learn how they end."""
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._tasks = TaskOwner("supervisor")
        self._head_start = HeadStart(self._tasks)
        self._link = ReaperLink(exec_root, self._handle, self._link_broken)
        self._is_ready = False
        self._listed: dict[str, Running] = {}
        self._starting: dict[str, asyncio.Future[Message]] = {}  # keys that another engine has spawned
        self._running: set[str] = set()

    # ------------------------------------------------------------------ connection

    async def start(self) -> list[Running]:
        """Connect, starting scow-reaper when there is none; returns every process it knows."""
        self._link.connect()
        try:
            listed = await self._list()
        except UnavailableError:
            # The reaper of an engine before this one was about to leave.
            self._link.connect()
            listed = await self._list()
        self._is_ready = True
        return listed

    async def aclose(self, *, stop_reaper_if_idle: bool) -> None:
        """Disconnect; processes go on. May be called twice."""
        self._is_ready = False  # from here on the reaper may go away
        await self._tasks.aclose()
        if stop_reaper_if_idle and self._link.is_connected:
            await self._link.stop_reaper_if_idle()
        self._link.close()

    def _link_broken(self) -> None:
        for future in self._starting.values():
            if not future.done():
                future.set_exception(UnavailableError("scow-reaper has gone"))
        self._starting.clear()
        if self._is_ready:  # otherwise who waits for an answer sees it
            self._is_ready = False
            self._tasks.start(self._reconnect(), name="reconnect")

    async def _reconnect(self) -> None:
        """Find out what the reaper, probably a new one, still knows; what it does not know is lost."""
        _log.error("connection to scow-reaper lost")
        before = self._running.copy()
        listed = {one.key: one for one in await self.start()}
        for one in listed.values():
            if one.key in before and one.exited is not None:
                self._on_exit(one.exited)
        if (lost := sorted(before - listed.keys())) and self._on_lost is not None:
            self._on_lost(lost)

    # ------------------------------------------------------------------ messages

    def _handle(self, message: Message) -> None:
        match message["op"]:
            case "exited":
                self._running.discard(message["key"])
                self._on_exit(Exited(message["key"], message["exit_code"], message["finished_at_ns"]))
                return
            case "entry":
                self._take_entry(message)
                return
            case "spawned":
                self._running.add(message["key"])
        self._link.answer(message)
        future = self._starting.pop(message.get("key", ""), None)
        if future is not None and not future.done():
            future.set_result(message)

    async def _list(self) -> list[Running]:
        self._listed.clear()
        await self._link.ask({"op": "list"})
        await self._wait_for_starting()
        self._running = {one.key for one in self._listed.values() if one.exited is None}
        return list(self._listed.values())

    def _take_entry(self, message: Message) -> None:
        key, state = message["key"], message["state"]
        if state == PENDING:
            return
        if state == STARTING:
            self._starting[key] = asyncio.get_running_loop().create_future()
            return
        exited = None
        if state == EXITED:
            exited = Exited(key, message["exit_code"], message["finished_at_ns"])
        self._listed[key] = Running(key, message["pid"], exited)

    async def _wait_for_starting(self) -> None:
        """An engine's runtime commands may be at work when it dies: their outcome is part of the list."""
        for key, future in list(self._starting.items()):
            answer = await future
            if answer["op"] == "spawned":
                self._listed[key] = Running(key, answer["pid"])

    # ------------------------------------------------------------------ processes

    async def spawn(self, key: str, request: SpawnRequest) -> int:
        """Start the process; returns its pid. Raises ``RuntimeFailedError``.

        If the caller is cancelled the start goes on: ``on_exit`` follows, or nothing if it fails.
        """
        self._head_start.give()
        answer = await self._link.ask(
            {
                "op": "spawn",
                "key": key,
                "argv": list(request.argv),
                "env": dict(request.env),
                "pid_file": request.pid_file,
                "stdin": request.stdin,
                "stdin_once": request.stdin_once,
                "tty": request.tty,
                "size": request.size,
                "log": request.log.to_message() if request.log is not None else None,
                "hidden_mount": request.hidden_mount,
                "sealed": request.sealed,
            }
        )
        if answer["op"] == "spawned":
            return int(answer["pid"])
        printed = answer["text"].decode(errors="replace")
        if answer.get("errno"):
            raise RuntimeFailedError(printed, answer["status"], errno=answer["errno"])
        message = last_error(request.runtime_log)
        # A runtime that says why in its log says so here, too; one that crashes only does so here.
        if message not in printed:
            _log.warning("start of %s: %s; it printed: %s", key, message, printed.strip())
        raise RuntimeFailedError(message or printed, answer["status"])

    async def attach(
        self, key: str, *, stdin: bool, stdout: bool, stderr: bool, framed: bool
    ) -> socket.socket:
        """A non-blocking stream socket on the process's standard streams, for the caller to close.

        End of file after the last byte of output. ``shutdown(SHUT_WR)`` is end of file for the process, if
        it was spawned with ``stdin_once`` and has no terminal; otherwise only this client's input ends.
        Closing the socket altogether is not end of file: the process's input stays as it is (see
        ``close_stdin``). ``framed``: output comes in frames of ``[stream, 0, 0, 0, length as 32 bits
        big-endian]``.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            _enlarge_buffer(theirs)
            options = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "framed": framed}
            try:
                self._link.send({"op": "attach", "key": key, **options}, (theirs.fileno(),))
            except UnavailableError:
                ours.close()
                raise
        return ours

    async def close_stdin(self, key: str) -> None:
        """End of file for the process, for when a client has vanished that it lived on."""
        self._link.send({"op": "close_stdin", "key": key})

    async def resize(self, key: str, rows: int, columns: int) -> None:
        """Set the size of the terminal, also of one that is still to come; nothing without a terminal."""
        await self._link.ask({"op": "resize", "key": key, "rows": rows, "columns": columns})

    async def forget(self, key: str) -> None:
        """Drop the record of an exited process, or the clients that wait for a spawn. May be called twice."""
        self._link.send({"op": "forget", "key": key})


def _enlarge_buffer(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, ATTACH_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ATTACH_BUFFER_BYTES)
