"""Bytes from the loop to a thread: in order, held back, ended and cut off."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.inlet import Inlet, read_in_thread
from scow.tasks import TaskOwner, run_in_own_thread


def read_all(inlet: Inlet, size: int) -> bytes:
    data = b""
    while piece := inlet.read(size):
        assert len(piece) <= size
        data += piece
    return data


def test_everything_arrives_in_order() -> None:
    async def life() -> None:
        inlet = Inlet()
        pieces = [bytes([number]) * 1000 for number in range(200)]
        async with TaskOwner("test") as owner:
            reading = owner.start(run_in_own_thread(read_all, inlet, 300), name="read")
            for piece in pieces:
                await inlet.put(piece)
            inlet.end()
            assert await reading == b"".join(pieces)
        await inlet.put(b"after the end")
        assert inlet.read(10) == b""

    asyncio.run(life())


def test_a_sender_waits_for_a_slow_reader() -> None:
    async def life() -> None:
        inlet = Inlet()
        async with TaskOwner("test") as owner:
            sending = owner.start(inlet.put(bytes(4 << 20)), name="send")
            await asyncio.sleep(0)
            assert not sending.done()
            await run_in_own_thread(read_all_of, inlet, 3 << 20)
            await sending

    asyncio.run(life())


def read_all_of(inlet: Inlet, size: int) -> None:
    while size > 0:
        size -= len(inlet.read(1 << 20))


def test_a_failure_comes_before_what_lies_there() -> None:
    async def life() -> None:
        inlet = Inlet()
        await inlet.put(b"data")
        inlet.fail(NotFoundError("gone"))
        inlet.fail(NotFoundError("again"))
        with pytest.raises(NotFoundError, match="gone"):
            inlet.read(10)

    asyncio.run(life())


def test_a_thread_of_ones_own_hands_its_failure_over() -> None:
    def fails() -> None:
        raise NotFoundError("in the thread")

    with pytest.raises(NotFoundError, match="in the thread"):
        asyncio.run(run_in_own_thread(fails))


class Detached:
    """Chunks that have a source of their own, which waits for ever once it has given its bytes."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [*pieces]
        self._stopped = threading.Event()
        self.waited_for = threading.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raise AssertionError("read by the loop")
        yield b""

    def detach(self) -> "Detached":
        return self

    def read(self, size: int, /) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        self.waited_for.set()
        self._stopped.wait()
        raise InvalidArgumentError("stopped")

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.closed = True


def test_a_thread_reads_at_the_source_where_there_is_one() -> None:
    async def life() -> None:
        chunks = Detached(b"one", b"two")
        async with TaskOwner("test") as owner:
            read = await read_in_thread(Inlet(), chunks, owner, lambda inlet: inlet.read(9) + inlet.read(9))
        assert read == b"onetwo"
        assert chunks.closed

    asyncio.run(life())


def test_who_waits_at_the_source_hears_of_a_failure() -> None:
    async def life() -> None:
        chunks, inlet = Detached(b"one"), Inlet()
        async with TaskOwner("test") as owner:
            work = owner.start(read_in_thread(inlet, chunks, owner, read_all, 9), name="read")
            await asyncio.to_thread(chunks.waited_for.wait)
            inlet.fail(NotFoundError("gone"))
            with pytest.raises(NotFoundError, match="gone"):
                await work
        assert chunks.closed

    asyncio.run(life())


def test_a_cancelled_caller_leaves_no_thread_at_the_source() -> None:
    async def life() -> None:
        chunks = Detached(b"one")
        ended: list[Exception] = []

        def read(inlet: Inlet) -> None:
            try:
                read_all(inlet, 9)
            except InvalidArgumentError as exc:
                ended.append(exc)
                raise

        async with TaskOwner("test") as owner:
            work = owner.start(read_in_thread(Inlet(), chunks, owner, read), name="read")
            await asyncio.to_thread(chunks.waited_for.wait)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
        assert [str(exc) for exc in ended] == ["unexpected EOF"]
        assert chunks.closed

    asyncio.run(life())


def test_a_caller_cancelled_twice_waits_for_the_thread_all_the_same() -> None:
    """A client leaves, then the engine stops: what the thread made is removed next, and its source closed."""

    async def life() -> None:
        chunks, may_end = Detached(), threading.Event()
        ended: list[bool] = []

        def read(inlet: Inlet) -> None:
            try:
                read_all(inlet, 9)
            finally:
                ended.append(may_end.wait(30))

        async with TaskOwner("test") as owner:
            work = owner.start(read_in_thread(Inlet(), chunks, owner, read), name="read")
            await asyncio.to_thread(chunks.waited_for.wait)
            for _ in range(2):
                work.cancel()
                for _ in range(5):
                    await asyncio.sleep(0)
                assert not work.done()
                assert not chunks.closed
            may_end.set()
            with pytest.raises(asyncio.CancelledError):
                await work
        assert ended == [True]
        assert chunks.closed

    asyncio.run(life())
