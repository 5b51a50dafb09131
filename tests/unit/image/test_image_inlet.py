"""Bytes from the loop to a thread: in order, held back, ended and cut off."""

import asyncio

import pytest

from scow.errors import NotFoundError
from scow.image.inlet import Inlet
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
