"""All downloads under way: each blob once, however many pulls want it, and a few at a time.

<data root>/tmp/downloads/<hex>      what there is of a blob; kept until it is unpacked, or too old
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scow.distribution.cancellation import Cancelled
from scow.errors import ScowError
from scow.image.remote.download import Download, OpenBlob
from scow.image.remote.slots import Slots
from scow.image.threads import run_transfer
from scow.spec.digest import hex_of
from scow.tasks import TaskOwner

# A pull that broke off is tried again within hours, or by somebody else's scheduler within days.
_KEPT_S = 3 * 24 * 3600.0


@dataclass(slots=True)
class _Shared:
    """A download, and how many wait for it."""

    download: Download
    task: "asyncio.Task[Exception | None]"
    users: int = 0


class Downloads:
    """See the module. ``limit`` is how many run at once (``max-concurrent-downloads``)."""

    def __init__(self, folder: Path, limit: int, tasks: TaskOwner, attempts: int = 5) -> None:
        """Blocks: removes what was left too long ago. ``attempts``: ``max-download-attempts``."""
        self._folder = folder
        self._attempts = attempts
        self._slots = Slots(limit)
        self._tasks = tasks
        self._active: dict[str, _Shared] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.stat().st_mtime < time.time() - _KEPT_S:
                path.unlink()

    def configure(self, limit: int, attempts: int) -> None:
        """Other numbers from now on: at once, and tries of a blob that nobody fetches yet."""
        self._slots.resize(limit)
        self._attempts = attempts

    @asynccontextmanager
    async def take(self, digest: str, size: int, open_blob: OpenBlob) -> AsyncIterator["Taken"]:
        """A blob being fetched, joined if somebody fetches it already; removed when its last user is done.

        When the last user leaves early the transfer ends, and what there is stays for the next time.
        """
        # One that was given up may still be writing to the same file.
        while (ending := self._ending.get(digest)) is not None:
            await asyncio.wait({ending})
        shared = self._active.get(digest)
        if shared is None:
            download = Download(self._folder / hex_of(digest), digest, size, self._attempts)
            task = self._tasks.start(self._fetch(download, open_blob), name=f"fetch {digest[:19]}")
            shared = self._active[digest] = _Shared(download, task)
        shared.users += 1
        try:
            yield Taken(shared.download, shared.task)
        finally:
            shared.users -= 1
            if not shared.users:
                del self._active[digest]
                shared.download.cancellation.cancel()
                self._ending[digest] = self._tasks.start(self._end(digest, shared), name=f"end {digest[:19]}")

    async def _fetch(self, download: Download, open_blob: OpenBlob) -> Exception | None:
        """Returns its failure: whoever waits raises it, and nobody else has to hear of it."""
        async with self._slots.take():
            try:
                await run_transfer(download.fetch, open_blob)
            except (ScowError, Cancelled) as exc:
                return exc
        return None

    async def _end(self, digest: str, shared: _Shared) -> None:
        try:
            if await shared.task is None:
                shared.download.path.unlink(missing_ok=True)
        finally:
            del self._ending[digest]


class Taken:
    """One user's view of a download."""

    def __init__(self, download: Download, task: "asyncio.Task[Exception | None]") -> None:
        self._download = download
        self._task = task
        self.path = download.path

    @property
    def position(self) -> int:
        """Bytes that are there."""
        return self._download.position

    @property
    def begun(self) -> bool:
        """Whether it has got its turn."""
        return self._download.begun.is_set()

    @property
    def done(self) -> bool:
        """Whether ``wait`` would return, or raise, at once."""
        return self._task.done()

    async def settle(self, seconds: float) -> None:
        """Until it is done or the time is up."""
        await asyncio.wait({self._task}, timeout=seconds)

    async def wait(self) -> None:
        """Until the blob is whole and verified. Raises as ``Download.fetch`` does."""
        await asyncio.wait({self._task})
        if (error := self._task.result()) is not None:
            raise error
