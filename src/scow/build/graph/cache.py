"""Results that are kept: over builds and restarts, until somebody prunes them.

    documents "build"            key digest → Record
    documents "build content"    what was asked of a stack → the stack, and what its files digest to
    roots of the image store     "build/<key digest>" → chain id of the result, which is kept by it;
                                 "build/<key digest>/<number>" of each further one

A record and its root are stored in one transaction, some time after the step: whoever waits for a build to
end waits for that, nobody else does. A kill before it costs the step's result, which is then made again.
"""

import time
from collections.abc import Collection, Iterator

import msgspec

from scow.build.graph.keys import Key
from scow.image.store import ImageStore
from scow.store import Delete, Put, Store

_KIND = "build"
_CONTENT_KIND = "build content"
_ROOT = "build/"


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One result. Times are nanoseconds since the epoch; ``size`` is bytes of the layer that it added.

    ``chain_id`` is ``None`` for an empty file system. ``empty``: the step changed nothing. ``others`` are the
    stacks of a program's further results.
    """

    key: str
    family: str
    base: str
    contents: tuple[str, ...]
    chain_id: str | None
    parent: str | None
    description: str
    created_ns: int
    empty: bool = False
    size: int = 0
    last_used_ns: int = 0
    usage_count: int = 0
    others: tuple[str | None, ...] = ()

    def roots(self) -> dict[str, str]:
        """The stacks that it keeps, by the names of their roots."""
        names = [_ROOT + self.key, *(f"{_ROOT}{self.key}/{number}" for number in range(len(self.others)))]
        stacks = (self.chain_id, *self.others)
        return {name: stack for name, stack in zip(names, stacks, strict=True) if stack is not None}


class Cache:
    """All results. State is changed on the event loop only."""

    def __init__(self, store: Store, images: ImageStore) -> None:
        self._store = store
        self._images = images
        self._records: dict[str, Record] = {}
        self._families: dict[str, str] = {}
        self._touched: set[str] = set()
        self._contents: dict[str, tuple[str | None, str]] = {}
        self._new_contents: list[str] = []
        self._loaded = False

    async def load(self) -> None:
        """Before anything else: take over what is stored and still has its layers. May be called twice."""
        if self._loaded:
            return
        self._loaded = True
        roots = self._images.roots.all()
        lost = []
        for key, body in self._store.load(_KIND):
            record = msgspec.json.decode(body, type=Record)
            if record.roots().items() <= roots.items():
                self._take(record)
            else:
                lost.append(Delete(_KIND, key))
        stacks = {record.chain_id for record in self._records.values()}
        for memo, body in self._store.load(_CONTENT_KIND):
            known = msgspec.json.decode(body, type=tuple[str | None, str])
            if known[0] in stacks:
                self._contents[memo] = known
            else:
                lost.append(Delete(_CONTENT_KIND, memo))
        # Found before anybody waits: from then on builds keep results.
        kept = {name for record in self._records.values() for name in record.roots()}
        orphans = [name for name in roots if name.startswith(_ROOT) and name not in kept]
        if lost:
            await self._store.commit(*lost)
        if orphans:
            await self._images.roots.drop(orphans)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def find(self, key: Key) -> Record | None:
        """The result with this key, as long as its layers are here; it counts as used."""
        record = self._records.get(key.digest)
        if record is not None and not self._images.has_stack(record.chain_id):
            return None  # a prune has met one that was made again at that moment
        if record is not None:
            record.last_used_ns = time.time_ns()
            record.usage_count += 1
            self._touched.add(record.key)
        return record

    def why_missed(self, key: Key) -> str:
        """What is not as it was when the same words were last run."""
        before = self._records.get(self._families.get(key.family, ""))
        if before is None:
            return "it was never done before"
        if before.base != key.base:
            return "what it stands on changed"
        return "the files that it uses changed" if before.contents != key.contents else "its result is gone"

    def content_of(self, memo: str) -> str | None:
        """The digest that was remembered for these words about a stack."""
        found = self._contents.get(memo)
        return found[1] if found else None

    def remember_content(self, memo: str, chain_id: str | None, digest: str) -> None:
        """What patterns amount to in stack ``chain_id`` never changes; stored with the next ``settle``."""
        self._contents[memo] = (chain_id, digest)
        self._new_contents.append(memo)

    async def keep(self, record: Record) -> None:
        """Keep a result whose layers the caller holds. Raises NotFoundError, ``sqlite3.Error``."""
        put = Put(_KIND, record.key, msgspec.json.encode(record))
        stacks = list(record.roots().items())
        for name, stack in stacks[1:]:
            await self._images.roots.keep(name, stack)
        if stacks:
            await self._images.roots.keep(*stacks[0], put)
        else:
            await self._store.commit(put)
        self._take(record)

    async def settle(self) -> None:
        """Store what is known of uses since the last time."""
        touched = [self._records[key] for key in self._touched if key in self._records]
        contents = [(memo, self._contents[memo]) for memo in self._new_contents if memo in self._contents]
        self._touched.clear()
        self._new_contents.clear()
        changes = [Put(_KIND, it.key, msgspec.json.encode(it)) for it in touched]
        changes += [Put(_CONTENT_KIND, memo, msgspec.json.encode(known)) for memo, known in contents]
        if changes:
            await self._store.commit(*changes)

    async def drop(self, records: Collection[Record]) -> None:
        """Forget results; layers that nothing else uses go with them."""
        for record in records:
            self._records.pop(record.key, None)
            if self._families.get(record.family) == record.key:
                del self._families[record.family]
        stacks = {record.chain_id for record in self._records.values()}
        unknown = [memo for memo, (chain_id, _) in self._contents.items() if chain_id not in stacks]
        for memo in unknown:
            del self._contents[memo]
        await self._images.roots.drop(
            [name for it in records for name in it.roots()],
            *(Delete(_KIND, it.key) for it in records),
            *(Delete(_CONTENT_KIND, memo) for memo in unknown),
        )

    def _take(self, record: Record) -> None:
        self._records[record.key] = record
        self._families[record.family] = record.key
