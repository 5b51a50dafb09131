"""Copies of any size, in threads of their own: the pool is for what ends soon."""

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from scow.errors import ScowError
from scow.tasks import run_in_own_thread, to_end

P = ParamSpec("P")
T = TypeVar("T")


async def run_long(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function``; a cancelled caller first waits until it has ended. ``OSError`` becomes ScowError."""
    try:
        return await to_end(run_in_own_thread(function, *args, **kwargs))
    except OSError as exc:
        where = f"{os.fsdecode(exc.filename)}: " if exc.filename else ""
        raise ScowError(f"cannot copy: {where}{(exc.strerror or str(exc)).lower()}") from exc
