"""The standard streams of a front end's program, as the connection that it is talked to on."""

import asyncio
from collections import deque
from collections.abc import Callable

from scow.runtime.program_run import RunningProgram

_MAX_UNREAD_BYTES = 1 << 20
_STDOUT = 1


class FrontEndLink:
    """See ``Bytes`` and ``ProgramLink``. ``error`` gets what it prints on its standard error."""

    def __init__(self, error: Callable[[bytes], None]) -> None:
        self._error = error
        self._program: RunningProgram | None = None
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._ended = False
        self._changed = asyncio.Condition()

    # The program's side

    async def begun(self, program: RunningProgram) -> None:
        async with self._changed:
            self._program = program
            self._changed.notify_all()

    async def output(self, stream: int, data: bytes) -> None:
        if stream != _STDOUT:
            self._error(data)
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or self._unread_bytes < _MAX_UNREAD_BYTES)
            self._unread.append(data)
            self._unread_bytes += len(data)
            self._changed.notify_all()

    async def end(self) -> None:
        """Nothing more is sent or comes: who reads has what is there, and then the end."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    # The connection

    async def read(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or bool(self._unread))
            if not self._unread:
                return b""
            data = self._unread.popleft()
            self._unread_bytes -= len(data)
            self._changed.notify_all()
            return data

    async def write(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or self._program is not None)
        if self._program is not None and not self._ended:
            await self._program.write(data)
