"""The build cache as Docker's API tells of it and prunes it."""

import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from scow.engine.timestamps import parse_past, rfc3339
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.build import BuildCacheRecord
from scow.spec.filters import Filters
from scow.spec.frontend_build import CachePrune, CacheRecord

_FIELDS = ("id", "type", "description", "parents")
_FLAGS = ("inuse", "shared", "private", "mutable", "immutable")
# A prune of everything gives its labels to every kind; results of builds have none, and Docker does not mind.
_IGNORED = ("label", "label!")
FILTERS = ("until", "unused-for", *_FIELDS, *_FLAGS, *_IGNORED)


class BuildCaches(Protocol):
    """Whoever keeps results of builds."""

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]: ...

    async def prune(self, prune: CachePrune) -> list[CacheRecord]: ...


def shown_records(records: Iterable[CacheRecord]) -> list[BuildCacheRecord]:
    """As ``GET /system/df`` has them."""
    return [
        BuildCacheRecord(
            id=it.id,
            parents=list(it.parents) or None,
            type=it.kind,
            description=it.description,
            in_use=it.in_use,
            shared=it.shared,
            size=it.size_bytes,
            created_at=rfc3339(it.created_ns),
            last_used_at=rfc3339(it.last_used_ns) if it.last_used_ns else None,
            usage_count=it.usage_count,
        )
        for it in records
    ]


def read_prune(filters: Filters, limits: Mapping[str, int], *, everything: bool) -> CachePrune:
    """What ``POST /build/prune`` asks for. Raises InvalidArgumentError."""
    filters.check(*FILTERS)
    now_ns = time.time_ns()
    ages = [now_ns - parse_past(text, now_ns) for key in ("until", "unused-for") for text in filters.get(key)]
    if len(ages) > 1:
        raise InvalidArgumentError("more than one until filter specified")
    tests = [f"{key}~={value}" for key in _FIELDS for value in filters.get(key)]
    tests += [key for key in _FLAGS if key in filters]
    return CachePrune(
        all=everything,
        filters=(",".join(tests),) if tests else (),
        keep_ns=max(0, ages[0]) if ages else 0,
        reserved_bytes=limits.get("reserved-space", 0) or limits.get("keep-storage", 0),
        max_used_bytes=limits.get("max-used-space", 0),
        min_free_bytes=limits.get("min-free-space", 0),
    )
