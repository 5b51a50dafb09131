"""What a prune takes: filters, ages, limits, and the stock policies."""

from pathlib import Path

import pytest

from scow.build.frontend.cache_view import kept_bytes, to_prune
from scow.build.upkeep import stock_policies
from scow.spec.frontend_build import CACHE_MOUNT, CachePrune, CacheRecord


def record(name: str, size: int, used: int, kind: str = "regular", *, shared: bool = False) -> CacheRecord:
    return CacheRecord(
        id=name,
        kind=kind,
        description=name,
        size_bytes=size,
        parents=(),
        created_ns=used,
        last_used_ns=used,
        usage_count=1,
        in_use=False,
        shared=shared,
    )


RECORDS = [
    record("old", 10, 1),
    record("mount", 10, 2, CACHE_MOUNT),
    record("image", 10, 3, shared=True),
    record("new", 10, 9),
]


@pytest.mark.parametrize(
    ("prune", "gone"),
    [
        (CachePrune(), ["old", "mount", "new"]),
        (CachePrune(all=True), ["old", "mount", "image", "new"]),
        (CachePrune(keep_ns=5), ["old", "mount"]),
        (CachePrune(filters=("type==exec.cachemount",)), ["mount"]),
        (CachePrune(filters=("mutable",)), ["mount"]),
        (CachePrune(filters=("!mutable,private",)), ["old", "new"]),
        (CachePrune(max_used_bytes=25), ["old", "mount"]),
        (CachePrune(reserved_bytes=35), ["old"]),
        (CachePrune(max_used_bytes=5, reserved_bytes=35), ["old"]),
        (CachePrune(max_used_bytes=1, all=True), ["old", "mount", "image", "new"]),
        (CachePrune(min_free_bytes=115), ["old", "mount"]),
        (CachePrune(min_free_bytes=100), []),
        (CachePrune(max_used_bytes=40), []),
    ],
)
def test_the_longest_unused_goes_first(prune: CachePrune, gone: list[str]) -> None:
    assert [it.id for it in to_prune(RECORDS, prune, now_ns=10, free_bytes=100)] == gone


def test_room_is_made_down_to_what_is_reserved() -> None:
    assert kept_bytes(100, CachePrune(min_free_bytes=60, reserved_bytes=80), free_bytes=10) == 80
    assert kept_bytes(100, CachePrune(min_free_bytes=60, max_used_bytes=90), free_bytes=10) == 50
    assert kept_bytes(100, CachePrune(), free_bytes=0) == 0


def test_stock_policies_have_the_limits_that_are_set(tmp_path: Path) -> None:
    easy, aged, private, everything = stock_policies(tmp_path, 7, 0, 0)
    assert easy.filters
    assert aged.keep_ns > easy.keep_ns > 0
    assert (private.reserved_bytes, private.max_used_bytes, private.all) == (7, 0, False)
    assert (everything.reserved_bytes, everything.all) == (7, True)
    shares = stock_policies(tmp_path, 0, 0, 0)[2]
    assert 0 < shares.reserved_bytes < shares.min_free_bytes < shares.max_used_bytes
