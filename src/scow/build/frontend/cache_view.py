"""The build cache as its users see it: records, filters, and what a prune takes."""

import re
from collections.abc import Callable, Iterable, Sequence

from scow.build.graph.cache import Cache, Record
from scow.errors import InvalidArgumentError
from scow.image.store import ImageStore
from scow.spec.frontend_build import CachePrune, CacheRecord

_FILTER = re.compile(r"\s*([a-z.]+)\s*(==|!=|~=)\s*(.*)", re.DOTALL)
_FLAG = re.compile(r"\s*(!?)([a-z]+)\s*")
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
    "mutable": lambda it: False,
    "immutable": lambda it: True,
}
Test = Callable[[CacheRecord], bool]


def cache_records(cache: Cache, images: ImageStore, filters: Sequence[str] = ()) -> list[CacheRecord]:
    """What is in the cache and passes the filters, oldest first. Raises InvalidArgumentError."""
    wanted = parse_filters(filters)
    shared = {image.chain_id for image in images.all()}
    records = list(cache)
    keys = {record.chain_id: record.key for record in records if record.chain_id is not None}
    found = [_shown(record, keys, shared) for record in records]
    return sorted(filter(wanted, found), key=lambda it: it.created_ns)


def parse_filters(filters: Sequence[str]) -> Test:
    """Filters as BuildKit's clients write them, any of which is enough; each is of parts joined by commas.

    ``field==value``, ``field!=value``, ``field~=pattern``, ``flag``, ``!flag``. Raises InvalidArgumentError.
    """
    alternatives = [[_test(part) for part in text.split(",")] for text in filters if text]
    if not alternatives:
        return lambda _: True
    return lambda record: any(all(test(record) for test in tests) for tests in alternatives)


def _test(text: str) -> Test:
    if match := _FILTER.fullmatch(text):
        name, operator, value = match.groups()
        read = _FIELDS.get(name)
        if read is not None:
            return _comparison(read, operator, value.strip().strip('"'))
    elif match := _FLAG.fullmatch(text):
        negated, name = match.groups()
        flag = _FLAGS.get(name)
        if flag is not None:
            return (lambda record: not flag(record)) if negated else flag
    raise InvalidArgumentError(f"invalid filter {text!r}")


def _comparison(read: Callable[[CacheRecord], str], operator: str, value: str) -> Test:
    if operator == "~=":
        try:
            pattern = re.compile(value)
        except re.error as exc:
            raise InvalidArgumentError(f"invalid filter pattern {value!r}: {exc}") from exc
        return lambda record: pattern.search(read(record)) is not None
    equal = operator == "=="
    return lambda record: (read(record) == value) is equal


def to_prune(records: Iterable[CacheRecord], prune: CachePrune, now_ns: int) -> list[CacheRecord]:
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
    if not prune.keep_bytes:
        return candidates
    left = sum(it.size_bytes for it in everything)
    gone: list[CacheRecord] = []
    for record in candidates:
        if left <= prune.keep_bytes:
            break
        left -= record.size_bytes
        gone.append(record)
    return gone


async def prune_cache(cache: Cache, images: ImageStore, prune: CachePrune, now_ns: int) -> list[CacheRecord]:
    """Remove, and say what. Raises InvalidArgumentError."""
    gone = to_prune(cache_records(cache, images), prune, now_ns)
    keys = {it.id for it in gone}
    await cache.drop([record for record in cache if record.key in keys])
    return gone


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
