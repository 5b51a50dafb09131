"""A client's connection joined to a process's streams.

The shim has framed the output already; here bytes are only passed on, both ways, until the process has
no more output, the client is gone, or it typed its detach keys.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from scow.engine.detach_keys import DetachScanner

_CHUNK = 64 * 1024


class Duplex(Protocol):
    """A hijacked connection."""

    async def read(self) -> bytes:
        """Next bytes from the client; b"" when it has shut down its side."""

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client's buffer is full. Raises OSError when it is gone."""

    async def wait_closed(self) -> None:
        """Until the connection is gone altogether."""


@dataclass(frozen=True, slots=True)
class ProcessStreams:
    """The process's side: the shim's end, and whether the client's input goes there.

    ``end_input`` gives the process the end of file that a client which vanished owes it; None where its input
    is for others too.
    """

    sock: socket.socket
    takes_input: bool
    end_input: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Detaching:
    """The keys by which a client leaves while the process goes on, and who is told of that."""

    scanner: DetachScanner
    told: Callable[[], None]


class Attachment:
    """What a route runs over a hijacked connection.

    ``replay`` goes to the client first (``logs=1``), and is all without ``process``. ``begin`` is called when
    the client has its header and may start the process (exec), ``ended`` waits until its end is known.
    ``relays`` has the task for as long as bytes are passed.
    """

    def __init__(
        self,
        *,
        multiplexed: bool,
        process: ProcessStreams | None,
        detaching: Detaching | None = None,
        replay: AsyncIterator[bytes] | None = None,
        begin: Callable[[], Awaitable[bytes]] | None = None,
        ended: Callable[[], Awaitable[object]] | None = None,
        relays: "set[asyncio.Task[None]] | None" = None,
    ) -> None:
        self.multiplexed = multiplexed
        self._process = process
        self._detaching = detaching
        self._replay = replay
        self._begin = begin
        self._ended = ended
        self._relays = relays

    async def run(self, conn: Duplex) -> None:
        """Pass bytes until one side ends. Cancelling detaches."""
        task = asyncio.current_task()
        if self._relays is not None and task is not None:
            self._relays.add(task)
        try:
            await self._run(conn)
        except (BrokenPipeError, ConnectionError):
            pass
        finally:
            if self._relays is not None and task is not None:
                self._relays.discard(task)
            if self._process is not None:
                self._process.sock.close()

    async def _run(self, conn: Duplex) -> None:
        if self._begin is not None and (failure := await self._begin()):
            await conn.write(failure)
            return
        if self._replay is not None:
            async for data in self._replay:
                await conn.write(data)
        if self._process is None:
            return
        async with asyncio.TaskGroup() as group:
            output = group.create_task(self._output(conn, self._process.sock))
            others = [
                group.create_task(_until_gone(conn, self._process, output)),
                group.create_task(self._input(conn, self._process, output)),
            ]
            await asyncio.wait([output])
            for task in others:
                task.cancel()

    async def _output(self, conn: Duplex, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(sock, _CHUNK):
                if not await _written(conn, data):
                    # What the client sent before is still on its way in, and its end is owed to the process.
                    await conn.wait_closed()
                    return
        except ConnectionError:
            return
        if self._ended is not None:
            # The shim lets go of its clients a moment before it reports; they ask for the code at once.
            await self._ended()

    async def _input(self, conn: Duplex, process: ProcessStreams, output: "asyncio.Task[None]") -> None:
        """Client to process; what the process does not take, or was not asked to, is read and dropped."""
        takes_input = process.takes_input
        try:
            while data := await conn.read():
                detached = False
                if self._detaching is not None:
                    data, detached = self._detaching.scanner.feed(data)
                takes_input = takes_input and (not data or await _passed_on(process.sock, data))
                if self._detaching is not None and detached:
                    self._detaching.told()
                    output.cancel()
                    return
        except ConnectionError:
            return
        if takes_input:
            with suppress(OSError):
                process.sock.shutdown(socket.SHUT_WR)


async def _until_gone(conn: Duplex, process: ProcessStreams, output: "asyncio.Task[None]") -> None:
    await conn.wait_closed()
    if process.end_input is not None:
        await process.end_input()
    output.cancel()


async def _written(conn: Duplex, data: bytes) -> bool:
    """False: the client is gone."""
    try:
        await conn.write(data)
    except ConnectionError:
        return False
    return True


async def _passed_on(sock: socket.socket, data: bytes) -> bool:
    """False: the process closed its input, or has ended; its output may still be on the way."""
    try:
        await asyncio.get_running_loop().sock_sendall(sock, data)
    except OSError:
        return False
    return True
