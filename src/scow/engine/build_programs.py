"""The streams of a build's programs, between the shim and whoever is at their other end."""

import asyncio
import os
import socket
from contextlib import suppress

from scow.errors import ScowError
from scow.runtime.program_run import OutputSink, ProgramLink, RunningProgram
from scow.runtime.supervisor import Supervisor

_CHUNK = 64 << 10
_HEADER_BYTES = 8


class Deaf:
    """See ``ProgramLink``: hears what a program prints, and says nothing."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output

    async def begun(self, program: RunningProgram) -> None:
        """Nobody wants to say anything."""

    async def output(self, stream: int, data: bytes) -> None:
        self._output(stream, data)


class AttachedProgram:
    """See ``RunningProgram``. ``sock`` is the shim's end of the streams, somebody else's to close."""

    def __init__(self, supervisor: Supervisor, sock: socket.socket, key: str, pid: int) -> None:
        self._supervisor = supervisor
        self._sock = sock
        self._key = key
        self._pid = pid

    async def write(self, data: bytes) -> None:
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def end_input(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def resize(self, rows: int, columns: int) -> None:
        with suppress(ScowError):
            await self._supervisor.resize(self._key, rows, columns)

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)


async def pass_on(sock: socket.socket, link: ProgramLink, *, framed: bool) -> None:
    """All output to the end of file, which comes after the last byte.

    It is in frames of ``[stream, 0, 0, 0, length]``, or as it is.
    """
    loop = asyncio.get_running_loop()
    pending = bytearray()
    while data := await loop.sock_recv(sock, _CHUNK):
        if not framed:
            await link.output(1, data)
            continue
        pending += data
        while len(pending) >= _HEADER_BYTES:
            end = _HEADER_BYTES + int.from_bytes(pending[4:8], "big")
            if len(pending) < end:
                break
            stream, content = pending[0], bytes(pending[_HEADER_BYTES:end])
            del pending[:end]
            await link.output(stream, content)
