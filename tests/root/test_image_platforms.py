"""Images of several platforms in the store: one id, one set of names, every variant to be had."""

import io
import json
import tarfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from scow.errors import ConflictError, IntegrityError, InvalidArgumentError, NotFoundError
from scow.image.model import Image, ImageUser, Loaded
from scow.image.store import ImageStore
from scow.spec.platform import Platform
from scow.spec.reference import parse_reference
from tests.root.test_image_store import left_on_disk, with_store
from tests.support.archives import ArchiveImage, Layer, docker_archive, layout_of_platforms

pytestmark = pytest.mark.root

DISK_SIZE = "128m"

BOX = "b" * 64
ARM, AMD, S390 = (Platform("linux", name) for name in ("arm64", "amd64", "s390x"))


def a_layer(name: str) -> bytes:
    layer = Layer()
    layer.file(name, name)
    return layer.data()


SHARED = a_layer("shared")
MINE = ArchiveImage([SHARED, a_layer("amd64")], ["app:1"], {"Cmd": ["mine"]})
OTHER = ArchiveImage([SHARED, a_layer("arm64")], ["app:1"], override={"architecture": "arm64"})
ARCHIVE = layout_of_platforms({"arm64": OTHER, "amd64": MINE}, "docker.io/library/app:1")


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def load(images: ImageStore, data: bytes, platform: Platform | None = None) -> Image:
    events = [event async for event in images.load(chunks(data), platform)]
    loaded = [event for event in events if isinstance(event, Loaded)]
    assert [event.name for event in loaded] == ["app:1"]
    image = images.resolve("app:1")
    assert loaded[0].image_id == image.target
    return image


async def saved(images: ImageStore, *names: str) -> bytes:
    return b"".join([piece async for piece in images.save(images.to_save(names))])


def member(archive: bytes, name: str) -> object:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return json.loads(file.read())


async def findings(images: ImageStore) -> Sequence[object]:
    return [step async for step in images.check(repair=False)][:-1]


def test_all_of_it_is_under_one_name(disk: Path) -> None:
    seen: list[str] = []

    async def first(images: ImageStore) -> None:
        image = await load(images, ARCHIVE)
        # What is found is for the host.
        assert (image.id, image.architecture, image.config.cmd) == (MINE.id, "amd64", ["mine"])
        assert image.target not in (MINE.id, OTHER.id)
        seen.append(image.target)

    async def second(images: ImageStore) -> None:
        (image,) = images.shown()
        assert (image.target, image.repo_tags) == (seen[0], ("app:1",))
        assert images.resolve(image.target[7:19]).target == image.target
        assert [record.platform for _, record in images.variants(image)] == [ARM, AMD]
        other = images.for_platform(image, ARM)
        assert (other.id, other.target, other.repo_tags) == (OTHER.id, image.target, ("app:1",))
        with pytest.raises(NotFoundError, match=r"app:1 was found but does not provide .* \(linux/s390x\)"):
            images.for_platform(image, S390)
        assert await findings(images) == []
        # Each variant can be run.
        await images.rootfs.create(BOX, other.id)
        root = await images.rootfs.mount(BOX)
        assert {path.name for path in root.iterdir()} >= {"shared", "arm64"}
        assert not (root / "amd64").exists()
        await images.rootfs.remove(BOX)
        steps = (await images.delete("app:1")).steps
        assert steps[0] == ("untagged", "app:1")
        assert {value for kind, value in steps if kind == "deleted"} >= {image.target, MINE.id, OTHER.id}
        assert images.all() == images.shown() == []
        assert left_on_disk(disk) == set()
        assert await findings(images) == []

    with_store(disk, first)
    with_store(disk, second)


def test_the_id_goes_through_an_archive(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        image = await load(images, ARCHIVE)
        archive = await saved(images, "app:1")
        index = member(archive, "index.json")
        assert isinstance(index, dict)
        assert [it["digest"] for it in index["manifests"]] == [image.target]
        # Engines that know nothing of several platforms find the host's.
        listed = member(archive, "manifest.json")
        assert isinstance(listed, list)
        assert [(it["Config"], it["RepoTags"]) for it in listed] == [
            (f"blobs/sha256/{MINE.id[7:]}", ["app:1"])
        ]
        await images.delete("app:1")
        assert (await load(images, archive)).target == image.target
        await images.delete("app:1")
        alone = await load(images, archive, ARM)
        assert (alone.id, alone.target) == (OTHER.id, OTHER.id)
        await images.delete("app:1")
        with pytest.raises(NotFoundError, match="does not provide the specified platform"):
            await load(images, archive, S390)
        assert left_on_disk(disk) == set()

    with_store(disk, work)


def test_who_keeps_it(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        image = await load(images, ARCHIVE)
        user = ImageUser(BOX, OTHER.id, running=False)
        with pytest.raises(ConflictError, match=r"must force.* container bbbbbbbbbbbb is using"):
            await images.delete("app:1", users=[user])
        with pytest.raises(ConflictError, match="used by running container bbbbbbbbbbbb"):
            await images.delete(image.target, users=[ImageUser(BOX, MINE.id, running=True)], force=True)
        with pytest.raises(ConflictError, match="a variant of an image of several platforms"):
            await images.delete(OTHER.id, force=True)
        # A further name keeps all; one that moves away leaves it nameless, for a prune.
        await images.tag(image.target, parse_reference("second:1"))
        assert (await images.delete("app:1")).steps == (("untagged", "app:1"),)
        assert images.resolve("second:1").target == image.target
        await images.tag_digest(image.target, parse_reference(f"r.test/app@{image.target}"))
        assert images.resolve("second:1").repo_digests == (f"r.test/app@{image.target}",)
        await images.delete(image.target, users=[user], force=True)
        assert left_on_disk(disk) == set()

    with_store(disk, work)


def test_a_variant_that_has_a_name_of_its_own_stays(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        named = ArchiveImage(MINE.layers, ["own:1"], MINE.config)
        assert named.id == MINE.id
        async for _ in images.load(chunks(docker_archive([named]))):
            pass
        await load(images, ARCHIVE)
        assert {image.target for image in images.shown()} == {MINE.id, images.resolve("app:1").target}
        await images.delete("app:1")
        assert [image.id for image in images.shown()] == [MINE.id]
        await load(images, ARCHIVE)
        assert (await images.delete("own:1")).steps == (("untagged", "own:1"),)
        assert images.resolve("app:1").id == MINE.id
        await images.delete("app:1")
        assert left_on_disk(disk) == set()

    with_store(disk, work)


def test_layers_of_ones_own_become_an_image_of_several_platforms(disk: Path) -> None:
    async def work(images: ImageStore) -> None:
        name = parse_reference("app:1")
        image = await load(images, ARCHIVE)
        raw = [await images.raw_config(one.id) for one, _ in images.variants(image)]
        async with images.lease() as lease:
            for one, _ in images.variants(image):
                assert one.chain_id is not None
                lease.hold(one.chain_id)
            await images.delete("app:1")
            with pytest.raises(InvalidArgumentError, match="two variants for one platform"):
                await images.record_platforms(lease, [raw[0], raw[1]], [name], [AMD, AMD])
            assert images.all() == []
            assert await images.record_platforms(lease, raw, [name]) == [Loaded(image.target, "app:1")]
        assert images.resolve("app:1").target == image.target
        assert await findings(images) == []
        await images.delete("app:1")
        assert left_on_disk(disk) == set()

    with_store(disk, work)


def test_one_that_is_damaged_is_found_and_goes_as_a_whole(disk: Path) -> None:
    async def first(images: ImageStore) -> None:
        await load(images, ARCHIVE)
        (disk / "image/overlay2/imagedb/content/sha256" / OTHER.id[7:]).write_bytes(b"{}")
        with pytest.raises(IntegrityError):
            await images.raw_config(OTHER.id)
        assert len([step async for step in images.check(repair=True)]) == 2
        assert images.shown() == []
        assert left_on_disk(disk) == set()
        await load(images, ARCHIVE)
        (disk / "image/overlay2/imagedb/content/sha256" / OTHER.id[7:]).write_bytes(b"{}")

    async def second(images: ImageStore) -> None:
        assert any("a variant is missing" in problem for problem in images.problems)
        with pytest.raises(NotFoundError):
            images.resolve("app:1")
        # Loading it again heals it.
        await load(images, ARCHIVE)
        assert await findings(images) == []

    with_store(disk, first, "overlay2")
    with_store(disk, second, "overlay2")
