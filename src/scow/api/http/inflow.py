"""Bytes from a client on their way to one reader, with backpressure.

The reader of the socket never waits: it feeds. When more than ``HIGH_BYTES`` lie here the transport
stops reading, and starts again when they have been taken.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

HIGH_BYTES = 256 * 1024


class Pausable(Protocol):
    """What can be told to stop reading; ``asyncio.Transport`` is one."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Inflow:
    """One direction of a connection, for one reader at a time."""

    __slots__ = ("_ended", "_error", "_pieces", "_size", "_transport", "_waiter", "on_exhausted")

    def __init__(self, transport: Pausable) -> None:
        self._transport = transport
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_exhausted: Callable[[], None] | None = None
        """Called once when the reader has taken everything and asks for more after the end."""

    @property
    def empty(self) -> bool:
        """Whether everything that came has been taken."""
        return not self._pieces

    @property
    def ended(self) -> bool:
        """Whether nothing more can come."""
        return self._ended

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self._error is not None

    def feed(self, data: bytes) -> None:
        """Add ``data``; after the end it is dropped."""
        if self._ended or not data:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HIGH_BYTES:
            self._transport.pause_reading()
        self._wake()

    def take(self) -> list[bytes]:
        """All that lies here, at once; whoever stopped the transport lets it go on."""
        pieces = list(self._pieces)
        self._pieces.clear()
        self._size = 0
        return pieces

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come; with ``error`` the reader gets that after what is here already."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    async def read(self) -> bytes:
        """The next piece, b"" after the last. Raises what the end was marked with."""
        while not self._pieces:
            if self._ended:
                if self.on_exhausted is not None:
                    told, self.on_exhausted = self.on_exhausted, None
                    told()
                if self._error is not None:
                    raise self._error
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        before, self._size = self._size, self._size - len(piece)
        if before > HIGH_BYTES >= self._size and not self._ended:
            self._transport.resume_reading()
        return piece

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
