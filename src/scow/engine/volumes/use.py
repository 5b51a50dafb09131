"""Volumes are mounted for as long as somebody uses them.

``hold`` is one volume's lock: whoever mounts, removes, copies or renames it has it. Locks are taken in the
order container, volume; who holds a volume waits for no container.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

from scow.engine.volumes.claims import Claims, is_container, visitor
from scow.engine.volumes.driver_table import Drivers
from scow.engine.volumes.model import DEFAULT_DRIVER, VolumeRecord
from scow.engine.volumes.registry import VolumeRecords
from scow.errors import NotFoundError, ScowError
from scow.image.threads import run_to_end
from scow.tasks import KeyedLock, to_end

# Longer than any unmount takes; then what is still there is taken for a user.
_SETTLE_S = 10.0
_LOOK_AGAIN_S = 0.1

_log = logging.getLogger(__name__)


class VolumeUse:
    """Who has what mounted. ``records``, ``drivers`` and ``claims`` belong to the same volumes."""

    def __init__(
        self, records: VolumeRecords, drivers: Drivers, claims: Claims, runs: Callable[[str], bool]
    ) -> None:
        """``runs`` says whether there is a container of that id and it runs."""
        self._runs = runs
        self._changed = asyncio.Event()
        self._records = records
        self._drivers = drivers
        self._claims = claims
        self._locks = KeyedLock()

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Have the volume ``name`` to oneself; it need not exist."""
        return self._locks.hold(name)

    @asynccontextmanager
    async def hold_all(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Have several volumes to oneself; all take them in the order of their names."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self.hold(name))
            yield

    def find(self, name: str) -> VolumeRecord:
        """The volume's document. Raises NotFoundError with Docker's message."""
        record = self._records.get(name)
        if record is None:
            raise NotFoundError(f"get {name}: no such volume")
        return record

    def is_plain(self, name: str) -> bool:
        """Whether its data is in a folder of ours, without anything to be mounted."""
        record = self._records.get(name)
        return record is not None and record.driver == DEFAULT_DRIVER and self._drivers.local.is_plain(record)

    async def mount(self, name: str, user: str) -> str:
        """Make the data available to ``user``; returns where it is. Raises NotFoundError, ScowError."""
        async with self.hold(name):
            return await self.mount_held(self.find(name), user)

    async def mount_held(self, record: VolumeRecord, user: str) -> str:
        """As ``mount``, for who holds the volume."""
        driver = await self._drivers.get(record.driver)
        place = await driver.mount(record, user)
        self._claims.add(record.name, user)
        return place

    async def unmount(self, name: str, user: str) -> None:
        """``user`` needs it no more. Never raises: what fails is left to the next start."""
        if self.is_plain(name):
            # Nothing to be done, so nothing to wait for: not for a copy that is being made either.
            self._discard(name, user)
            return
        async with self.hold(name):
            if record := self._records.get(name):
                await self._unmount_held(record, user)
            else:
                self._discard(name, user)

    async def _unmount_held(self, record: VolumeRecord, user: str) -> None:
        if user not in self._claims.users(record.name):
            return
        last = len(self._claims.users(record.name)) == 1
        try:
            driver = await self._drivers.get(record.driver)
            await driver.unmount(record, user, last=last)
        except (ScowError, OSError) as exc:
            _log.warning("volume %s could not be unmounted: %s", record.name, exc)
        self._discard(record.name, user)

    def _discard(self, name: str, user: str) -> None:
        self._claims.discard(name, user)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def settle(self, name: str) -> None:
        """Wait until containers that are starting have started, and those that have ended are cleaned up.

        Clients are told of an end before it is cleaned up after. Who holds the volume must not wait here.
        """
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline:
            if all(self._runs(user) or not is_container(user) for user in self._claims.users(name)):
                return
            with suppress(TimeoutError):  # of a start nobody tells us
                await asyncio.wait_for(self._changed.wait(), _LOOK_AGAIN_S)

    @asynccontextmanager
    async def mounted(self, name: str) -> AsyncIterator[str]:
        """Where the data is, for the block."""
        user = visitor("visit")
        place = await self.mount(name, user)
        try:
            yield place
        finally:
            await to_end(self.unmount(name, user))

    @asynccontextmanager
    async def mounted_held(self, record: VolumeRecord) -> AsyncIterator[str]:
        """As ``mounted``, for who holds the volume, which need not be among all yet."""
        user = visitor("visit")
        place = await self.mount_held(record, user)
        try:
            yield place
        finally:
            await to_end(self._unmount_held(record, user))

    def users(self, name: str) -> Iterable[str]:
        """Who has it mounted now: ids of containers, and names of who looks at it for a moment."""
        return self._claims.users(name)

    def adopt(self, name: str, user: str) -> None:
        """Start-up: a container of the last engine has it mounted, if it still runs."""
        self._claims.add(name, user)

    async def release_unused(self) -> None:
        """Start-up, when it is known who runs: unmount what only an engine that is gone had mounted."""
        local = self._drivers.local
        idle = [
            record.name
            for record in self._records
            if record.driver == DEFAULT_DRIVER and not local.is_plain(record)
            if not self._claims.users(record.name)
        ]
        await run_to_end(local.release_unused, idle)
        for name, user in await run_to_end(lambda: list(self._claims.noted())):
            if user not in self._claims.users(name):
                self._claims.add(name, user)
                await self.unmount(name, user)
