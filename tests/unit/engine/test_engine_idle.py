"""Leaving when idle."""

import asyncio

from scow.engine.idle import IdleExit


def leaves(after_s: float | None, *, busy: bool = False, client: bool = False) -> bool:
    async def run() -> bool:
        left = asyncio.Event()
        idle = IdleExit(after_s, lambda: busy, left.set)
        idle.start()
        if client:
            idle.clients_changed(True)
        try:
            await asyncio.wait_for(left.wait(), 0.2)
        except TimeoutError:
            return False
        return True

    return asyncio.run(run())


def test_an_engine_without_work_leaves() -> None:
    assert leaves(0.01)


def test_a_container_or_a_client_keeps_it() -> None:
    assert not leaves(0.01, busy=True)
    assert not leaves(0.01, client=True)


def test_without_a_limit_it_stays() -> None:
    assert not leaves(None)


def test_the_time_counts_from_the_last_activity() -> None:
    async def run() -> float:
        left = asyncio.Event()
        idle = IdleExit(0.05, lambda: False, left.set)
        idle.start()
        loop = asyncio.get_running_loop()
        idle.clients_changed(True)
        loop.call_later(0.1, idle.clients_changed, False)
        begun = loop.time()
        await left.wait()
        return loop.time() - begun

    assert asyncio.run(run()) >= 0.14
