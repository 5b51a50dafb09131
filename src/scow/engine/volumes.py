"""Local volumes: directories that outlive containers.

``<data root>/volumes/<name>/_data``, as Docker lays them out. A volume is in use while a container that
mounts it exists, running or not.
"""

import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from scow.engine.events import EventBus
from scow.engine.prune_filters import OneAtATime
from scow.engine.timestamps import rfc3339
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.image.trees import tree_bytes
from scow.spec.engine_api.volume import Volume, VolumeCreate, VolumeList, VolumePrune, VolumeUsage
from scow.spec.filters import Filters
from scow.store import Delete, Put, Store
from scow.tasks import run_blocking

KIND = "volume"
ANONYMOUS_LABEL = "com.docker.volume.anonymous"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class Volumes:
    """All volumes. ``users_of`` gives the ids of the containers that mount a volume."""

    def __init__(
        self, root: Path, store: Store, events: EventBus, users_of: Callable[[str], Iterable[str]]
    ) -> None:
        self._root = root
        self._store = store
        self._events = events
        self._users_of = users_of
        self._volumes: dict[str, Volume] = {}
        self._pruning = OneAtATime()

    def load(self) -> None:
        """Read all documents; once, at start-up."""
        self._root.mkdir(mode=0o701, parents=True, exist_ok=True)
        for name, body in self._store.load(KIND):
            self._volumes[name] = msgspec.json.decode(body, type=Volume)
        for folder in self._root.iterdir():
            # Left by a kill between a document and its folder; a name of anyone's own choice is not touched.
            if _ANONYMOUS.fullmatch(folder.name) and folder.name not in self._volumes:
                shutil.rmtree(folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._volumes)

    def mountpoint(self, name: str) -> Path:
        """Where the data of the volume ``name`` is, whether it exists or not."""
        return self._root / name / "_data"

    async def create(self, body: VolumeCreate, *, stored: bool = True) -> Volume:
        """Make a volume, or return the one of that name. Raises InvalidArgumentError, NotFoundError.

        Not ``stored``: its document is to be in a transaction of the caller's, see ``additions``.
        """
        if body.name and (found := self._volumes.get(body.name)):
            return found
        if body.driver not in ("", "local"):
            raise NotFoundError(
                f'create {body.name}: error looking up volume plugin {body.driver}: plugin "{body.driver}" '
                "not found"
            )
        if body.driver_opts:
            option = next(iter(body.driver_opts))
            raise InvalidArgumentError(f'create {body.name}: invalid option: "{option}"')
        labels = dict(body.labels)
        if not body.name:
            labels.setdefault(ANONYMOUS_LABEL, "")
        name = body.name or secrets.token_hex(32)
        if len(name) == 1:
            raise InvalidArgumentError(
                f"create {name}: volume name is too short, names should be at least two alphanumeric "
                "characters"
            )
        if not _NAME.fullmatch(name):
            raise InvalidArgumentError(
                f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use '
                "absolute path"
            )
        await run_blocking(self._make_directory, name)
        volume = Volume(
            created_at=rfc3339(time.time_ns() // 1_000_000_000 * 1_000_000_000),
            driver="local",
            labels=labels or None,
            mountpoint=str(self.mountpoint(name)),
            name=name,
            options=None,
        )
        if stored:
            await self._store.commit(Put(KIND, name, msgspec.json.encode(volume)))
        self._volumes[name] = volume
        self._events.publish("volume", "create", name, {"driver": "local"})
        return volume

    def _make_directory(self, name: str) -> None:
        data = self.mountpoint(name)
        try:
            data.parent.mkdir(mode=0o701, exist_ok=True)
            data.mkdir(mode=0o755, exist_ok=True)
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise ScowError(
                f"create {name}: error while creating volume root path '{data}': mkdir {data}: {reason}"
            ) from exc

    async def inspect(self, name: str) -> Volume:
        """One volume. Raises NotFoundError."""
        if name not in self._volumes:
            raise NotFoundError(f"get {name}: no such volume")
        return self._volumes[name]

    async def list(self, filters: Filters) -> VolumeList:
        """Volumes that pass ``filters`` (dangling, driver, label, name)."""
        filters.check("dangling", "driver", "label", "name")
        return VolumeList(volumes=[v for _, v in sorted(self._volumes.items()) if self._passes(v, filters)])

    def _passes(self, volume: Volume, filters: Filters) -> bool:
        if not filters.match_labels(volume.labels or {}):
            return False
        names, drivers = filters.get("name"), filters.get("driver")
        if names and not any(name in volume.name for name in names):
            return False
        if drivers and volume.driver not in drivers:
            return False
        if dangling := filters.get("dangling"):
            wanted = dangling[0].lower() in ("1", "true")
            return wanted != any(self._users_of(volume.name))
        return True

    async def remove(self, name: str, force: bool) -> None:
        """Remove a volume that nobody mounts. Raises NotFoundError (not with ``force``), ConflictError."""
        if name not in self._volumes:
            if force:
                return
            raise NotFoundError(f"get {name}: no such volume")
        if users := list(self._users_of(name)):
            raise ConflictError(f"remove {name}: volume is in use - [{', '.join(users)}]")
        await self._store.commit(*self.deletions([name]))
        await self.discard(name)

    def additions(self, names: Iterable[str]) -> Sequence[Put]:
        """What stores the documents of volumes, for a transaction."""
        return [Put(KIND, name, msgspec.json.encode(self._volumes[name])) for name in names]

    def unused_without(self, names: Iterable[str], container_id: str) -> Sequence[str]:
        """Those of ``names`` that no container but this one mounts."""
        return [name for name in names if set(self._users_of(name)) <= {container_id}]

    def deletions(self, names: Iterable[str]) -> Sequence[Delete]:
        """What takes the documents of volumes away, for a transaction; ``discard`` each one after it."""
        return [Delete(KIND, name) for name in names]

    async def discard(self, name: str) -> None:
        """Remove what is left of a volume whose document is gone. Not an error if that is nothing."""
        if self._volumes.pop(name, None) is None:
            return
        await run_blocking(shutil.rmtree, self._root / name, True)
        self._events.publish("volume", "destroy", name, {"driver": "local"})

    async def with_usage(self) -> Sequence[Volume]:
        """All volumes with their sizes and the number of containers that mount them."""
        found = []
        for name, volume in sorted(self._volumes.items()):
            size = await run_blocking(tree_bytes, str(self.mountpoint(name)))
            usage = VolumeUsage(size=size, ref_count=len(list(self._users_of(name))))
            found.append(msgspec.structs.replace(volume, usage_data=usage))
        return found

    async def prune(self, filters: Filters) -> VolumePrune:
        """Remove unused anonymous volumes, with the filter ``all=1`` named ones too.

        Raises InvalidArgumentError, ConflictError while another prune runs.
        """
        filters.check("all", "label", "label!")
        everything = _prunes_named(filters)
        answer = VolumePrune()
        with self._pruning.run():
            for volume in list(self._volumes.values()):
                labels = volume.labels or {}
                meant = everything or ANONYMOUS_LABEL in labels
                if not meant or not filters.match_labels(labels) or any(self._users_of(volume.name)):
                    continue
                size = await run_blocking(tree_bytes, volume.mountpoint)
                try:
                    await self.remove(volume.name, force=True)
                except ConflictError:
                    continue  # a container took it meanwhile
                answer.space_reclaimed += size
                answer.volumes_deleted.append(volume.name)
        self._events.pruned("volume", answer.space_reclaimed)
        return answer


def _prunes_named(filters: Filters) -> bool:
    values = filters.get("all")
    if len(values) > 1:
        raise InvalidArgumentError(f"invalid filter 'all=[{' '.join(values)}]': only one value is expected")
    try:
        return bool(values) and _BOOLEANS[values[0]]
    except KeyError:
        raise InvalidArgumentError(
            f"invalid filter 'all': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
        ) from None
