"""Once after the last client, and not while there is one."""

import asyncio

from scow.engine.rest import Rest


def test_it_begins_once_when_the_last_client_has_gone() -> None:
    begun: list[float] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def begin() -> None:
            begun.append(loop.time())
            done.set()

        rest = Rest(begin, after_s=0.02)
        rest.clients_changed(True)
        rest.clients_changed(False)
        rest.clients_changed(True)
        came_back = loop.time()
        loop.call_later(0.05, rest.clients_changed, False)
        async with asyncio.timeout(120):
            await done.wait()
        assert begun[0] - came_back >= 0.06

    asyncio.run(scenario())
    assert len(begun) == 1
