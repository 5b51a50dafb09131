"""The documents of all volumes, in memory and in the store."""

import sqlite3
from collections.abc import Iterator

import msgspec

from scow.engine.volumes.model import VolumeRecord
from scow.errors import ScowError
from scow.store import Change, Delete, Put, Store

KIND = "volume"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(VolumeRecord).decode


class VolumeRecords:
    """Volumes by name. What is ``doomed`` has a document and is not among them.

    Whatever stores raises ScowError when that fails.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, VolumeRecord] = {}

    def load(self) -> list[VolumeRecord]:
        """Read all documents, once, at start-up; returns those of doomed volumes."""
        doomed = []
        for _, body in self._store.load(KIND):
            record = _decode(body)
            if record.doomed:
                doomed.append(record)
            else:
                self._by_name[record.name] = record
        return doomed

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[VolumeRecord]:
        """By name."""
        return iter([record for _, record in sorted(self._by_name.items())])

    def get(self, name: str) -> VolumeRecord | None:
        """The volume of that name, if there is one."""
        return self._by_name.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def show(self, record: VolumeRecord) -> None:
        """Have it among the volumes; its document is stored by somebody else."""
        self._by_name[record.name] = record

    def hide(self, name: str) -> bool:
        """Have it among the volumes no longer; whether it was."""
        return self._by_name.pop(name, None) is not None

    @staticmethod
    def put(record: VolumeRecord) -> Put:
        """What stores a document, for a transaction."""
        return Put(KIND, record.name, _encode(record))

    @staticmethod
    def delete(name: str) -> Delete:
        """What takes a document away, for a transaction."""
        return Delete(KIND, name)

    async def store(self, record: VolumeRecord) -> None:
        """Store its document, and have it among the volumes unless it is doomed."""
        await self._commit(self.put(record))
        if record.doomed:
            self._by_name.pop(record.name, None)
        else:
            self._by_name[record.name] = record

    async def forget(self, name: str) -> None:
        """Take its document away."""
        await self._commit(self.delete(name))
        self._by_name.pop(name, None)

    async def replace(self, old: str, new: VolumeRecord) -> None:
        """Store ``new`` instead of ``old``, in one transaction."""
        await self._commit(self.delete(old), self.put(new))
        self._by_name.pop(old, None)
        self._by_name[new.name] = new

    async def _commit(self, *changes: Change) -> None:
        try:
            await self._store.commit(*changes)
        except sqlite3.Error as exc:
            raise ScowError(f"volume {changes[-1].key} could not be stored: {exc}") from exc
