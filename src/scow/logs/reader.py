"""Reading logs back: what there is, and, with ``follow``, what is still to come until the container ends.

Blocks are read and rendered in the pool of blocking work, one at a time and only when asked for: a client
that stops reading suspends its own iterator and nothing else.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from scow.logs.drivers import check_readable
from scow.logs.file_watch import watch_file
from scow.logs.log_files import LogFiles
from scow.logs.selection import LogSelection as LogSelection
from scow.logs.selection import Renderer
from scow.spec.engine_api.container import LogConfig
from scow.tasks import run_blocking


def read_logs(
    config: LogConfig,
    path: str | os.PathLike[str],
    selection: LogSelection,
    *,
    framed: bool,
    ended: Callable[[], asyncio.Future[Any]] | None = None,
) -> AsyncIterator[bytes]:
    """The chosen lines as bytes ready to send, framed like attach or not. Close it when you leave early.

    ``ended`` is called if ``selection.follow``, for a future that is done once the container has ended and
    its log is complete; without it there is nothing to follow. Raises ``UnsupportedError``, now, not later.
    """
    check_readable(config)
    return _read(os.fspath(path), selection, Renderer(selection, framed=framed), ended)


async def _read(
    path: str, selection: LogSelection, renderer: Renderer, ended: Callable[[], asyncio.Future[Any]] | None
) -> AsyncIterator[bytes]:
    files = LogFiles(path)
    try:
        following = ended if selection.follow else None
        await run_blocking(files.open, selection.tail, follow=following is not None)
        blocks = _blocks(files) if following is None else follow(path, files, following(), selection.until_ns)
        async with aclosing(blocks):
            async for block in blocks:
                data = await run_blocking(renderer.render, block)
                if data:
                    yield data
                if renderer.is_past:
                    return
    finally:
        files.close()


async def _blocks(files: LogFiles) -> AsyncGenerator[bytes, None]:
    while block := await run_blocking(files.read):
        yield block


async def follow(
    path: str, files: LogFiles, ended: asyncio.Future[Any], until_ns: int | None = None
) -> AsyncGenerator[bytes, None]:
    """What there is and what comes, until ``ended`` is done and all is read, or until ``until_ns``."""
    changed = asyncio.Event()

    def wake(_future: object = None) -> None:
        changed.set()

    ended.add_done_callback(wake)
    until_s = float("inf") if until_ns is None else until_ns / 1e9
    timer = None
    if until_s != float("inf"):
        timer = asyncio.get_running_loop().call_later(max(0.0, until_s - time.time()), wake)
    try:
        with watch_file(path, changed):
            while True:
                # Asked before the last look at the files: what comes after the end has been written
                # before it.
                is_last = ended.done() or time.time() >= until_s
                changed.clear()
                async for block in _blocks(files):
                    yield block
                if is_last:
                    return
                await changed.wait()
    finally:
        ended.remove_done_callback(wake)
        if timer is not None:
            timer.cancel()
