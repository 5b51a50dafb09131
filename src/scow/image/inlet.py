"""Bytes from the event loop to one thread, which reads them like a file and holds the sender back."""

import asyncio
import threading
from collections import deque

# Enough to keep the reader busy while the loop does something else.
_HIGH_BYTES = 2 << 20
_LOW_BYTES = 1 << 20


class Inlet:
    """``put``, ``end`` and ``fail`` belong to the loop that it was made on, ``read`` to the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = threading.Condition()
        self._pieces: deque[memoryview] = deque()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._room: asyncio.Future[None] | None = None

    async def put(self, data: bytes) -> None:
        """Add ``data``; waits while too much lies here unread. What comes after the end is dropped."""
        with self._arrived:
            if self._ended or not data:
                return
            self._pieces.append(memoryview(data))
            self._size += len(data)
            self._arrived.notify()
            if self._size <= _HIGH_BYTES:
                return
            self._room = self._loop.create_future()
            room = self._room
        await room

    def end(self) -> None:
        """Nothing more will come."""
        self._finish(None)

    def fail(self, error: Exception) -> None:
        """The next ``read`` raises ``error``, whatever lies here; after the end it changes nothing."""
        self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        with self._arrived:
            if self._ended:
                return
            self._ended, self._error = True, error
            self._arrived.notify()
            self._make_room()

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, b"" at the end; waits for them."""
        with self._arrived:
            while not self._pieces and not self._ended:
                self._arrived.wait()
            if self._error is not None:
                raise self._error
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            if len(piece) > size:
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            self._size -= len(piece)
            if self._room is not None and self._size <= _LOW_BYTES:
                self._loop.call_soon_threadsafe(self._make_room)
        return bytes(piece)

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
