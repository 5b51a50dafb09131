"""The build cache as its users see it: records, filters, and what a prune takes."""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from scow.build.execute.cache_mounts import CacheMount, CacheMounts
from scow.build.graph.cache import Cache, Record
from scow.build.record_filters import test_of
from scow.build.trees.kept_archives import KeptArchive, KeptArchives
from scow.image.store import ImageStore
from scow.spec.frontend_build import CACHE_MOUNT, LOCAL_SOURCE, CachePrune, CacheRecord

_FIELDS: dict[str, Callable[[CacheRecord], str]] = {
    "id": lambda it: it.id,
    "type": lambda it: it.kind,
    "description": lambda it: it.description,
    "parent": lambda it: ",".join(it.parents),
    "parents": lambda it: ",".join(it.parents),
}
_FLAGS: dict[str, Callable[[CacheRecord], bool]] = {
    "inuse": lambda it: it.in_use,
    "shared": lambda it: it.shared,
    "private": lambda it: not it.shared,
    "mutable": lambda it: it.mutable,
    "immutable": lambda it: not it.mutable,
}
Test = Callable[[CacheRecord], bool]


class CacheView:
    """What is in the cache, results, cache mounts and contexts, for all who ask."""

    def __init__(
        self, cache: Cache, mounts: CacheMounts, archives: KeptArchives, images: ImageStore, folder: Path
    ) -> None:
        """``folder`` is on the disk whose room counts."""
        self._archives = archives
        self._folder = folder
        self._cache = cache
        self._mounts = mounts
        self._images = images

    async def records(self, filters: Sequence[str] = ()) -> list[CacheRecord]:
        """Those that pass the filters, oldest first. Raises InvalidArgumentError."""
        wanted = parse_filters(filters)
        await self._cache.load()
        shared = {image.chain_id for image in self._images.all()}
        records = list(self._cache)
        keys = {it.chain_id: it.key for it in records if it.chain_id is not None and not it.empty}
        found = [_shown(record, keys, shared) for record in records]
        found += [_shown_mount(mount) for mount in await self._mounts.all()]
        found += [_shown_archive(archive) for archive in await self._archives.all()]
        return sorted(filter(wanted, found), key=lambda it: it.created_ns)

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        """Remove, and say what. Raises InvalidArgumentError."""
        free_bytes = shutil.disk_usage(self._folder).free
        gone = to_prune(await self.records(), prune, time.time_ns(), free_bytes)
        keys = {it.id for it in gone}
        await self._mounts.remove([it.id for it in gone if it.kind == CACHE_MOUNT])
        await self._archives.remove([it.id for it in gone if it.kind == LOCAL_SOURCE])
        await self._cache.drop([record for record in self._cache if record.key in keys])
        return gone


def parse_filters(filters: Sequence[str]) -> Test:
    """Filters as BuildKit's clients write them, any of which is enough; each is of parts joined by commas.

    ``field==value``, ``field!=value``, ``field~=pattern``, ``flag``, ``!flag``. Raises InvalidArgumentError.
    """
    alternatives = [[test_of(it, _FIELDS, _FLAGS) for it in text.split(",")] for text in filters if text]
    if not alternatives:
        return lambda _: True
    return lambda record: any(all(test(record) for test in tests) for tests in alternatives)


def to_prune(
    records: Iterable[CacheRecord], prune: CachePrune, now_ns: int, free_bytes: int
) -> list[CacheRecord]:
    """What goes: the longest unused first. Raises InvalidArgumentError."""
    wanted = parse_filters(prune.filters)
    everything = list(records)
    candidates = [
        it
        for it in everything
        if not it.in_use
        and (prune.all or not it.shared)
        and wanted(it)
        and not (prune.keep_ns and (it.last_used_ns or it.created_ns) > now_ns - prune.keep_ns)
    ]
    candidates.sort(key=lambda it: (it.last_used_ns or it.created_ns, it.usage_count))
    left = sum(it.size_bytes for it in everything)
    keep_bytes = kept_bytes(left, prune, free_bytes)
    if not keep_bytes:
        return candidates
    gone: list[CacheRecord] = []
    for record in candidates:
        if left <= keep_bytes:
            break
        left -= record.size_bytes
        gone.append(record)
    return gone


def kept_bytes(total_bytes: int, prune: CachePrune, free_bytes: int) -> int:
    """How large the cache may stay, 0 where no limit is set (BuildKit, calculateKeepBytes)."""
    keep_bytes = prune.max_used_bytes
    missing = prune.min_free_bytes - free_bytes
    if missing > 0:
        keep_bytes = min(keep_bytes or total_bytes, total_bytes - missing)
    elif prune.min_free_bytes and not prune.max_used_bytes:
        keep_bytes = max(total_bytes, 1)  # there is room enough: all of it stays
    return max(keep_bytes, prune.reserved_bytes)


def _shown(record: Record, keys: dict[str, str], shared: set[str | None]) -> CacheRecord:
    parent = keys.get(record.parent) if record.parent else None
    return CacheRecord(
        id=record.key,
        kind="regular",
        description=record.description,
        size_bytes=record.size,
        parents=(parent,) if parent else (),
        created_ns=record.created_ns,
        last_used_ns=record.last_used_ns or None,
        usage_count=record.usage_count,
        in_use=False,
        shared=record.chain_id in shared,
    )


def _shown_mount(mount: CacheMount) -> CacheRecord:
    return CacheRecord(
        id=mount.name,
        kind=CACHE_MOUNT,
        description=mount.description,
        size_bytes=mount.size_bytes,
        parents=(),
        created_ns=mount.created_ns,
        last_used_ns=mount.last_used_ns,
        usage_count=mount.usage_count,
        in_use=mount.in_use,
        shared=False,
    )


def _shown_archive(archive: KeptArchive) -> CacheRecord:
    return CacheRecord(
        id=archive.name,
        kind=LOCAL_SOURCE,
        description="local source for context",
        size_bytes=archive.size_bytes,
        parents=(),
        created_ns=archive.created_ns,
        last_used_ns=archive.last_used_ns,
        usage_count=0,
        in_use=False,
        shared=False,
    )
