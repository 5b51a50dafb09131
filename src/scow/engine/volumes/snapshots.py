"""Snapshots: copies of a volume's data that stay with it, by a name of their own.

A snapshot shares its blocks with the volume where the file system can (XFS, btrfs); else it is a full copy.
It does not count to the volume's size and goes with the volume. Order: the copy, then the document; a copy
without a document is removed at start-up, and so is what a restore had not finished: a restore is one rename.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from scow.engine.events import EventBus
from scow.engine.timestamps import rfc3339
from scow.engine.volumes.background import run_long
from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.local_options import parse_local_options
from scow.engine.volumes.model import DEFAULT_DRIVER, SnapshotRecord, VolumeRecord
from scow.engine.volumes.names import check_name
from scow.engine.volumes.registry import VolumeRecords
from scow.engine.volumes.sizes import DISK, make_disk
from scow.engine.volumes.snapshot_folders import RESTORED, remove_leftovers, snapshot_folder
from scow.engine.volumes.still_data import StillData
from scow.engine.volumes.use import VolumeUse
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError, UnsupportedError
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.linux import syscalls
from scow.linux.tree_copy import copy_path, make_durable
from scow.spec.engine_api.volume import SnapshotCreate, VolumeSnapshot

_log = logging.getLogger(__name__)
_SEPARATOR = "@"


def split_reference(text: str) -> tuple[str, str]:
    """``volume@snapshot`` in two; the second is "" without one. Names of volumes have no such sign."""
    name, _, snapshot = text.partition(_SEPARATOR)
    return name, snapshot


class Snapshots:
    """The snapshots of all local volumes."""

    def __init__(
        self,
        local: LocalDriver,
        records: VolumeRecords,
        use: VolumeUse,
        still: StillData,
        events: EventBus,
    ) -> None:
        self._local = local
        self._records = records
        self._use = use
        self._still = still
        self._events = events
        self._being_made: set[tuple[str, str]] = set()

    def folder(self, record: VolumeRecord, snapshot: str) -> Path:
        """Where the data of a snapshot is. Raises NotFoundError."""
        if snapshot not in record.snapshots:
            raise NotFoundError(f"get {record.name}{_SEPARATOR}{snapshot}: no such snapshot")
        return snapshot_folder(self._local.folder(record.name), snapshot)

    async def list(self, name: str) -> Sequence[VolumeSnapshot]:
        """Of one volume, the oldest first. Raises NotFoundError."""
        return [_view(name, snapshot, kept) for snapshot, kept in self._use.find(name).snapshots.items()]

    async def create(self, name: str, body: SnapshotCreate) -> VolumeSnapshot:
        """Copy the data as it is at one moment; without a name it is called after that.

        Raises NotFoundError, ConflictError, InvalidArgumentError, UnsupportedError, ScowError.
        """
        if body.name:
            check_name(body.name)
        _check_local(self._use.find(name))
        async with self._use.mounted(name):  # until the end it is neither removed nor renamed
            return await self._create(name, body)

    async def _create(self, name: str, body: SnapshotCreate) -> VolumeSnapshot:
        now = time.time_ns()
        async with AsyncExitStack() as undo:
            async with self._still.of(name, pause=body.pause) as (record, place):
                snapshot = body.name or self._free_name(record, now)
                if self._is_taken(record, snapshot):
                    raise ConflictError(f"snapshot {snapshot} of volume {name} exists already")
                self._being_made.add((name, snapshot))
                copy = snapshot_folder(self._local.folder(name), snapshot)
                undo.push_async_callback(self._give_up, name, snapshot, copy)
                await run_long(_copy_to_new, place, copy)
            # The containers go on meanwhile.
            await run_long(make_durable, str(copy))
            kept = SnapshotRecord(created_at=rfc3339(now), labels=body.labels)
            async with self._use.hold(name):
                record = self._use.find(name)
                snapshots = {**record.snapshots, snapshot: kept}
                await self._records.store(msgspec.structs.replace(record, snapshots=snapshots))
            undo.pop_all()
            self._being_made.discard((name, snapshot))
        self._tell("snapshot", name, snapshot)
        return _view(name, snapshot, kept)

    async def _give_up(self, name: str, snapshot: str, copy: Path) -> None:
        await run_to_end(remove_path, str(copy))
        self._being_made.discard((name, snapshot))

    def _is_taken(self, record: VolumeRecord, snapshot: str) -> bool:
        return snapshot in record.snapshots or (record.name, snapshot) in self._being_made

    def _free_name(self, record: VolumeRecord, now_ns: int) -> str:
        """The time, with a number behind it if there is one of this second."""
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_ns // 1_000_000_000))
        name, number = moment, 1
        while self._is_taken(record, name):
            number += 1
            name = f"{moment}-{number}"
        return name

    async def remove(self, name: str, snapshot: str) -> None:
        """Raises NotFoundError, ConflictError while it is being sent, ScowError."""
        async with self._use.hold(name):
            record = self._use.find(name)
            folder = self.folder(record, snapshot)
            self._check_unread(name)
            left = {key: kept for key, kept in record.snapshots.items() if key != snapshot}
            await self._records.store(msgspec.structs.replace(record, snapshots=left))
            await run_to_end(remove_path, str(folder))
        self._tell("snapshot-remove", name, snapshot)

    def _check_unread(self, name: str) -> None:
        if readers := [user for user in self._use.users(name) if user.startswith("export-")]:
            raise ConflictError(f"volume {name} is being read - [{', '.join(readers)}]")

    async def restore(self, name: str, snapshot: str) -> None:
        """The volume's data is that of the snapshot from now on, and the snapshot stays.

        Raises NotFoundError, ConflictError while the volume is mounted, InvalidArgumentError for one whose
        data is on a device of the user's, UnsupportedError, ScowError.
        """
        await self._use.settle(name)
        async with self._use.hold(name):
            record = self._use.find(name)
            _check_local(record)
            source = self.folder(record, snapshot)
            options = parse_local_options(record.options or {})
            if options.needs_mount:
                raise InvalidArgumentError(
                    f"cannot restore volume {name}: its data is on {options.device}; "
                    "clone the snapshot instead"
                )
            if users := list(self._use.users(name)):
                raise ConflictError(f"restore {name}: volume is in use - [{', '.join(users)}]")
            await run_long(self._restore, record.name, source, options.size_bytes)
        self._tell("restore", name, snapshot)

    def _restore(self, name: str, source: Path, size_bytes: int) -> None:
        folder, data = self._local.folder(name), self._local.data(name)
        try:
            if self._local.sizes.has_disk(data):
                make_disk(folder / DISK, size_bytes, lambda place: _copy_durably(source, place))
                return
            new = folder / RESTORED
            remove_path(str(new))
            new.mkdir(mode=0o700)
            self._local.sizes.like(data, new, size_bytes)
            _copy_durably(source, new)
            here = syscalls.AT_FDCWD
            syscalls.renameat2(here, str(new), here, str(data), syscalls.RENAME_EXCHANGE)
            self._local.sizes.forget(new)
            remove_path(str(new))
        except BaseException:
            self._clear(folder)
            raise

    def _clear(self, folder: Path) -> None:
        record = self._records.get(folder.name)
        try:
            remove_leftovers(folder, record.snapshots if record else ())
        except OSError as exc:
            _log.warning("volume %s: %s", folder.name, exc)

    def _tell(self, action: str, name: str, snapshot: str) -> None:
        self._events.publish("volume", action, name, {"driver": DEFAULT_DRIVER, "snapshot": snapshot})


def _copy_to_new(place: str, copy: Path) -> None:
    try:
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        copy.mkdir(mode=0o700)
    except OSError as exc:
        raise ScowError(f"cannot make {copy}: {(exc.strerror or str(exc)).lower()}") from exc
    copy_path(place, str(copy))


def _copy_durably(source: Path, target: Path) -> None:
    copy_path(str(source), str(target))
    make_durable(str(target))


def _check_local(record: VolumeRecord) -> None:
    if record.driver != DEFAULT_DRIVER:
        raise UnsupportedError(f"volumes of driver {record.driver} have no snapshots of ours")


def _view(name: str, snapshot: str, kept: SnapshotRecord) -> VolumeSnapshot:
    return VolumeSnapshot(volume=name, name=snapshot, created_at=kept.created_at, labels=kept.labels or None)
