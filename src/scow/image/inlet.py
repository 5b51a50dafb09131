"""Bytes from the event loop to one thread, which reads them like a file and holds the sender back."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

from scow.errors import InvalidArgumentError
from scow.tasks import TaskOwner, run_in_own_thread, wait_ended

P = ParamSpec("P")
T = TypeVar("T")


# Enough to keep the reader busy while the loop does something else.
_HIGH_BYTES = 2 << 20
_LOW_BYTES = 1 << 20
# Enough to make waking the other thread cheap beside what it does.
_BATCH_BYTES = 512 << 10


class DirectSource(Protocol):
    """Bytes that the thread can read where they come from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, b"" at the end; waits for them."""

    def stop(self) -> None:
        """A read that waits, or would, fails from now on."""

    def close(self) -> None:
        """To be called when the thread has ended."""


@runtime_checkable
class Detachable(Protocol):
    """What may have a ``DirectSource``: a request's body."""

    def detach(self) -> DirectSource | None: ...


class Inlet:
    """``put``, ``end`` and ``fail`` belong to the loop that it was made on, ``read`` to the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._taken = 0
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._room: asyncio.Future[None] | None = None
        self._source: DirectSource | None = None

    def attach(self, source: DirectSource) -> None:
        """Nothing will be put: ``read`` reads from ``source``."""
        self._source = source

    async def put(self, *pieces: bytes) -> None:
        """Add ``pieces``; waits while too much lies here unread. What comes after the end is dropped."""
        with self._arrived:
            if self._ended:
                return
            self._pieces.extend(filter(None, pieces))
            self._size += sum(map(len, pieces))
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
            if self._source is not None:
                self._source.stop()

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, b"" at the end; waits for them."""
        if self._source is not None:
            return self._read_source(self._source, size)
        with self._arrived:
            while not self._pieces and not self._ended:
                self._arrived.wait()
            if self._error is not None:
                raise self._error
            if not self._pieces:
                return b""
            piece = self._take(size)
            self._size -= len(piece)
            if self._room is not None and self._size <= _LOW_BYTES:
                self._loop.call_soon_threadsafe(self._make_room)
        return piece

    def _read_source(self, source: DirectSource, size: int) -> bytes:
        try:
            data = source.read(size)
        except Exception:
            if self._error is None:
                raise
            data = b""
        if self._error is not None:
            raise self._error
        return data

    def _take(self, size: int) -> bytes:
        """The first piece as it is, or of a larger one what is next; ``_taken`` bytes of it are gone."""
        first = self._pieces[0]
        piece = first[self._taken : self._taken + size]
        self._taken += len(piece)
        if self._taken == len(first):
            self._pieces.popleft()
            self._taken = 0
        return piece

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)


async def read_in_thread(
    inlet: Inlet,
    chunks: AsyncIterable[bytes],
    tasks: TaskOwner,
    function: Callable[Concatenate[Inlet, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run ``function``, which reads ``chunks`` from ``inlet``, in a thread of its own.

    A cancelled caller, or one whose sender is gone, waits until the thread has heard of it. Where ``chunks``
    have a source for the thread itself, it reads there.
    """
    source = chunks.detach() if isinstance(chunks, Detachable) else None
    if source is not None:
        inlet.attach(source)
    # Shielded: a thread goes on whatever becomes of who waits for it, so it is told to stop.
    work = asyncio.shield(run_in_own_thread(function, inlet, *args, **kwargs))
    sending = tasks.start(_pass_on(chunks, inlet), name="upload") if source is None else None
    try:
        await asyncio.wait({work})
    except BaseException:
        inlet.fail(InvalidArgumentError("unexpected EOF"))
        try:
            await wait_ended({work})
        finally:
            work.exception()  # seen: what ended the waiting is what the caller hears of
        raise
    finally:
        if source is not None:
            inlet.end()  # who wants it to fail from now on must not stop what is closed
            source.close()
        if sending is not None:
            sending.cancel()  # whoever is still sending sends for nobody
    return work.result()


async def _pass_on(chunks: AsyncIterable[bytes], inlet: Inlet) -> None:
    """Everything to its end, small pieces together; a failure to the reader."""
    batch: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks:
            batch.append(chunk)
            size += len(chunk)
            if size >= _BATCH_BYTES:
                await inlet.put(*batch)
                batch, size = [], 0
        await inlet.put(*batch)
    except Exception as exc:  # it is raised where the bytes are read
        inlet.fail(exc)
    else:
        inlet.end()
