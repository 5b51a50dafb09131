"""scowd's connection to scow-reaper: made, asked questions over, and liable to break at any moment."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scow.errors import UnavailableError
from scow.runtime.channel import REAPER_SOCKET_NAME, Channel, ChannelClosed
from scow.runtime.reaper_start import connect_to_reaper, start_reaper

if TYPE_CHECKING:
    from scow.runtime.channel import Message


class ReaperLink:
    """One connection at a time. Callbacks are called from the event loop."""

    def __init__(
        self, exec_root: Path, handle: Callable[[Message], None], on_broken: Callable[[], None]
    ) -> None:
        """``handle`` gets every message; answers are for ``answer``. ``on_broken``: not after ``close``."""
        self._exec_root = exec_root
        self._handle = handle
        self._on_broken = on_broken
        self._channel: Channel | None = None
        self._reaper_ended: asyncio.Future[None] | None = None
        # Never one that an engine before this has used: the answer may still be on its way.
        self._next_id = time.time_ns()
        self._waiting: dict[int, asyncio.Future[Message]] = {}

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._channel is not None

    @property
    def is_waiting(self) -> bool:
        """Whether a question has not been answered yet."""
        return bool(self._waiting)

    def connect(self) -> None:
        """Connect, starting scow-reaper when there is none. Raises ``UnavailableError``."""
        path = self._exec_root / REAPER_SOCKET_NAME
        self._exec_root.mkdir(parents=True, exist_ok=True)
        sock = connect_to_reaper(path)
        if sock is None:
            self._watch_reaper(start_reaper(path))
            sock = connect_to_reaper(path)
        if sock is None:
            raise UnavailableError(f"scow-reaper does not listen on {path}")
        self._channel = Channel(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, self._channel)

    def _watch_reaper(self, pid: int) -> None:
        """Reap the reaper that is our child, whenever that may be."""
        loop = asyncio.get_running_loop()
        pidfd = os.pidfd_open(pid)
        future = self._reaper_ended = loop.create_future()

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            os.waitpid(pid, 0)
            future.set_result(None)

        loop.add_reader(pidfd, ended)

    async def stop_reaper_if_idle(self) -> None:
        """Have scow-reaper leave, unless it has something to tell; wait for it if it is our child."""
        try:
            answer = await self.ask({"op": "quit"})
        except UnavailableError:
            return
        if answer["op"] == "done" and self._reaper_ended is not None:
            await self._reaper_ended

    def close(self) -> None:
        """Disconnect. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is not None:
            self._let_go(channel)

    # ------------------------------------------------------------------ messages

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send, now or as soon as the kernel takes it. Raises ``UnavailableError``."""
        channel = self._channel
        if channel is None:
            raise UnavailableError("scow-reaper has gone")
        try:
            channel.send(message, fds)
        except ChannelClosed as exc:
            self._broken(channel)
            raise UnavailableError("scow-reaper has gone") from exc
        if channel.wanted_events & select.EPOLLOUT:
            asyncio.get_running_loop().add_writer(channel.fileno(), self._writable, channel)

    async def ask(self, message: Message) -> Message:
        """Send, and wait for the answer. Raises ``UnavailableError``."""
        self._next_id += 1
        request_id = self._next_id
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            self.send({**message, "id": request_id})
            return await future
        finally:
            self._waiting.pop(request_id, None)

    def answer(self, message: Message) -> None:
        """Give a message to who has asked for it, if he still waits."""
        future = self._waiting.get(message["id"])
        if future is not None and not future.done():
            future.set_result(message)

    # ------------------------------------------------------------------ events

    def _readable(self, channel: Channel) -> None:
        try:
            while (received := channel.receive()) is not None:
                self._handle(received[0])
        except ChannelClosed:
            self._broken(channel)

    def _writable(self, channel: Channel) -> None:
        try:
            channel.flush()
        except ChannelClosed:
            self._broken(channel)
            return
        if not channel.wanted_events & select.EPOLLOUT:
            asyncio.get_running_loop().remove_writer(channel.fileno())

    def _let_go(self, channel: Channel) -> None:
        if channel.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(channel.fileno())
            asyncio.get_running_loop().remove_writer(channel.fileno())
            channel.close()

    def _broken(self, channel: Channel) -> None:
        self._let_go(channel)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(UnavailableError("scow-reaper has gone"))
        self._waiting.clear()
        if self._channel is channel:
            self._channel = None
            self._on_broken()
