"""Blocking work that must not be left behind."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from scow import tasks
from scow.errors import ScowError

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in the blocking pool; a cancelled caller first waits until it has ended.

    For work that something else is undone or continued after: two threads in one directory do no good.
    """
    return await tasks.to_end(tasks.run_blocking(function, *args, **kwargs))


def wanted_by_caller() -> Callable[[], None]:
    """For work in ``run_to_end`` to call now and then: it raises once the present task is being cancelled.

    So nobody waits for what is thrown away, and a disk is not filled with it.
    """
    caller = asyncio.current_task()

    def go_on() -> None:
        if caller is not None and caller.cancelling():
            raise ScowError("context canceled")

    return go_on


async def run_to_open(
    close: Callable[[T], object], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """``run_to_end`` of what opens something; what a cancelled caller does not get is given to ``close``."""
    opened: list[T] = []

    def work() -> None:
        opened.append(function(*args, **kwargs))

    try:
        await run_to_end(work)
    except BaseException:
        for it in opened:
            close(it)
        raise
    return opened[0]


# Transfers wait for other people's machines, for minutes perhaps: they must not take the threads that
# container starts need. Downloads, uploads and the questions between them.
_transfers = tasks.ThreadPool(16, "transfer")


async def run_transfer(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function``, which talks to a registry, on the transfer threads. Cancelling does not stop it."""
    return await _transfers.run(function, *args, **kwargs)
