"""The layers of all images: which there are, and what uses them; how they come in is ``layer_intake``'s.

A layer is known by its chain id, so one stack is unpacked once however many images have it. A layer is
used by the layers on it, by images and containers whose top it is, and by arrivals in progress; one that
nothing uses is gone. Counts live in memory and are counted afresh at start-up from what is stored.

Records and counts are changed on the event loop only.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scow.errors import IntegrityError
from scow.image.model import LayerRecord
from scow.image.snapshots.base import SnapshotDriver
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.digest import sha256_of
from scow.store import Delete, Put

if TYPE_CHECKING:
    from scow.image.layer_stream import Unpacked


def new_snapshot_id() -> str:
    """A random id of 64 hex digits."""
    return secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class GoneLayer:
    """A layer that nothing uses any more: its record is out of memory, its directory still there."""

    chain_id: str
    snapshot: str
    size: int
    recorded: bool = True


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


class LayerStore:
    """See the module. ``kind`` is that of the layers' documents; ``recipes`` holds one of each tar."""

    def __init__(self, driver: SnapshotDriver, kind: str, recipes: Path) -> None:
        self._driver = driver
        self.recipes = recipes
        """A folder for each snapshot of a layer."""
        self._kind = kind
        self._records: dict[str, LayerRecord] = {}
        self._uses: Counter[str] = Counter()
        self._unrecorded: set[str] = set()
        self.moving: set[str] = set()
        """Snapshots that are being made or removed: on disk, and in no record."""

    def restore(self, records: Mapping[str, LayerRecord]) -> None:
        """Start-up: take over what is stored. Every record's parent is among them."""
        self._records = dict(records)
        self._uses.update(record.parent for record in records.values() if record.parent is not None)

    def remove_lost_recipes(self, snapshots: Container[str]) -> None:
        """Start-up: remove the recipes of layers that are not among ``snapshots``. Blocks."""
        self.recipes.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in self.lost_recipes(snapshots):
            remove_path(str(folder))

    def tar(self, chain_id: str) -> LayerTar:
        """The layer's tar as it came; hold the layer meanwhile.

        Raises ``KeyError`` if it is not there; reading it raises IntegrityError if it is not what it was.
        """
        from scow.image.recipe import tar_size

        record = self._records[chain_id]
        folder = str(self.recipes / record.snapshot)
        return LayerTar(record.diff_id, partial(tar_size, folder), partial(self._read_tar, record))

    def _read_tar(self, record: LayerRecord) -> Iterator[bytes]:
        from scow.image.recipe import rebuild

        digest = bulk_sha256()
        for piece in rebuild(str(self.recipes / record.snapshot), self._driver.layer_path(record.snapshot)):
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
        return [folder for folder in self.recipes.iterdir() if folder.name not in snapshots]

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
            gone.append(GoneLayer(chain_id, record.snapshot, record.size, chain_id not in self._unrecorded))
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

    def deletes(self, gone: Iterable[GoneLayer]) -> list[Delete]:
        """What takes the records of ``gone`` out of the store."""
        return [Delete(self._kind, layer.chain_id) for layer in gone if layer.recorded]

    def recorded(self, puts: list[Put]) -> None:
        """``puts`` are stored."""
        self._unrecorded.difference_update(put.key for put in puts)

    async def remove(self, gone: Iterable[GoneLayer]) -> None:
        """Delete the directories of layers whose records are no longer stored."""
        for layer in gone:
            await run_to_end(self._remove, layer.snapshot)
            self.moving.discard(layer.snapshot)

    def take_in(self, parent: str | None, snapshot: str, unpacked: "Unpacked") -> None:
        """A new layer with one hold on it, the caller's."""
        chain_id = chain_on(parent, unpacked.diff_id)
        self._records[chain_id] = LayerRecord(
            snapshot=snapshot, diff_id=unpacked.diff_id, size=unpacked.size, parent=parent
        )
        self._unrecorded.add(chain_id)
        self.moving.discard(snapshot)
        self.hold(parent)
        self.hold(chain_id)

    def abandon(self, snapshot: str) -> None:
        """Remove a snapshot that is no layer, staged or committed, and its recipe. Blocks."""
        self._driver.discard(snapshot)
        self._remove(snapshot)
        self.moving.discard(snapshot)

    def _remove(self, snapshot: str) -> None:
        self._driver.remove(snapshot)
        remove_path(str(self.recipes / snapshot))


def chain_on(parent: str | None, diff_id: str) -> str:
    """The chain id of ``diff_id`` on top of the stack ``parent``."""
    return sha256_of(f"{parent} {diff_id}".encode()) if parent else diff_id
