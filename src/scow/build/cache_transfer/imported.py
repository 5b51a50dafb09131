"""What came from other caches, as the solver asks for it.

Keys and stacks are known at once, layers are fetched when something needs them: a build whose last step is
in the cache fetches the layers of its result and no others.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from scow.build.cache_transfer.documents import CacheMount, CacheRecord
from scow.build.cache_transfer.layers import BlobSource, LayerBlob, bring_stack
from scow.build.cache_transfer.mounts import MountFolders
from scow.build.graph.cache import Cache, Record
from scow.build.graph.keys import Key
from scow.image.leases import Lease
from scow.image.store import ImageStore


class Imported:
    """See ``scow.build.graph.job.ImportedResults``. ``folder`` is for layers on their way."""

    def __init__(self, images: ImageStore, folder: Path) -> None:
        self._images = images
        self._folder = folder
        self._records: dict[str, CacheRecord] = {}
        self._blobs: dict[str, LayerBlob] = {}
        self._contents: dict[str, tuple[str | None, str]] = {}
        self._used: dict[str, Record] = {}
        self._mounts: dict[str, tuple[CacheMount, BlobSource]] = {}
        self._bringing = asyncio.Lock()
        self._only_whole = False

    def add(self, records: Iterable[CacheRecord], blobs: Mapping[str, LayerBlob]) -> None:
        """One cache more; ``blobs`` of its layers are by chain id. What came first stays."""
        self._blobs = {**blobs, **self._blobs}
        for record in records:
            known = self._records.get(record.digest)
            if known is None or (record.layers and not known.layers):
                self._records[record.digest] = record
            for memo in record.memos:
                self._contents.setdefault(memo.words, (memo.chain_id, memo.digest))

    def add_mounts(self, mounts: Iterable[CacheMount], source: BlobSource) -> None:
        """Cache mounts that came along; what came first stays."""
        for mount in mounts:
            self._mounts.setdefault(mount.id, (mount, source))

    def mounts_among(self, wanted: Iterable[str]) -> list[str]:
        """Ids of those that came along."""
        return [mount_id for mount_id in wanted if mount_id in self._mounts]

    async def fill_mount(self, mount_id: str, folders: MountFolders) -> None:
        """Bring one, unless it is here. Raises ScowError."""
        await folders.fill(*self._mounts[mount_id])

    def only_whole(self) -> None:
        """From now on only what has its layers counts."""
        self._only_whole = True
        self._used.clear()

    def find(self, key: Key) -> Record | None:
        """A record must be of this very step on this very stack, whatever its digest says."""
        found = self._records.get(f"sha256:{key.digest}")
        record = found.scow if found is not None else None
        if record is None or (record.key, record.family, record.base) != (key.digest, key.family, key.base):
            return None
        if self._only_whole and not self._is_whole(record.chain_id):
            return None
        self._used[record.key] = record
        return record

    def content_of(self, memo: str) -> str | None:
        known = self._contents.get(memo)
        return known[1] if known else None

    async def bring(self, chain_id: str | None, lease: Lease) -> None:
        async with self._bringing:
            await bring_stack(self._images, lease, self._folder, self._blobs, chain_id)

    async def keep_used(self, cache: Cache, lease: Lease) -> None:
        """What was used and has its layers here now is this engine's own result from now on."""
        for record in self._used.values():
            if lease.has(record.chain_id) and record.key not in cache:
                await cache.keep(record)
        for words, (chain_id, digest) in self._contents.items():
            if lease.has(chain_id) and cache.content_of(words) is None:
                cache.remember_content(words, chain_id, digest)

    def _is_whole(self, chain_id: str | None) -> bool:
        here = self._images.has_stack
        while not here(chain_id):
            blob = self._blobs.get(chain_id or "")
            if blob is None:
                return False
            chain_id = blob.parent
        return True
