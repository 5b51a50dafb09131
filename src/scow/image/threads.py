"""Blocking work that must not be left behind."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from scow import tasks

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in the blocking pool; a cancelled caller first waits until it has ended.

    For work that something else is undone or continued after: two threads in one directory do no good.
    """
    work = asyncio.shield(tasks.run_blocking(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        work.exception()  # seen: the cancellation is what the caller hears of
        raise
