"""The data of a volume, to itself and standing still: nobody that we know of changes it meanwhile.

Order of what is taken: first the containers that have the volume mounted are paused, then the volume is held,
which keeps others from mounting it. It is let go of before they are thawed, so nobody waits for the other.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from scow.engine.volumes.model import VolumeRecord
from scow.engine.volumes.use import VolumeUse
from scow.errors import ConflictError

_TRIES = 20


class Freezer(Protocol):
    """Who can make containers stand still."""

    def of(self, container_ids: Iterable[str], /) -> AbstractAsyncContextManager[None]: ...


class StillData:
    """Opens volumes for who copies them."""

    def __init__(self, use: VolumeUse, freezer: Freezer) -> None:
        self._use = use
        self._freezer = freezer

    @asynccontextmanager
    async def of(
        self, name: str, *, pause: bool, new: str = "", keep: AsyncExitStack | None = None
    ) -> AsyncIterator[tuple[VolumeRecord, str]]:
        """The volume's document, and where its data is, for the block; the volume is held.

        ``new`` is a name that is held too, for as long as ``keep`` lasts. ``pause``: containers that use the
        volume stand still. Raises NotFoundError, ScowError; ConflictError if containers with that volume are
        started without an end.
        """
        self._use.find(name)
        for _ in range(_TRIES):
            async with AsyncExitStack() as longer, AsyncExitStack() as stack:
                users = set(self._use.users(name)) if pause else set()
                await stack.enter_async_context(self._freezer.of(users))
                for held in sorted(filter(None, {name, new})):  # the order of all who hold several
                    await (stack if held == name else longer).enter_async_context(self._use.hold(held))
                if pause and not set(self._use.users(name)) <= users:
                    continue  # another one has been started meanwhile
                record = self._use.find(name)
                place = await stack.enter_async_context(self._use.mounted_held(record))
                if keep is not None:
                    keep.push_async_exit(longer.pop_all())
                yield record, place
                return
        raise ConflictError(f"volume {name} is in use by containers that are being started all the time")
