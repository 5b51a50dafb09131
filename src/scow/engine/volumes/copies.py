"""What scow can do with volumes beyond Docker: clones, renames, tar archives.

A kill leaves no half of anything: a new volume is ``doomed`` until it is complete, a new name is in the
document before the folder has it. ``snapshots`` has what is kept beside a volume.
"""

import os
import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from scow.engine.containers.outgoing import OutgoingTar
from scow.engine.events import EventBus
from scow.engine.timestamps import rfc3339
from scow.engine.volumes.archives import pack_volume, unpack_volume
from scow.engine.volumes.background import run_long
from scow.engine.volumes.claims import visitor
from scow.engine.volumes.model import DEFAULT_DRIVER, VolumeRecord
from scow.engine.volumes.names import ANONYMOUS_LABEL, check_name
from scow.engine.volumes.parts import VolumeParts
from scow.engine.volumes.snapshot_folders import export_folder
from scow.engine.volumes.snapshots import Snapshots, split_reference
from scow.engine.volumes.still_data import StillData
from scow.errors import ConflictError, InvalidArgumentError, ScowError, UnsupportedError
from scow.image.inlet import Inlet, read_in_thread
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.linux.tree_copy import copy_path, make_durable
from scow.spec.engine_api.volume import Volume, VolumeClone
from scow.tasks import TaskOwner


class VolumeCopies:
    """``users_of`` gives the ids of the containers that mount a volume."""

    def __init__(
        self,
        volumes: VolumeParts,
        still: StillData,
        snapshots: Snapshots,
        events: EventBus,
        tasks: TaskOwner,
        users_of: Callable[[str], Iterable[str]],
    ) -> None:
        self._local = volumes.local
        self._records = volumes.records
        self._use = volumes.use
        self._show = volumes.nouns.view
        self._still = still
        self._snapshots = snapshots
        self._events = events
        self._tasks = tasks
        self._users_of = users_of

    async def clone(self, reference: str, body: VolumeClone) -> Volume:
        """A new local volume with the data of ``volume`` or ``volume@snapshot``, and its labels and size.

        Raises NotFoundError, ConflictError, InvalidArgumentError, ScowError.
        """
        name, snapshot = split_reference(reference)
        check_name(body.name)
        pause = body.pause and not snapshot
        async with AsyncExitStack() as keep, AsyncExitStack() as undo:
            async with self._still.of(name, pause=pause, new=body.name, keep=keep) as (source, place):
                self._check_free(body.name)
                if snapshot:
                    place = str(self._snapshots.folder(source, snapshot))
                record = self._clone_record(source, body)
                await self._begin(record, undo)
                target = await keep.enter_async_context(self._use.mounted_held(record))
                await run_long(copy_path, place, target)
            # The containers go on meanwhile.
            await run_long(make_durable, target)
            await self._complete(record, undo)
        return self._show(record)

    def _clone_record(self, source: VolumeRecord, body: VolumeClone) -> VolumeRecord:
        """Its own labels over those of the source, and the source's size."""
        labels = {**(source.labels or {}), **body.labels}
        labels.pop(ANONYMOUS_LABEL, None)
        size = (source.options or {}).get("size") if source.driver == DEFAULT_DRIVER else None
        return self._new_record(body.name, labels, {"size": size} if size else {})

    async def rename(self, name: str, new: str) -> None:
        """Give a volume that no container has another name.

        Raises NotFoundError, ConflictError, InvalidArgumentError, UnsupportedError, ScowError.
        """
        check_name(new)
        await self._use.settle(name)
        async with self._use.hold_all({name, new}):
            record = self._use.find(name)
            if record.driver != DEFAULT_DRIVER:
                raise UnsupportedError(f"volumes of driver {record.driver} cannot be renamed")
            if users := list(self._users_of(name)) or list(self._use.users(name)):
                raise ConflictError(f"rename {name}: volume is in use - [{', '.join(users)}]")
            self._check_free(new)
            labels = {key: value for key, value in (record.labels or {}).items() if key != ANONYMOUS_LABEL}
            renamed = msgspec.structs.replace(record, name=new, renamed_from=name, labels=labels or None)
            await self._records.replace(name, renamed)
            try:
                await run_to_end(os.rename, self._local.folder(name), self._local.folder(new))
            except OSError as exc:
                await self._records.replace(new, record)
                raise ScowError(f"rename {name}: {(exc.strerror or str(exc)).lower()}") from exc
            renamed.renamed_from = ""
            await self._records.store(renamed)
        attributes = {"driver": record.driver, "oldName": name}
        self._events.publish("volume", "rename", new, attributes)

    async def export(self, reference: str, *, pause: bool) -> OutgoingTar:
        """A tar of the data of ``volume`` or ``volume@snapshot``.

        While a container uses it, a copy is made for that moment and sent, unless ``pause`` is off. Raises
        NotFoundError, ScowError.
        """
        name, snapshot = split_reference(reference)
        tar = OutgoingTar(self._tasks)
        async with AsyncExitStack() as stack:
            user = visitor("export")
            busy = bool(list(self._use.users(name)))
            place = await self._use.mount(name, user)
            stack.push_async_callback(self._use.unmount, name, user)
            if snapshot:
                place = str(self._snapshots.folder(self._use.find(name), snapshot))
            elif pause and busy:
                place = await self._copied(name, user, stack)
            tar.start(pack_volume(place), stack.pop_all())
        return tar

    async def _copied(self, name: str, user: str, stack: AsyncExitStack) -> str:
        """Where a copy is that is removed with ``stack``, and by the next start if there is a kill."""
        async with self._still.of(name, pause=True) as (_, data):
            copy = export_folder(self._local.folder(name), user)
            stack.push_async_callback(run_to_end, remove_path, str(copy))
            await run_to_end(_make_folder, copy)
            await run_long(copy_path, data, str(copy))
        return str(copy)

    async def import_(
        self,
        name: str,
        chunks: AsyncIterable[bytes],
        labels: Mapping[str, str],
        options: Mapping[str, str],
    ) -> Volume:
        """A new local volume with what is in a tar, compressed or not.

        Raises ConflictError, InvalidArgumentError, ScowError.
        """
        if unknown := [key for key in options if key != "size"]:
            raise InvalidArgumentError(f'invalid option: "{unknown[0]}"')
        self._local.check(name, options)
        record = self._new_record(name, labels, options)
        async with self._use.hold(name), AsyncExitStack() as undo:
            self._check_free(name)
            await self._begin(record, undo)
            async with self._use.mounted_held(record) as target:
                await read_in_thread(Inlet(), chunks, self._tasks, unpack_volume, target)
                await run_long(make_durable, target)
            await self._complete(record, undo)
        return self._show(record)

    def _check_free(self, name: str) -> None:
        """Raises ConflictError for a name that a volume, or a folder that is not ours, has."""
        if name in self._records or self._local.folder(name).exists():
            raise ConflictError(f"create {name}: volume name must be unique")

    @staticmethod
    def _new_record(name: str, labels: Mapping[str, str], options: Mapping[str, str]) -> VolumeRecord:
        return VolumeRecord(
            name=name,
            created_at=rfc3339(time.time_ns() // 1_000_000_000 * 1_000_000_000),
            labels=dict(labels) or None,
            options=dict(options) or None,
            doomed=True,
        )

    async def _begin(self, record: VolumeRecord, undo: AsyncExitStack) -> None:
        await self._records.store(record)
        undo.push_async_callback(self._give_up, record)
        await self._local.create(record)

    async def _complete(self, record: VolumeRecord, undo: AsyncExitStack) -> None:
        """It is there, and ``undo`` has nothing to undo."""
        await self._records.store(msgspec.structs.replace(record, doomed=False))
        undo.pop_all()
        self._events.publish("volume", "create", record.name, {"driver": record.driver})

    async def _give_up(self, record: VolumeRecord) -> None:
        await self._local.remove(record)
        await self._records.forget(record.name)


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True)
