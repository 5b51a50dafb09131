"""How a new layer comes in: from a stranger's archive, from what this engine packs, or as it lies there.

Arrival of a layer, and why a kill between any two steps is harmless:

    1. stage a directory under a temporary name        start-up removes it
    2. an unpacker fills it, digesting what goes by    likewise
    3. digests are right: rename to its final name     nobody recorded that name: start-up removes it
    4. when an image is whole: sync the file system    likewise        (begun before: ``early_sync``)
    5. one transaction: layers, image, names           all of it is there

Syncing once before the transaction, not file by file, is what makes a recorded layer whole after power
loss: without it, the record could survive the data.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scow import tasks
from scow.deferred import deferred
from scow.errors import ScowError
from scow.image.archive_formats import LayerSource
from scow.image.early_sync import EarlySync
from scow.image.layer_stream import LayerInput, PieceReader, Unpacked, take_down_layer, unpack_tar
from scow.image.layers import LayerStore, chain_on, new_snapshot_id
from scow.image.snapshots.base import SnapshotDriver
from scow.image.snapshots.probe import in_user_namespace
from scow.image.tar.headers import END_OF_ARCHIVE
from scow.image.tar.writer import Notes
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.image.unpacking.job import Job
from scow.spec.digest import sha256_of

if TYPE_CHECKING:
    from scow.image.unpacking.pool import Unpackers

EMPTY_DIFF_ID = sha256_of(END_OF_ARCHIVE)
"""Of a layer without any entry: Docker counts it as none."""
# Unpacking keeps a core busy; more at once would only take them away from container starts.
_MAX_UNPACKING = min(os.cpu_count() or 1, 4)


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer that was made here. ``chain_id`` is of the whole stack: of one that changes nothing, the
    parent's. ``size`` is bytes of file content.
    """

    chain_id: str | None
    diff_id: str
    size: int
    is_empty: bool = False


def _open_unpackers() -> "Unpackers":
    from scow.image.unpacking.pool import Unpackers  # not before a layer comes

    return Unpackers()


class LayerIntake:
    """Brings layers into ``layers``; each is held once when it is there. Used on the event loop."""

    def __init__(self, driver: SnapshotDriver, layers: LayerStore) -> None:
        self._driver = driver
        self._layers = layers
        self._recipes = layers.recipes
        self._unpacking = asyncio.Semaphore(_MAX_UNPACKING)
        self.unpackers = deferred(_open_unpackers)
        self._may_make_devices = not in_user_namespace()
        self._arriving = tasks.KeyedLock()
        self._early_sync = EarlySync(str(self._recipes), driver.sync)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Layers may come within the block: see ``Unpackers.session``, ``EarlySync``."""
        async with self.unpackers.session(), self._early_sync.while_files_come():
            yield

    async def arrive(
        self,
        parent: str | None,
        diff_id: str,
        source: LayerSource,
        *,
        report: Callable[[int], None],
        parent_is_here: asyncio.Event,
    ) -> None:
        """Have layer ``diff_id`` on ``parent``, from ``source`` if it is not there already, and hold it.

        It may be unpacked before its parent is there, which ``parent_is_here`` tells. ``report`` hears of
        bytes read. Cancelled or failed, nothing of it is left. Raises InvalidArgumentError, IntegrityError,
        ScowError.
        """
        chain_id = chain_on(parent, diff_id)
        async with self._arriving.hold(chain_id):
            if chain_id in self._layers:
                self._layers.hold(chain_id)
                return
            snapshot = new_snapshot_id()
            if self._driver.copies_below:
                await parent_is_here.wait()
            try:
                below = self._layers.stack(parent) if self._driver.copies_below else []
                unpacked = await self._unpack(snapshot, below, source, diff_id, report)
                await parent_is_here.wait()
                await self._commit(snapshot, parent)
            except BaseException:
                await run_to_end(self._layers.abandon, snapshot)
                raise
            self._layers.take_in(parent, snapshot, unpacked)

    async def _unpack(
        self,
        snapshot: str,
        below: list[str],
        source: LayerSource,
        diff_id: str,
        report: Callable[[int], None],
    ) -> Unpacked:
        """Stage ``snapshot`` and have it filled by an unpacker."""
        content = source.content
        job = Job(
            content.offset,
            content.size,
            digest=source.digest or "",
            diff_id=diff_id,
            opaque_xattr=self._driver.opaque_xattr or "",
            may_make_devices=self._may_make_devices,
        )
        async with self._unpacking:
            root = await run_to_end(self._stage, snapshot, below)
            return await self.unpackers.unpack(content, job, root, self._recipes / snapshot, report)

    def _stage(self, snapshot: str, below: Sequence[str]) -> str:
        self._layers.moving.add(snapshot)
        try:
            (self._recipes / snapshot).mkdir(mode=0o700)
            return self._driver.stage(snapshot, below)
        except OSError as exc:
            raise ScowError(f"failed to register layer: {exc.strerror or exc}") from exc

    async def _commit(self, snapshot: str, parent: str | None) -> None:
        try:
            await run_to_end(self._driver.commit, snapshot, self._layers.stack(parent), stackable=True)
        except OSError as exc:
            raise ScowError(f"failed to register layer: {exc.strerror or exc}") from exc

    async def import_archive(self, source: LayerSource, held: list[str | None]) -> NewLayer:
        """Have a lowest layer whose diff id is not known, and hold it in ``held``. Raises as ``arrive``."""
        snapshot = new_snapshot_id()
        try:
            unpacked = await self._unpack(snapshot, [], source, "", _nobody_listens)
            await self._commit(snapshot, None)
        except BaseException:
            await run_to_end(self._layers.abandon, snapshot)
            raise
        return await self._keep(None, snapshot, unpacked, held, own=False)

    async def import_own(
        self, parent: str | None, pieces: Iterator[bytes], held: list[str | None]
    ) -> NewLayer:
        """Have a layer on ``parent`` whose tar ``pieces`` this engine makes, and hold it in ``held``.

        Of one that changes nothing at all, nothing is kept, and ``parent`` is held.
        """
        snapshot = new_snapshot_id()
        try:
            async with self._unpacking:
                unpacked = await run_to_end(self._unpack_own, snapshot, self._layers.stack(parent), pieces)
            await self._commit(snapshot, parent)
        except BaseException:
            await run_to_end(self._layers.abandon, snapshot)
            raise
        return await self._keep(parent, snapshot, unpacked, held, own=True)

    def _unpack_own(self, snapshot: str, below: Sequence[str], pieces: Iterator[bytes]) -> Unpacked:
        """Here: it is no stranger's, and comes from this process piece by piece."""
        return unpack_tar(
            LayerInput(PieceReader(pieces), own=True),
            self._stage(snapshot, below),
            self._driver.whiteouts(),
            str(self._recipes / snapshot),
            None,
            may_make_devices=self._may_make_devices,
        )

    async def adopt(
        self,
        parent: str | None,
        snapshot: str,
        made: Callable[[Notes], Iterator[bytes]],
        held: list[str | None],
    ) -> NewLayer:
        """Have the written, unmounted ``snapshot`` as a layer on ``parent``, and hold it in ``held``.

        ``made`` makes the tar of what it holds. If this fails the snapshot is still there. Raises ScowError.
        """
        recipe = self._recipes / snapshot
        try:
            await run_to_end(recipe.mkdir, 0o700)
            async with self._unpacking:
                unpacked = await run_to_end(take_down_layer, made, str(recipe))
            await run_to_end(self._driver.promote, snapshot, self._layers.stack(parent))
        except BaseException:
            await run_to_end(remove_path, str(recipe))
            raise
        return await self._keep(parent, snapshot, unpacked, held, own=True)

    async def _keep(
        self,
        parent: str | None,
        snapshot: str,
        unpacked: Unpacked,
        held: list[str | None],
        *,
        own: bool,
    ) -> NewLayer:
        """Take in a committed snapshot, unless its layer is here already or is none.

        It is in ``held`` before anything is waited for: whoever is cancelled lets go of it with the rest.
        """
        is_empty = own and unpacked.diff_id == EMPTY_DIFF_ID
        chain_id = parent if is_empty else chain_on(parent, unpacked.diff_id)
        if chain_id is not None and chain_id not in self._layers:
            self._layers.take_in(parent, snapshot, unpacked)
            held.append(chain_id)
        else:
            self._layers.hold(chain_id)
            held.append(chain_id)
            await run_to_end(self._layers.abandon, snapshot)
        return NewLayer(chain_id, unpacked.diff_id, unpacked.size, is_empty)


def _nobody_listens(_position: int) -> None:
    """Of an import no progress is shown."""
