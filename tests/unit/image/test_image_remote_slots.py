"""So many transfers at once, in order, also when the number changes or somebody stops waiting."""

import asyncio

import pytest

from scow.image.remote.slots import Slots


class Transfers:
    """Each takes a slot when it can, and gives it back when told to."""

    def __init__(self, limit: int) -> None:
        self.slots = Slots(limit)
        self.running: list[int] = []
        self._ends = [asyncio.Event() for _ in range(9)]

    async def run(self, number: int) -> None:
        async with self.slots.take():
            self.running.append(number)
            await self._ends[number].wait()
            self.running.remove(number)

    async def end(self, number: int) -> None:
        self._ends[number].set()
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_the_number_may_change_meanwhile() -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            transfers = Transfers(1)
            tasks = [group.create_task(transfers.run(number)) for number in range(6)]
            await settled()
            assert transfers.running == [0]
            transfers.slots.resize(3)
            await settled()
            assert transfers.running == [0, 1, 2]
            transfers.slots.resize(2)
            await transfers.end(0)
            assert transfers.running == [1, 2]
            tasks[3].cancel()
            await transfers.end(1)
            assert transfers.running == [2, 4]
            await transfers.end(2)
            assert transfers.running == [4, 5]
            await transfers.end(4)
            await transfers.end(5)

    asyncio.run(work())


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_slot_given_to_somebody_who_has_just_left_goes_on_to_the_next(rounds: int) -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            transfers = Transfers(1)
            tasks = [group.create_task(transfers.run(number)) for number in range(rounds + 2)]
            await settled()
            transfers.slots.resize(1 + rounds)
            for task in tasks[1 : 1 + rounds]:
                task.cancel()  # it has the slot, and does not know yet
            await settled()
            assert transfers.running == [0, rounds + 1]
            await transfers.end(0)
            await transfers.end(rounds + 1)
            assert transfers.slots._taken == 0

    asyncio.run(work())
