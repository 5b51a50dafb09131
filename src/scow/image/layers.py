"""The layers of all images: which there are, what uses them, and how a new one comes in.

A layer is known by its chain id, so one stack is unpacked once however many images have it. A layer is
used by the layers on it, by images and containers whose top it is, and by arrivals in progress; one that
nothing uses is gone. Counts live in memory and are counted afresh at start-up from what is stored.

Arrival of a layer, and why a kill between any two steps is harmless:

    1. stage a directory under a temporary name        start-up removes it
    2. an unpacker fills it, digesting what goes by    likewise
    3. digests are right: rename to its final name     nobody recorded that name: start-up removes it
    4. when an image is whole: sync the file system    likewise
    5. one transaction: layers, image, names           all of it is there

Syncing once before the transaction, not file by file, is what makes a recorded layer whole after power
loss: without it, the record could survive the data.

Records and counts are changed on the event loop only.
"""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scow import tasks
from scow.deferred import deferred
from scow.errors import IntegrityError, ScowError
from scow.image.archive_formats import LayerSource
from scow.image.layer_stream import LayerInput, PieceReader, Unpacked, take_down_layer, unpack_tar
from scow.image.model import LayerRecord
from scow.image.recipe import rebuild, tar_size
from scow.image.snapshots.base import SnapshotDriver
from scow.image.snapshots.probe import in_user_namespace
from scow.image.tar_headers import END_OF_ARCHIVE
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.image.unpacking.job import Job
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.digest import sha256_of
from scow.store import Delete, Put

if TYPE_CHECKING:
    from scow.image.unpacking.pool import Unpackers

EMPTY_DIFF_ID = sha256_of(END_OF_ARCHIVE)
"""Of a layer without any entry: Docker counts it as none."""
# Unpacking keeps a core busy; more at once would only take them away from container starts.
_MAX_UNPACKING = min(os.cpu_count() or 1, 4)


def new_snapshot_id() -> str:
    """A random id of 64 hex digits."""
    return secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class GoneLayer:
    """A layer that nothing uses any more: its record is out of memory, its directory still there."""

    chain_id: str
    snapshot: str
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer that was made here. ``chain_id`` is of the whole stack: of one that changes nothing, the
    parent's. ``size`` is bytes of file content.
    """

    chain_id: str | None
    diff_id: str
    size: int
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class LayerTar:
    """A layer's tar: ``read`` gives it in pieces, blocking, from the start each time."""

    diff_id: str
    measure: Callable[[], int]
    read: Callable[[], Iterator[bytes]]

    @property
    def size(self) -> int:
        """In bytes. Blocks: counted out of the recipe each time."""
        return self.measure()


def _open_unpackers() -> "Unpackers":
    from scow.image.unpacking.pool import Unpackers  # not before a layer comes

    return Unpackers()


class LayerStore:
    """See the module. ``kind`` is that of the layers' documents; ``recipes`` holds one of each tar."""

    def __init__(self, driver: SnapshotDriver, kind: str, recipes: Path) -> None:
        self._driver = driver
        self._recipes = recipes
        self._kind = kind
        self._records: dict[str, LayerRecord] = {}
        self._uses: Counter[str] = Counter()
        self._unrecorded: set[str] = set()
        self.moving: set[str] = set()
        """Snapshots that are being made or removed: on disk, and in no record."""
        self._unpacking = asyncio.Semaphore(_MAX_UNPACKING)
        self.unpackers = deferred(_open_unpackers)
        self._may_make_devices = not in_user_namespace()
        self._arriving = tasks.KeyedLock()

    def restore(self, records: Mapping[str, LayerRecord]) -> None:
        """Start-up: take over what is stored. Every record's parent is among them."""
        self._records = dict(records)
        self._uses.update(record.parent for record in records.values() if record.parent is not None)

    def remove_lost_recipes(self, snapshots: Container[str]) -> None:
        """Start-up: remove the recipes of layers that are not among ``snapshots``. Blocks."""
        self._recipes.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in self.lost_recipes(snapshots):
            remove_path(str(folder))

    def tar(self, chain_id: str) -> LayerTar:
        """The layer's tar as it came; hold the layer meanwhile.

        Raises ``KeyError`` if it is not there; reading it raises IntegrityError if it is not what it was.
        """
        record = self._records[chain_id]
        folder = str(self._recipes / record.snapshot)
        return LayerTar(record.diff_id, partial(tar_size, folder), partial(self._read_tar, record))

    def _read_tar(self, record: LayerRecord) -> Iterator[bytes]:
        digest = bulk_sha256()
        for piece in rebuild(str(self._recipes / record.snapshot), self._driver.layer_path(record.snapshot)):
            digest.update(piece)
            yield piece
        if f"sha256:{digest.hexdigest()}" != record.diff_id:
            raise IntegrityError(f"layer {record.diff_id} was changed on disk")

    def __contains__(self, chain_id: str) -> bool:
        return chain_id in self._records

    def records(self) -> dict[str, LayerRecord]:
        """All layers, by chain id."""
        return dict(self._records)

    def lost_recipes(self, snapshots: Container[str]) -> list[Path]:
        """Recipes of layers that are not among ``snapshots``. Blocks."""
        return [folder for folder in self._recipes.iterdir() if folder.name not in snapshots]

    def verify(self, chain_id: str) -> int:
        """Read the whole of a layer, which the caller holds; its size. Blocks.

        Raises IntegrityError if it is not what it was.
        """
        try:
            return sum(map(len, self._read_tar(self._records[chain_id])))
        except OSError as exc:
            raise IntegrityError(f"layer cannot be read again: {exc}") from exc

    def stack(self, chain_id: str | None) -> list[str]:
        """Snapshots of a stack, topmost first. Raises ``KeyError`` if a layer is not there."""
        snapshots = []
        while chain_id is not None:
            record = self._records[chain_id]
            snapshots.append(record.snapshot)
            chain_id = record.parent
        return snapshots

    def sizes(self, chain_id: str | None) -> tuple[int, ...]:
        """Bytes of each layer of a stack, lowest first."""
        sizes = []
        while chain_id is not None:
            sizes.append(self._records[chain_id].size)
            chain_id = self._records[chain_id].parent
        return tuple(reversed(sizes))

    def diff_ids(self, chain_id: str | None) -> tuple[str, ...]:
        """Of each layer of a stack, lowest first. Raises ``KeyError`` if a layer is not there."""
        found = []
        while chain_id is not None:
            found.append(self._records[chain_id].diff_id)
            chain_id = self._records[chain_id].parent
        return tuple(reversed(found))

    def hold(self, chain_id: str | None) -> None:
        """One more user. ``None``, a stack without layers, needs no keeping."""
        if chain_id is not None:
            self._uses[chain_id] += 1

    def release(self, chain_id: str | None) -> list[GoneLayer]:
        """One user less; returns the layers that are gone with it, topmost first."""
        gone = []
        while chain_id is not None:
            self._uses[chain_id] -= 1
            if self._uses[chain_id] > 0:
                break
            del self._uses[chain_id]
            record = self._records.pop(chain_id, None)
            if record is None:
                break
            gone.append(GoneLayer(chain_id, record.snapshot, chain_id not in self._unrecorded))
            self.moving.add(record.snapshot)
            self._unrecorded.discard(chain_id)
            chain_id = record.parent
        return gone

    def unused(self) -> list[str]:
        """Layers without any user: after ``restore``, what a kill left between two steps of a removal."""
        return [chain_id for chain_id in self._records if self._uses[chain_id] <= 0]

    def puts(self, chain_id: str | None) -> list[Put]:
        """The records of a stack that are not stored yet."""
        changes = []
        while chain_id is not None:
            record = self._records[chain_id]
            if chain_id in self._unrecorded:
                changes.append(Put(self._kind, chain_id, msgspec.json.encode(record)))
            chain_id = record.parent
        return changes

    def deletes(self, gone: list[GoneLayer]) -> list[Delete]:
        """What takes the records of ``gone`` out of the store."""
        return [Delete(self._kind, layer.chain_id) for layer in gone if layer.recorded]

    def recorded(self, puts: list[Put]) -> None:
        """``puts`` are stored."""
        self._unrecorded.difference_update(put.key for put in puts)

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
            if chain_id in self._records:
                self.hold(chain_id)
                return
            snapshot = new_snapshot_id()
            if self._driver.copies_below:
                await parent_is_here.wait()
            try:
                below = self.stack(parent) if self._driver.copies_below else []
                unpacked = await self._unpack(snapshot, below, source, diff_id, report)
                await parent_is_here.wait()
                await self._commit(snapshot, parent)
            except BaseException:
                await run_to_end(self._abandon, snapshot)
                raise
            self._take_in(parent, snapshot, unpacked)

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
        self.moving.add(snapshot)
        try:
            (self._recipes / snapshot).mkdir(mode=0o700)
            return self._driver.stage(snapshot, below)
        except OSError as exc:
            raise ScowError(f"failed to register layer: {exc.strerror or exc}") from exc

    async def _commit(self, snapshot: str, parent: str | None) -> None:
        try:
            await run_to_end(self._driver.commit, snapshot, self.stack(parent), stackable=True)
        except OSError as exc:
            raise ScowError(f"failed to register layer: {exc.strerror or exc}") from exc

    async def import_archive(self, source: LayerSource) -> NewLayer:
        """Have a lowest layer whose diff id is not known, and hold it. Raises as ``arrive``."""
        snapshot = new_snapshot_id()
        try:
            unpacked = await self._unpack(snapshot, [], source, "", _nobody_listens)
            await self._commit(snapshot, None)
        except BaseException:
            await run_to_end(self._abandon, snapshot)
            raise
        return await self._keep(None, snapshot, unpacked, own=False)

    async def import_own(self, parent: str | None, pieces: Iterator[bytes]) -> NewLayer:
        """Have a layer on ``parent`` whose tar ``pieces`` this engine makes, and hold it.

        Of one that changes nothing at all, nothing is kept, and ``parent`` is held.
        """
        snapshot = new_snapshot_id()
        try:
            async with self._unpacking:
                unpacked = await run_to_end(self._unpack_own, snapshot, self.stack(parent), pieces)
            await self._commit(snapshot, parent)
        except BaseException:
            await run_to_end(self._abandon, snapshot)
            raise
        return await self._keep(parent, snapshot, unpacked, own=True)

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

    async def adopt(self, parent: str | None, snapshot: str, pieces: Iterator[bytes]) -> NewLayer:
        """Have the written, unmounted ``snapshot`` as a layer on ``parent``, and hold it.

        ``pieces`` is the tar of what it holds. If this fails the snapshot is still there. Raises ScowError.
        """
        recipe = self._recipes / snapshot
        try:
            await run_to_end(recipe.mkdir, 0o700)
            async with self._unpacking:
                unpacked = await run_to_end(take_down_layer, pieces, str(recipe))
            await run_to_end(self._driver.promote, snapshot, self.stack(parent))
        except BaseException:
            await run_to_end(remove_path, str(recipe))
            raise
        return await self._keep(parent, snapshot, unpacked, own=True)

    async def _keep(self, parent: str | None, snapshot: str, unpacked: Unpacked, *, own: bool) -> NewLayer:
        """Take in a committed snapshot, unless its layer is here already or is none."""
        is_empty = own and unpacked.diff_id == EMPTY_DIFF_ID
        chain_id = parent if is_empty else chain_on(parent, unpacked.diff_id)
        if chain_id is not None and chain_id not in self._records:
            self._take_in(parent, snapshot, unpacked)
        else:
            self.hold(chain_id)
            await run_to_end(self._abandon, snapshot)
        return NewLayer(chain_id, unpacked.diff_id, unpacked.size, is_empty)

    async def remove(self, gone: list[GoneLayer]) -> None:
        """Delete the directories of layers whose records are no longer stored."""
        for layer in gone:
            await run_to_end(self._remove, layer.snapshot)
            self.moving.discard(layer.snapshot)

    def _take_in(self, parent: str | None, snapshot: str, unpacked: Unpacked) -> None:
        """A new layer with one hold on it, the caller's."""
        chain_id = chain_on(parent, unpacked.diff_id)
        self._records[chain_id] = LayerRecord(
            snapshot=snapshot, diff_id=unpacked.diff_id, size=unpacked.size, parent=parent
        )
        self._unrecorded.add(chain_id)
        self.moving.discard(snapshot)
        self.hold(parent)
        self.hold(chain_id)

    def _abandon(self, snapshot: str) -> None:
        self._driver.discard(snapshot)
        self._remove(snapshot)
        self.moving.discard(snapshot)

    def _remove(self, snapshot: str) -> None:
        self._driver.remove(snapshot)
        remove_path(str(self._recipes / snapshot))


def chain_on(parent: str | None, diff_id: str) -> str:
    """The chain id of ``diff_id`` on top of the stack ``parent``."""
    return sha256_of(f"{parent} {diff_id}".encode()) if parent else diff_id


def _nobody_listens(_position: int) -> None:
    """Of an import no progress is shown."""
