"""A connect whose caller has gone leaves nothing, however impatient he was."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from scow.errors import ScowError
from scow.network.attempt import Attempt
from scow.network.endpoint import ConnectRequest, Endpoint

REQUEST = ConnectRequest(endpoint_id="e", container_id="c", netns_fd=-1)


def endpoint() -> Endpoint:
    return Endpoint(endpoint_id="e", network_id="n", interface="eth0", host_interface="veth0", mac="")


def cancelled(times: int, undo: Callable[[Endpoint], None]) -> None:
    """The caller of a connect that takes its time, cancelled so many times before that ends."""

    async def scenario() -> None:
        begun, may_end = threading.Event(), threading.Event()

        def connect(_request: ConnectRequest) -> Endpoint:
            begun.set()
            may_end.wait(30)
            return endpoint()

        caller = asyncio.get_running_loop().create_task(Attempt(connect, undo).make(REQUEST))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        for _ in range(times):
            caller.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await caller

    asyncio.run(scenario())


@pytest.mark.parametrize("times", [1, 2])
def test_it_is_undone_before_the_caller_goes_on(times: int) -> None:
    """He closes the namespace next: nothing may look for devices in it after that."""
    undone: list[str] = []
    cancelled(times, lambda made: undone.append(made.endpoint_id))
    assert undone == ["e"]


def test_what_the_kernel_refuses_is_an_error_of_ours() -> None:
    def connect(_request: ConnectRequest) -> Endpoint:
        raise PermissionError(1, "RTM_NEWLINK veth0: Operation not permitted")

    with pytest.raises(ScowError, match=r"^RTM_NEWLINK veth0: Operation not permitted$"):
        asyncio.run(Attempt(connect, lambda _made: None).make(REQUEST))
