"""Many small files go to the disk while more come, so that little is left to wait for in the end.

What is recorded is synced before, see ``layer_intake``; of twenty thousand files that takes as long as a
third of unpacking them. A kernel left alone begins to write after some seconds (``dirty_expire_centisecs``,
``dirty_writeback_centisecs``), when all of them are there. Large files are not worth it: they are on their
way by themselves (``tree_maker``), and syncing sooner would write the archive, which nobody needs there, too.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from scow import tasks

_INTERVAL_S = 0.25
_MANY_FILES = 2000


class EarlySync:
    """``sync`` blocks until all that is on the file system of ``folder`` is on the disk."""

    def __init__(self, folder: str, sync: Callable[[], None]) -> None:
        self._folder = folder
        self._sync = sync

    @asynccontextmanager
    async def while_files_come(self) -> AsyncIterator[None]:
        """Sync whenever many files have been made, until the end of the block."""
        async with tasks.running(self._watch(), name="early sync"):
            yield

    async def _watch(self) -> None:
        free = self._free_inodes()
        while True:
            await asyncio.sleep(_INTERVAL_S)
            now = self._free_inodes()
            if free - now >= _MANY_FILES:
                await tasks.run_blocking(self._sync)
                free = now

    def _free_inodes(self) -> int:
        """By whoever they are taken; file systems without such a number have none ever."""
        return os.statvfs(self._folder).f_ffree
