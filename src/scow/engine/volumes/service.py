"""What people and containers ask of volumes.

A volume is in use while a container that mounts it exists, running or not. Order, so that a kill between any
two steps leaves nothing that start-up does not finish or undo:

    create    the document, then the folder: a folder that is missing is made at start-up. What nobody named
              goes with its container, and its document with that one's: a folder of such a name without a
              document is removed
    remove    the document says that it is doomed, then the folder goes, then the document
    plugins   as for removal: doomed while it is being made
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from scow.engine.events import EventBus
from scow.engine.prune_filters import OneAtATime
from scow.engine.timestamps import rfc3339
from scow.engine.volumes.driver_table import Drivers
from scow.engine.volumes.drivers import KeptVolume, VolumeDriver
from scow.engine.volumes.filters import list_filter, prunes_named
from scow.engine.volumes.model import DEFAULT_DRIVER, VolumeRecord
from scow.engine.volumes.names import ANONYMOUS_LABEL, is_generated, new_name
from scow.engine.volumes.registry import VolumeRecords
from scow.engine.volumes.use import VolumeUse
from scow.engine.volumes.views import volume_view
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.image.threads import run_to_end
from scow.image.trees import tree_bytes
from scow.spec.engine_api.volume import Volume, VolumeCreate, VolumeList, VolumePrune, VolumeUsage
from scow.spec.filters import Filters
from scow.store import Change, Put
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
_NOT_UNIQUE = "volume name must be unique"


class Volumes:
    """All volumes. ``users_of`` gives the ids of the containers that mount a volume."""

    def __init__(
        self,
        records: VolumeRecords,
        drivers: Drivers,
        use: VolumeUse,
        events: EventBus,
        users_of: Callable[[str], Iterable[str]],
    ) -> None:
        self._records = records
        self._drivers = drivers
        self.use = use
        self._events = events
        self._users_of = users_of
        self._pruning = OneAtATime()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def driver_names(self) -> list[str]:
        """Of the drivers that are known so far."""
        return self._drivers.known()

    async def create(self, body: VolumeCreate, *, stored: bool = True) -> Volume:
        """Make a volume, or return the one of that name.

        Not ``stored``: its document is to be in a transaction of the caller's, see ``additions``. Raises
        InvalidArgumentError, NotFoundError, ConflictError, ScowError.
        """
        name = body.name or new_name()
        labels = dict(body.labels)
        if not body.name:
            labels.setdefault(ANONYMOUS_LABEL, "")
        found = self._records.get(name)
        if found is not None and found.driver == DEFAULT_DRIVER and body.driver in ("", DEFAULT_DRIVER):
            return self.view(found)
        record = VolumeRecord(
            name=name, driver=body.driver, labels=labels or None, options=body.driver_opts or None
        )
        try:
            async with self.use.hold(name):
                record = await self._existing(name, body.driver) or await self._make(record, stored)
        except ScowError as exc:
            exc.message = f"create {name}: {exc.message}"
            raise
        return self.view(record)

    async def _existing(self, name: str, driver: str) -> VolumeRecord | None:
        """The volume of that name, if it still exists; also one that a plugin has unknown to us."""
        record = self._records.get(name)
        if record is None:
            return None if driver else await self._adopted(name)
        if driver and driver != record.driver:
            await self._drivers.get(driver)
            raise ConflictError(f"driver '{record.driver}' already has volume '{name}': {_NOT_UNIQUE}")
        if record.driver == DEFAULT_DRIVER or await (await self._drivers.get(record.driver)).find(name):
            return record
        if any(self._users_of(name)):
            raise ConflictError(
                f"found references to volume '{name}' in driver '{record.driver}' but the volume was not "
                "found in the driver -- you may need to remove containers referencing this volume or force "
                f"remove the volume to re-create it: {_NOT_UNIQUE}"
            )
        await self._records.forget(name)
        return None

    async def _adopted(self, name: str) -> VolumeRecord | None:
        plugins, _ = await self._drivers.plugins()
        for plugin in plugins:
            try:
                kept = await plugin.find(name)
            except ScowError as exc:
                _log.warning("volume %s: %s", name, exc)
                continue
            if kept is not None:
                record = VolumeRecord(name=name, driver=plugin.name)
                await self._records.store(record)
                return record
        return None

    async def _make(self, record: VolumeRecord, stored: bool) -> VolumeRecord:
        record.driver = record.driver or DEFAULT_DRIVER
        driver = await self._drivers.get(record.driver)
        driver.check(record.name, record.options or {})
        if record.driver == DEFAULT_DRIVER:
            await self._make_local(record, driver, stored)
        elif not await self._make_elsewhere(record, driver, stored):
            return record
        self._events.publish("volume", "create", record.name, {"driver": record.driver})
        return record

    async def _make_local(self, record: VolumeRecord, driver: VolumeDriver, stored: bool) -> None:
        record.created_at = rfc3339(time.time_ns() // 1_000_000_000 * 1_000_000_000)
        if stored:
            await self._records.store(record)
        try:
            await driver.create(record)
        except BaseException:
            if stored:
                await self._records.forget(record.name)
            raise
        self._records.show(record)

    async def _make_elsewhere(self, record: VolumeRecord, driver: VolumeDriver, stored: bool) -> bool:
        """Whether it is new: the plugin may have it already."""
        new = await driver.find(record.name) is None
        if new:
            record.doomed = True
            await self._records.store(record)
            try:
                await driver.create(record)
            except ScowError:
                await self._records.forget(record.name)
                raise
            record.doomed = False
        if stored:
            await self._records.store(record)
        else:
            self._records.show(record)
        return new

    async def inspect(self, name: str) -> Volume:
        """One volume. Raises NotFoundError, ScowError where its driver does not answer."""
        record = self._records.get(name) or await self._adopted(name)
        if record is None:
            raise NotFoundError(f"get {name}: no such volume")
        if record.driver == DEFAULT_DRIVER:
            return self.view(record)
        try:
            driver = await self._drivers.get(record.driver)
            kept = await driver.find(name)
        except ScowError as exc:
            exc.message = f"get {name}: {exc.message}"
            raise
        if kept is None:
            raise NotFoundError(f"get {name}: no such volume")
        return volume_view(record, kept, driver.scope)

    async def list(self, filters: Filters) -> VolumeList:
        """Volumes that pass ``filters``; what plugins have is asked of them."""
        passes = list_filter(filters, lambda name: any(self._users_of(name)))
        found = {record.name: self.view(record) for record in self._records if passes(record)}
        plugins, warnings = await self._drivers.plugins()
        problems = list(warnings)
        for plugin in plugins:
            try:
                kept = await plugin.list()
            except ScowError as exc:
                problems.append(f"list {plugin.name}: {exc.message}")
                continue
            self._merge(found, plugin, kept, passes)
        return VolumeList(volumes=[found[name] for name in sorted(found)], warnings=problems or None)

    def _merge(
        self,
        found: dict[str, Volume],
        plugin: VolumeDriver,
        kept: Sequence[KeptVolume],
        passes: Callable[[VolumeRecord], bool],
    ) -> None:
        """What a plugin has is shown as it says, and what it has no longer is not shown."""
        names = {volume.name for volume in kept}
        for name in [name for name, view in found.items() if view.driver == plugin.name]:
            if name not in names:
                del found[name]
        for volume in kept:
            record = self._records.get(volume.name) or VolumeRecord(name=volume.name, driver=plugin.name)
            if record.driver == plugin.name and passes(record):
                found[volume.name] = volume_view(record, volume, plugin.scope)

    def view(self, record: VolumeRecord) -> Volume:
        """A volume as the API shows it, without asking a plugin."""
        place = str(self._drivers.local.data(record.name)) if record.driver == DEFAULT_DRIVER else ""
        return volume_view(record, KeptVolume(record.name, place), "local")

    async def remove(self, name: str, force: bool) -> None:
        """Remove a volume that nobody mounts.

        ``force``: none of that name, snapshots, and a driver that is gone do not matter. Raises
        NotFoundError, ConflictError, ScowError.
        """
        if name not in self._records and await self._adopted(name) is None:
            if force:
                return
            raise NotFoundError(f"get {name}: no such volume")
        await self.use.settle(name)
        async with self.use.hold(name):
            record = self._records.get(name)
            if record is None:
                return  # somebody else was quicker
            if users := list(self._users_of(name)) or list(self.use.users(name)):
                raise ConflictError(f"remove {name}: volume is in use - [{', '.join(users)}]")
            if record.snapshots and not force:
                raise ConflictError(f"remove {name}: volume has snapshots - [{', '.join(record.snapshots)}]")
            await self._remove(record, force)

    async def _remove(self, record: VolumeRecord, force: bool) -> None:
        # Out of sight at once: who asks for one of that name from now on waits, and gets a new one.
        self._records.hide(record.name)
        record.doomed = True
        try:
            await self._records.store(record)
            await self._destroy(record)
        except ScowError as exc:
            if not force or record.driver == DEFAULT_DRIVER:
                record.doomed = False
                self._records.show(record)
                await self._records.store(record)
                exc.message = f"remove {record.name}: {exc.message}"
                raise
            _log.warning("volume %s is forgotten, though its driver says: %s", record.name, exc)
        await self._records.forget(record.name)
        self._events.publish("volume", "destroy", record.name, {"driver": record.driver})

    async def _destroy(self, record: VolumeRecord) -> None:
        driver = await self._drivers.get(record.driver)
        await driver.remove(record)

    def additions(self, names: Iterable[str]) -> Sequence[Put]:
        """What stores the documents of volumes, for a transaction."""
        return [self._records.put(record) for name in names if (record := self._records.get(name))]

    def unused_without(self, names: Iterable[str], container_id: str) -> Sequence[str]:
        """Those of ``names`` that no container but this one mounts."""
        return [name for name in names if set(self._users_of(name)) <= {container_id}]

    def deletions(self, names: Iterable[str]) -> Sequence[Change]:
        """What dooms volumes, for a transaction; ``discard`` each one after it."""
        found = [record for name in names if (record := self._records.get(name))]
        return [
            self._records.delete(record.name)
            if _is_found_by_name(record)
            else self._records.put(msgspec.structs.replace(record, doomed=True))
            for record in found
        ]

    async def discard(self, name: str) -> None:
        """Remove what is left of a volume that is doomed. Not an error if that is nothing. Never raises."""
        async with self.use.hold(name):
            record = self._records.get(name)
            if record is None:
                return
            self._records.hide(name)
            try:
                await self._destroy(record)
                if not _is_found_by_name(record):
                    await self._records.forget(name)
            except ScowError as exc:
                _log.warning("volume %s is not removed: %s", name, exc)
                return
        self._events.publish("volume", "destroy", name, {"driver": record.driver})

    async def finish_removals(self, doomed: Iterable[VolumeRecord]) -> None:
        """Start-up: what the last engine was making or removing."""
        for record in doomed:
            try:
                await self._destroy(record)
                await self._records.forget(record.name)
            except ScowError as exc:
                _log.warning("volume %s is not removed: %s", record.name, exc)

    async def with_usage(self) -> Sequence[Volume]:
        """Volumes in folders of ours, with their sizes and the number of containers that mount them."""
        found = []
        for record in list(self._records):
            if self.use.is_plain(record.name):
                view = self.view(record)
                size = await run_blocking(tree_bytes, view.mountpoint)
                view.usage_data = VolumeUsage(size=size, ref_count=len(list(self._users_of(record.name))))
                found.append(view)
        return found

    async def prune(self, filters: Filters) -> VolumePrune:
        """Remove unused anonymous volumes, with the filter ``all=1`` named ones too.

        What has options or snapshots stays. Raises InvalidArgumentError, ConflictError while another runs.
        """
        everything = prunes_named(filters)
        answer = VolumePrune()
        with self._pruning.run():
            for record in list(self._records):
                labels = record.labels or {}
                meant = (everything or ANONYMOUS_LABEL in labels) and filters.match_labels(labels)
                if not meant or not self.use.is_plain(record.name) or any(self._users_of(record.name)):
                    continue
                size = await run_to_end(tree_bytes, str(self._drivers.local.data(record.name)))
                try:
                    await self.remove(record.name, force=False)
                except (ConflictError, NotFoundError):
                    continue  # a container took it, or somebody else removed it, meanwhile
                answer.space_reclaimed += size
                answer.volumes_deleted.append(record.name)
        self._events.pruned("volume", answer.space_reclaimed)
        return answer


def _is_found_by_name(record: VolumeRecord) -> bool:
    """Whether start-up knows what is left of it for ours without a document."""
    return record.driver == DEFAULT_DRIVER and is_generated(record.name)
