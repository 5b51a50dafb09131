"""Long copies: nobody goes on while a thread still writes."""

import asyncio
import threading

import pytest

from scow.engine.volumes.background import run_long
from scow.errors import ScowError


def test_a_caller_cancelled_twice_still_waits_for_the_copy() -> None:
    """A client leaves, then the engine stops: what is undone next must not be written to any more."""

    async def scenario() -> None:
        begun, may_end = threading.Event(), threading.Event()
        ended: list[bool] = []

        def copy() -> None:
            begun.set()
            ended.append(may_end.wait(30))

        caller = asyncio.get_running_loop().create_task(run_long(copy))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        for _ in range(2):
            caller.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
            assert not caller.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert ended == [True]

    asyncio.run(scenario())


def test_what_the_system_refuses_is_told_with_its_place() -> None:
    def fail() -> None:
        raise FileNotFoundError(2, "No such file or directory", "/gone")

    with pytest.raises(ScowError, match=r"^cannot copy: /gone: no such file or directory$"):
        asyncio.run(run_long(fail))
