"""Results of other engines' caches: what is taken at its word, and what is not."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from scow.build.cache_transfer.documents import CacheMount, CacheRecord, record_of
from scow.build.cache_transfer.imported import Imported
from scow.build.cache_transfer.layers import BlobSource, LayerBlob
from scow.build.cache_transfer.mounts import MountFolders
from scow.build.graph.cache import Cache, Record
from scow.build.graph.job import LayersMissingError, Memo
from scow.build.graph.keys import Key, cache_key
from scow.build.graph.ops import MakeFolderOp
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.spec.digest import sha256_of
from scow.store import Change, Store

LOW, MIDDLE, TOP = (sha256_of(name) for name in (b"low", b"middle", b"top"))
SOURCE = cast(BlobSource, SimpleNamespace())
BLOBS = {
    MIDDLE: LayerBlob(sha256_of(b"m"), LOW, sha256_of(b"blob m"), 1, SOURCE),
    TOP: LayerBlob(sha256_of(b"t"), MIDDLE, sha256_of(b"blob t"), 1, SOURCE),
}


class Images:
    """Stands for the image store: which stacks are here."""

    def __init__(self, *here: str) -> None:
        self.here = set(here)
        self.kept: dict[str, str] = {}

    @property
    def roots(self) -> "Images":
        return self

    def has_stack(self, chain_id: str | None) -> bool:
        return chain_id is None or chain_id in self.here

    has = has_stack

    async def keep(self, name: str, chain_id: str, *changes: Change) -> None:
        self.kept[name] = chain_id


def imported(images: Images, folder: Path) -> Imported:
    return Imported(cast(ImageStore, images), folder)


def key_of(path: str, base: str | None = LOW, contents: tuple[str, ...] = ()) -> Key:
    return cache_key(MakeFolderOp(path), base, contents)


def entry(key: Key, chain_id: str = TOP, *, memo: Memo | None = None, layers: bool = True) -> CacheRecord:
    record = Record(
        key=key.digest, family=key.family, base=key.base, contents=key.contents, chain_id=chain_id,
        parent=None, description="WORKDIR", created_ns=1,
    )  # fmt: skip
    return record_of(record, [memo] if memo else [], 0 if layers else None, "")


def test_a_result_is_found_by_its_key(tmp_path: Path) -> None:
    found = imported(Images(LOW), tmp_path)
    found.add([entry(key_of("/a"))], BLOBS)
    record = found.find(key_of("/a"))
    assert record is not None
    assert record.chain_id == TOP
    assert found.find(key_of("/b")) is None


@pytest.mark.parametrize("lie", [{"base": MIDDLE}, {"family": "f" * 64}, {"key": "k" * 64}])
def test_a_result_of_another_step_or_stack_is_not_taken_whatever_its_digest_says(
    tmp_path: Path, lie: dict[str, str]
) -> None:
    key = key_of("/a")
    record = entry(key).scow
    assert record is not None
    found = imported(Images(LOW), tmp_path)
    lying = CacheRecord(digest=f"sha256:{key.digest}", scow=msgspec.structs.replace(record, **lie))
    found.add([lying], BLOBS)
    assert found.find(key) is None


def test_what_another_builder_wrote_has_no_result_for_this_one(tmp_path: Path) -> None:
    found = imported(Images(LOW), tmp_path)
    found.add([CacheRecord(digest=f"sha256:{key_of('/a').digest}")], BLOBS)
    assert found.find(key_of("/a")) is None


def test_of_two_caches_the_first_counts_unless_only_the_second_has_the_layers(tmp_path: Path) -> None:
    key = key_of("/a")
    found = imported(Images(LOW), tmp_path)
    found.add([entry(key, MIDDLE, layers=False)], {})
    found.add([entry(key, TOP)], BLOBS)
    found.add([entry(key, LOW)], {})
    record = found.find(key)
    assert record is not None
    assert record.chain_id == TOP


def test_when_layers_were_missed_only_what_is_whole_counts(tmp_path: Path) -> None:
    images = Images(LOW)
    whole, torn, based = key_of("/whole"), key_of("/torn"), key_of("/based")
    found = imported(images, tmp_path)
    found.add([entry(whole, TOP), entry(torn, sha256_of(b"gone")), entry(based, LOW)], BLOBS)
    assert found.find(torn) is not None  # its layers may never be needed
    found.only_whole()
    assert found.find(torn) is None
    assert found.find(whole) is not None
    assert found.find(based) is not None
    images.here.clear()  # the stack that all of it stands on
    assert found.find(whole) is None
    assert found.find(based) is None


def test_what_is_known_of_stacks_is_known_once(tmp_path: Path) -> None:
    found = imported(Images(), tmp_path)
    found.add([entry(key_of("/a"), memo=Memo("COPY of it", TOP, "first"))], {})
    found.add([entry(key_of("/b"), memo=Memo("COPY of it", TOP, "second"))], {})
    assert found.content_of("COPY of it") == "first"
    assert found.content_of("COPY of that") is None


def test_a_stack_that_is_nowhere_is_missed(tmp_path: Path) -> None:
    found = imported(Images(LOW), tmp_path)
    with pytest.raises(LayersMissingError):
        asyncio.run(found.bring(sha256_of(b"gone"), cast(Lease, Images(LOW))))


def test_what_was_used_and_came_is_this_engines_own_from_now_on(tmp_path: Path) -> None:
    images = Images(LOW, MIDDLE)
    used, unused, absent = key_of("/used"), key_of("/unused"), key_of("/absent")
    found = imported(images, tmp_path)
    here, elsewhere = Memo("of what is here", MIDDLE, "digest"), Memo("of what is not", TOP, "digest")
    entries = [entry(used, MIDDLE, memo=here), entry(unused, MIDDLE), entry(absent, TOP, memo=elsewhere)]
    found.add(entries, {})

    async def keep() -> Cache:
        cache = Cache(Store(tmp_path / "db"), cast(ImageStore, images))
        assert found.find(used)
        assert found.find(absent)
        await found.keep_used(cache, cast(Lease, images))
        return cache

    cache = asyncio.run(keep())
    assert [it.key for it in cache] == [used.digest]
    assert list(images.kept.values()) == [MIDDLE]
    assert cache.content_of("of what is here") == "digest"
    assert cache.content_of("of what is not") is None


def test_cache_mounts_come_from_the_first_cache_that_has_them(tmp_path: Path) -> None:
    class Folders:
        """Stands for the folders of cache mounts."""

        def __init__(self) -> None:
            self.filled: list[tuple[CacheMount, BlobSource]] = []

        async def fill(self, mount: CacheMount, source: BlobSource) -> None:
            self.filled.append((mount, source))

    first, second = (CacheMount(id="/root/.cache", blob=sha256_of(name), size=1) for name in (b"1", b"2"))
    found = imported(Images(), tmp_path)
    found.add_mounts([first], SOURCE)
    found.add_mounts([second], SOURCE)
    assert found.mounts_among(["/other", "/root/.cache"]) == ["/root/.cache"]
    folders = Folders()
    asyncio.run(found.fill_mount("/root/.cache", cast(MountFolders, folders)))
    assert folders.filled == [(first, SOURCE)]
