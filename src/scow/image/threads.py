"""Blocking work that must not be left behind."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from scow import tasks

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in the blocking pool; a cancelled caller first waits until it has ended.

    For work that something else is undone or continued after: two threads in one directory do no good.
    """
    return await tasks.to_end(tasks.run_blocking(function, *args, **kwargs))


# Transfers wait for other people's machines, for minutes perhaps: they must not take the threads that
# container starts need. Downloads, uploads and the questions between them.
_TRANSFER_THREADS = 16
_transfers: ThreadPoolExecutor | None = None


async def run_transfer(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function``, which talks to a registry, on the transfer threads. Cancelling does not stop it."""
    global _transfers
    if _transfers is None:
        _transfers = ThreadPoolExecutor(_TRANSFER_THREADS, thread_name_prefix="transfer")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_transfers, lambda: function(*args, **kwargs))
