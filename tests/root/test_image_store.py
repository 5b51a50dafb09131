"""The image store as the engine uses it: arrivals, names, deletion, containers' file systems, restarts."""

import asyncio
import gzip
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
import zstandard

from scow.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    ScowError,
    UnsupportedError,
)
from scow.image.imported import ImportRequest
from scow.image.model import ImageUser, LayerProgress, Loaded, LoadEvent, Renamed
from scow.image.snapshots.overlay2 import Overlay2Driver
from scow.image.store import ImageStore
from scow.spec.digest import chain_ids
from scow.spec.reference import parse_reference
from scow.store import Store
from tests.support.archives import ArchiveImage, Layer, digest, docker_archive
from tests.support.disks import mounted_tmpfs

pytestmark = pytest.mark.root

DISK_SIZE = "512m"

T = TypeVar("T")
BOX, OTHER = "b" * 64, "c" * 64
# What the mount points of a container add to its image.
MOUNT_POINTS = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}


def with_store(disk: Path, work: Callable[[ImageStore], Awaitable[T]], driver: str | None = None) -> T:
    """One life of an engine: open, do, close."""

    async def life() -> T:
        store = Store(disk / "scow.db")
        try:
            return await work(await ImageStore.open(disk, store, driver))
        finally:
            await store.aclose()

    return asyncio.run(life())


async def in_chunks(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def load(images: ImageStore, data: bytes) -> list[LoadEvent]:
    return [event async for event in images.load(in_chunks(data))]


def a_layer(**files: str) -> bytes:
    layer = Layer()
    for name, text in files.items():
        layer.file(name, text)
    return layer.data()


BASE, UPPER = a_layer(a="base"), a_layer(b="upper")
IMAGE = ArchiveImage([BASE, UPPER], ["app:1"], {"Cmd": ["x"], "Env": ["A=b"]})
SIBLING = ArchiveImage([BASE, a_layer(c="sibling")], ["sibling:1"])


def left_on_disk(disk: Path) -> set[str]:
    """Everything but the database and the folders that are always there."""
    places = ("overlay2", "overlay2/l", "vfs/dir", "tmp")
    homes = [disk / place for place in places] + [disk / "image" / name for name in ("overlay2", "vfs")]
    found = {path for home in homes[:4] if home.exists() for path in home.iterdir()} - {
        disk / "overlay2" / "l"
    }
    for home in homes[4:]:
        for place in (home / "rootfs", home / "imagedb" / "content" / "sha256"):
            found.update(place.iterdir() if place.exists() else ())
    return {str(path.relative_to(disk)) for path in found}


def visible(root: Path) -> set[str]:
    files = (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
    return {str(path.relative_to(root)) for path in files} - MOUNT_POINTS


# ---- arrivals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_a_loaded_image_is_what_the_archive_said_also_after_a_restart(disk: Path, driver: str) -> None:
    async def first(images: ImageStore) -> None:
        events = await load(images, docker_archive([IMAGE]))
        assert events[-1] == Loaded(IMAGE.id, "app:1")
        assert images.driver_name == driver

    async def second(images: ImageStore) -> None:
        image = images.resolve("app:1")
        assert image.id == IMAGE.id
        assert image.config.cmd == ["x"]
        assert image.layers == (digest(BASE), digest(UPPER))
        assert image.chain_id == chain_ids(image.layers)[-1]
        assert image.layer_sizes == (4, 5)
        assert image.size == 9
        assert image.repo_tags == ("app:1",)
        assert (image.architecture, image.os, image.created) == ("amd64", "linux", IMAGE.created)
        assert len(image.history) == 2
        assert await images.raw_config(image.id) == IMAGE.config_bytes()
        assert images.problems == []

    with_store(disk, first, driver)
    with_store(disk, second, driver)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_compressed_archives_and_compressed_layers_load(disk: Path, pack: Callable[[bytes], bytes]) -> None:
    async def work(images: ImageStore) -> None:
        packed = ArchiveImage([BASE], ["packed:1"])
        whole = io.BytesIO()
        names = {"c.json": packed.config_bytes(), "layer": pack(BASE)}
        names["manifest.json"] = json.dumps(
            [{"Config": "c.json", "RepoTags": ["packed:1"], "Layers": ["layer"]}]
        ).encode()
        with tarfile.open(fileobj=whole, mode="w") as tar:
            for name, data in names.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        await load(images, pack(whole.getvalue()))
        assert images.resolve("packed:1").id == packed.id

    with_store(disk, work)


def test_a_layer_that_two_images_share_is_there_once(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE, SIBLING]))
        assert len(list((disk / "overlay2" / "l").iterdir())) == 3
        await images.delete("app:1")
        assert len(list((disk / "overlay2" / "l").iterdir())) == 2
        await images.rootfs.create(BOX, SIBLING.id)
        assert visible(await images.rootfs.mount(BOX)) == {"a", "c"}

    with_store(disk, work)


def test_loading_again_changes_nothing_and_moves_names(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        before = left_on_disk(disk)
        assert await load(images, docker_archive([IMAGE])) == [Loaded(IMAGE.id, "app:1")]
        assert left_on_disk(disk) == before
        newer = ArchiveImage([BASE], ["app:1"])
        events = await load(images, docker_archive([newer]))
        assert events[-2:] == [Renamed("app:1", IMAGE.id), Loaded(newer.id, "app:1")]
        assert images.get(IMAGE.id).repo_tags == ()
        nameless = ArchiveImage([UPPER], [])
        assert (await load(images, docker_archive([nameless])))[-1] == Loaded(nameless.id, None)

    with_store(disk, work)


def test_two_loads_of_one_image_at_once_share_the_work(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        data = docker_archive([IMAGE])
        await asyncio.gather(*(load(images, data) for _ in range(4)))
        assert len(list((disk / "overlay2" / "l").iterdir())) == 2
        await images.delete("app:1")
        assert left_on_disk(disk) == set()

    with_store(disk, work)


def broken() -> dict[str, bytes]:
    whole = docker_archive([IMAGE])
    wrong = {"rootfs": {"type": "layers", "diff_ids": [digest(BASE), "sha256:" + "0" * 64]}}
    hostile = Layer()
    hostile.file("../../../evil", "x")
    return {
        "cut": whole[:3000],
        "second layer is another": docker_archive([ArchiveImage([BASE, UPPER], ["app:1"], override=wrong)]),
        "hostile": docker_archive([ArchiveImage([BASE, hostile.data()], ["app:1"])]),
        "no tar": b"junk" * 1000,
        "nothing": b"",
        "damaged gzip": gzip.compress(whole)[:-50],
        "one good, one bad": docker_archive([SIBLING, ArchiveImage([b"no tar" * 100], ["app:1"])]),
    }


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
@pytest.mark.parametrize("kind", list(broken()))
def test_what_is_wrong_leaves_nothing(disk: Path, kind: str, driver: str) -> None:
    async def work(images: ImageStore) -> None:
        with pytest.raises((InvalidArgumentError, IntegrityError)):
            await load(images, broken()[kind])
        assert images.all() == []
        assert left_on_disk(disk) == set()
        await load(images, docker_archive([IMAGE]))

    with_store(disk, work, driver)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    async def work(images: ImageStore) -> None:
        big = Layer()
        big.file("big", os.urandom(5 << 20))
        with pytest.raises(ScowError, match="No space left on device"):
            await load(images, docker_archive([ArchiveImage([big.data()], ["big:1"])]))
        assert images.all() == []
        assert left_on_disk(tmp_path / "small") == set()

    with mounted_tmpfs(tmp_path / "small", "8m") as small:
        with_store(small, work)


def test_a_load_whose_client_goes_away_leaves_nothing(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        layer = Layer()
        for number in range(20_000):
            layer.file(f"f{number}", "x" * 3000)
        layer_bytes = layer.data()
        data = docker_archive([ArchiveImage([BASE, layer_bytes], ["big:1"])])
        async with aclosing(images.load(in_chunks(data))) as events:
            async for event in events:
                if isinstance(event, LayerProgress) and event.diff_id == digest(layer_bytes):
                    assert list(disk.glob("overlay2/*-staging"))
                    break
        assert left_on_disk(disk) == set()
        assert images.all() == []

    with_store(disk, work)


def test_imports_make_one_layer_and_take_changes(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        request = ImportRequest(parse_reference("tree:1"), ('CMD ["x"]', "ENV a=b"), "a message")
        image = await images.import_rootfs(in_chunks(gzip.compress(BASE)), request)
        assert images.resolve("tree:1") == image
        assert image.layers == (digest(BASE),)
        assert (image.config.cmd, image.config.env, image.comment) == (["x"], ["a=b"], "a message")
        assert image.os == "linux"
        again = await images.import_rootfs(in_chunks(BASE), ImportRequest())
        assert again.layers == image.layers
        assert len(list((disk / "overlay2" / "l").iterdir())) == 1
        for name in ("tree:1", again.id):
            await images.delete(name)
        assert left_on_disk(disk) == set()
        for data, changes in ((b"junk" * 500, ()), (BASE, ("RUN x",))):
            with pytest.raises(InvalidArgumentError):
                await images.import_rootfs(in_chunks(data), ImportRequest(changes=changes))
        assert left_on_disk(disk) == set()

    with_store(disk, work)


# ---- names and deletion ----------------------------------------------------------------------------------


def test_names_are_given_taken_and_kept_over_a_restart(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE, SIBLING]))
        await images.tag(IMAGE.id, parse_reference("other"))
        await images.tag(IMAGE.id, parse_reference("sibling:1"))
        await images.untag(parse_reference("app:1"))
        with pytest.raises(NotFoundError):
            await images.tag("sha256:" + "0" * 64, parse_reference("x"))

    async def second(images: ImageStore) -> None:
        assert images.get(IMAGE.id).repo_tags == ("other:latest", "sibling:1")
        assert images.get(IMAGE.id).last_tagged_ns > 0
        assert images.get(SIBLING.id).repo_tags == ()
        with pytest.raises(NotFoundError, match="No such image: app:1"):
            images.resolve("app:1")

    with_store(disk, first)
    with_store(disk, second)


def test_deletion_tells_each_step_and_takes_layers_along(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        await images.tag(IMAGE.id, parse_reference("second:1"))
        assert (await images.delete("app:1")).steps == (("untagged", "app:1"),)
        chain = chain_ids([digest(BASE), digest(UPPER)])
        assert (await images.delete("second:1")).steps == (
            ("untagged", "second:1"),
            ("deleted", IMAGE.id),
            ("deleted", chain[1]),
            ("deleted", chain[0]),
        )
        assert left_on_disk(disk) == set()
        with pytest.raises(NotFoundError):
            await images.delete("second:1")

    with_store(disk, work)
    with_store(disk, _nothing)


async def _nothing(images: ImageStore) -> None:
    assert images.all() == []
    assert images.problems == []


def test_layers_stay_while_a_container_needs_them(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        await images.rootfs.create(BOX, IMAGE.id)
        with pytest.raises(ConflictError):
            await images.delete("app:1", users=[ImageUser(BOX, IMAGE.id, running=False)])
        removed = await images.delete("app:1", users=[ImageUser(BOX, IMAGE.id, running=False)], force=True)
        assert removed.steps == (("untagged", "app:1"), ("deleted", IMAGE.id))

    async def second(images: ImageStore) -> None:
        assert images.problems == []
        assert visible(await images.rootfs.mount(BOX)) == {"a", "b"}
        await images.rootfs.remove(BOX)
        assert left_on_disk(disk) == set()

    with_store(disk, first)
    with_store(disk, second)


def with_parents(*images: ArchiveImage) -> bytes:
    """An archive as dockerd writes it of images built here: each says which one it was made from."""
    data = docker_archive(images)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=buffer, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == "manifest.json":
                items = json.loads(content)
                for item, parent in zip(items[1:], images, strict=False):
                    item["Parent"] = parent.id
                content = json.dumps(items).encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_parents_keep_their_links_and_go_with_their_last_child(disk: Path) -> None:
    base = ArchiveImage([BASE], [])
    child = ArchiveImage([BASE, UPPER], ["app:1"])

    async def first(images: ImageStore) -> None:
        await load(images, with_parents(base, child))

    async def second(images: ImageStore) -> None:
        assert images.resolve("app:1").parent == base.id
        assert images.children(base.id) == {child.id}
        with pytest.raises(ConflictError, match="image has dependent child images"):
            await images.delete(base.id, force=True)
        steps = (await images.delete("app:1")).steps
        assert [value for kind, value in steps if kind == "deleted"][:2] == [child.id, base.id]
        assert left_on_disk(disk) == set()

    with_store(disk, first)
    with_store(disk, second)


@pytest.mark.parametrize("finish", [True, False])
def test_nobody_waits_for_the_files_of_a_large_layer_to_go(
    disk: Path, monkeypatch: pytest.MonkeyPatch, finish: bool
) -> None:
    large = ArchiveImage([a_layer(big="x" * (17 << 20))], ["large:1"])
    may_go = threading.Event()
    remove = Overlay2Driver.remove

    def slow_remove(self: Overlay2Driver, snapshot: str) -> None:
        assert may_go.wait(120)
        remove(self, snapshot)

    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([large]))
        monkeypatch.setattr(Overlay2Driver, "remove", slow_remove)
        steps = (await images.delete("large:1")).steps
        assert [kind for kind, _ in steps] == ["untagged", "deleted", "deleted"]
        assert images.all() == []
        assert left_on_disk(disk)
        # Being removed is not left over.
        assert len([step async for step in images.check(repair=False)]) == 1
        # The same layer may come again meanwhile.
        await load(images, docker_archive([large]))
        may_go.set()
        monkeypatch.undo()
        if finish:
            await images.settle()
        else:
            await images.aclose()
        assert await images.save(images.to_save(["large:1"])).__anext__()

    async def second(images: ImageStore) -> None:
        await images.delete("large:1")
        await images.settle()
        assert left_on_disk(disk) == set()

    with_store(disk, first)
    with_store(disk, second)


def test_an_image_that_goes_and_comes_at_once_is_whole_or_not_there(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        for _ in range(20):
            await load(images, docker_archive([IMAGE]))
            await asyncio.gather(images.delete("app:1"), load(images, docker_archive([IMAGE])))
            for image in images.all():
                assert await images.raw_config(image.id) == IMAGE.config_bytes()
                await images.delete(image.id, force=True)
            assert left_on_disk(disk) == set()

    with_store(disk, work)


def test_a_deletion_and_a_container_that_begins_meanwhile_do_no_harm(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        for order in range(2):
            await load(images, docker_archive([IMAGE]))
            steps = [images.delete("app:1"), images.rootfs.create(BOX, IMAGE.id)]
            await asyncio.gather(*steps[:: 1 - 2 * order])
            assert visible(await images.rootfs.mount(BOX)) == {"a", "b"}
            await load(images, docker_archive([IMAGE]))
            await images.rootfs.remove(BOX)
            await images.rootfs.create(OTHER, IMAGE.id)
            assert visible(await images.rootfs.mount(OTHER)) == {"a", "b"}
            await images.rootfs.remove(OTHER)
            await images.delete("app:1")
            assert left_on_disk(disk) == set()

    with_store(disk, work)


# ---- containers' file systems ----------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_a_container_writes_to_its_own_file_system(disk: Path, driver: str) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        for key in (BOX, OTHER):
            await images.rootfs.create(key, IMAGE.id)
        root, other = await images.rootfs.mount(BOX), await images.rootfs.mount(OTHER)
        assert await images.rootfs.mount(BOX) == root
        (root / "a").write_text("changed")
        assert (other / "a").read_text() == "base"
        assert await images.rootfs.usage(BOX) == len("changed")
        assert await images.rootfs.usage(OTHER) == 0
        await images.rootfs.unmount(BOX)
        await images.rootfs.unmount(BOX)
        with pytest.raises(ConflictError):
            await images.rootfs.create(BOX, IMAGE.id)
        assert images.rootfs.known() == {BOX, OTHER}

    async def second(images: ImageStore) -> None:
        assert images.rootfs.known() == {BOX, OTHER}
        assert ((await images.rootfs.mount(BOX)) / "a").read_text() == "changed"
        assert ((await images.rootfs.mount(OTHER)) / "a").read_text() == "base"
        for key in (BOX, OTHER, OTHER):
            await images.rootfs.remove(key)
        assert images.rootfs.known() == set()
        await images.delete("app:1")
        assert left_on_disk(disk) == set()

    with_store(disk, first, driver)
    with_store(disk, second, driver)


def test_mount_points_are_there_and_count_as_no_change(disk: Path) -> None:
    layer = Layer()
    layer.file("etc/hostname", "from the image")
    layer.symlink("etc/resolv.conf", "../run/resolv.conf")
    layer.symlink("dev", "somewhere")
    layer.folder("etc/hosts")
    image = ArchiveImage([layer.data()], ["odd:1"])

    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([image]))
        await images.rootfs.create(BOX, image.id)
        root = await images.rootfs.mount(BOX)
        for name in ("etc/hostname", "etc/resolv.conf", "dev/console", ".dockerenv"):
            status = (root / name).lstat()
            assert stat.S_ISREG(status.st_mode), name
            assert status.st_size == 0, name
        for name in ("dev/pts", "dev/shm", "proc", "sys", "etc/hosts"):
            assert stat.S_ISDIR((root / name).lstat().st_mode), name
        assert os.readlink(root / "etc/mtab") == "/proc/mounts"
        assert await images.rootfs.usage(BOX) == 0
        assert list(Path(images.rootfs.graph_data(BOX)["UpperDir"]).iterdir()) == []

    with_store(disk, work)


def test_a_container_may_stand_on_nothing(disk: Path) -> None:
    empty = ArchiveImage([], ["empty:1"])

    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([empty]))
        assert images.resolve("empty:1").layers == ()
        assert images.graph_data(empty.id) == {}
        await images.rootfs.create(BOX, empty.id)
        await images.rootfs.create(OTHER, None)
        for key in (BOX, OTHER):
            root = await images.rootfs.mount(key)
            assert visible(root) == set()
            assert (root / "proc").is_dir()
            (root / "x").write_text("y")

    with_store(disk, work)
    with_store(disk, _mounts_again)


async def _mounts_again(images: ImageStore) -> None:
    for key in (BOX, OTHER):
        assert visible(await images.rootfs.mount(key)) == {"x"}


def test_graph_data_names_dockers_folders(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        await images.rootfs.create(BOX, IMAGE.id)
        await images.rootfs.mount(BOX)
        data = images.rootfs.graph_data(BOX)
        assert sorted(data) == ["LowerDir", "MergedDir", "UpperDir", "WorkDir"]
        assert (Path(data["MergedDir"]) / "a").exists()
        assert len(data["LowerDir"].split(":")) == 3  # two layers, and the mount points
        image = images.graph_data(IMAGE.id)
        assert image["UpperDir"] in data["LowerDir"].split(":")
        with pytest.raises(NotFoundError):
            images.graph_data("d" * 64)

    with_store(disk, work)


def test_a_file_system_that_cannot_be_made_leaves_nothing(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))
        await images.rootfs.create(OTHER, IMAGE.id)
        before = left_on_disk(disk)
        (disk / "overlay2" / f"{BOX}-staging").write_text("in the way")
        with pytest.raises(OSError, match="File exists"):
            await images.rootfs.create(BOX, IMAGE.id)
        assert images.rootfs.known() == {OTHER}
        assert left_on_disk(disk) == before
        with pytest.raises(NotFoundError):
            await images.rootfs.create(BOX, "sha256:" + "0" * 64)
        with pytest.raises(NotFoundError):
            await images.rootfs.mount(BOX)

    with_store(disk, work)


# ---- restarts --------------------------------------------------------------------------------------------


def test_what_nobody_recorded_is_removed_at_the_start(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))

    async def second(images: ImageStore) -> None:
        assert len(images.problems) == 2
        assert left_on_disk(disk) == before

    with_store(disk, first)
    before = left_on_disk(disk)
    for name in ("d" * 64 + "-staging", "e" * 64):
        (disk / "overlay2" / name / "diff").mkdir(parents=True)
        (disk / "overlay2" / name / "diff" / "file").write_text("x")
    (disk / "image/overlay2/imagedb/content/sha256" / ("f" * 64)).write_text("{}")
    with_store(disk, second)


@pytest.mark.parametrize("loss", ["bottom layer", "top layer", "config", "damaged config"])
def test_what_was_lost_is_reported_and_healed_by_loading_again(disk: Path, loss: str) -> None:
    lost: list[Path] = []

    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE, SIBLING]))
        folders = images.graph_data(IMAGE.id)
        lost.extend(
            {
                "bottom layer": [Path(folders["LowerDir"]).parent],
                "top layer": [Path(folders["UpperDir"]).parent],
            }.get(loss, [disk / "image/overlay2/imagedb/content/sha256" / IMAGE.id[7:]])
        )

    async def second(images: ImageStore) -> None:
        assert images.problems
        with pytest.raises(NotFoundError):
            images.resolve("app:1")
        assert (loss == "bottom layer") == (SIBLING.id not in {image.id for image in images.all()})
        await load(images, docker_archive([IMAGE, SIBLING]))
        await images.rootfs.create(BOX, IMAGE.id)
        assert visible(await images.rootfs.mount(BOX)) == {"a", "b"}

    async def third(images: ImageStore) -> None:
        assert images.resolve("app:1").id == IMAGE.id
        assert not [problem for problem in images.problems if "left-over" not in problem]

    with_store(disk, first)
    for path in lost:
        if loss == "damaged config":
            path.write_text(path.read_text().replace("amd64", "arm64"))
        elif path.is_dir():
            path.rename(disk / "taken-away")
        else:
            path.unlink()
    with_store(disk, second)
    with_store(disk, third)


def test_the_other_driver_begins_empty_and_the_way_back_finds_all(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, docker_archive([IMAGE]))

    async def other(images: ImageStore) -> None:
        assert images.all() == []
        await load(images, docker_archive([SIBLING]))

    async def back(images: ImageStore) -> None:
        assert [image.id for image in images.all()] == [IMAGE.id]

    with_store(disk, first, "overlay2")
    with_store(disk, other, "vfs")
    with_store(disk, back, "overlay2")
    with_store(disk, back, None)


def test_a_driver_that_is_refused_touches_nothing(disk: Path) -> None:
    async def work(images: ImageStore) -> Any:
        raise AssertionError("opened")

    with pytest.raises(UnsupportedError):
        with_store(disk, work, "zfs")
    assert not (disk / "image").exists()
