"""Copies of any size, in threads of their own: the pool is for what ends soon."""

import asyncio
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from scow.errors import ScowError
from scow.tasks import run_in_own_thread

P = ParamSpec("P")
T = TypeVar("T")


async def run_long(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function``; a cancelled caller first waits until it has ended. ``OSError`` becomes ScowError."""
    work = asyncio.shield(run_in_own_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        work.exception()  # seen: the cancellation is what the caller hears of
        raise
    except OSError as exc:
        where = f"{os.fsdecode(exc.filename)}: " if exc.filename else ""
        raise ScowError(f"cannot copy: {where}{(exc.strerror or str(exc)).lower()}") from exc
