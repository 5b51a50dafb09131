"""scowd is killed before steps of load, import, rmi and prune: all of an image is known then, or nothing.

Steps are those of ``tests.support.fault_point``; every third, unless asked for all.
"""

import os
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.daemons import Daemon
from tests.support.fault_daemon import SAMPLE, FaultDaemon, ask, at_every_step, do
from tests.support.http import Answer
from tests.support.image_traces import image_ids, kept, unpackers, until_kept
from tests.support.live_folders import entries
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)

PRUNE = "/images/prune?filters=" + quote('{"dangling":["false"]}')


def layer(name: str, size: int) -> bytes:
    made = Layer()
    made.folder("data")
    made.file(f"data/{name}", os.urandom(size))
    return made.data()


@pytest.fixture(scope="module")
def images() -> list[ArchiveImage]:
    """Two, on one layer; the topmost of the second is so large that nobody waits for it to be removed."""
    below = layer("below", 1000)
    return [
        ArchiveImage([below, layer("one", 1000)], ["team/one:1", "team/one:2"]),
        ArchiveImage([below, layer("two", 17 << 20)], ["team/two:1"]),
    ]


@pytest.fixture(scope="module")
def base(fault_daemon: FaultDaemon) -> list[str]:
    """What is kept before any of this begins."""
    do(fault_daemon, "POST", PRUNE)
    return kept(fault_daemon)


def load(engine: Daemon, images: list[ArchiveImage]) -> Answer | None:
    archive = docker_archive(images)
    return ask(engine, "POST", "/images/load", archive)


def worked(answer: Answer | None) -> bool:
    return answer is not None and answer.status == 200 and b"errorDetail" not in answer.body


def is_whole(engine: Daemon, image: ArchiveImage) -> None:
    """It has its names, and every layer can be read again."""
    found = engine.api("GET", f"/images/{image.id}/json").json
    assert sorted(found["RepoTags"]) == image.tags
    assert do(engine, "GET", f"/images/{image.id}/get").body


def cleaner(base: list[str]) -> Callable[[Daemon], None]:
    def clean(engine: Daemon) -> None:
        do(engine, "POST", PRUNE)
        until_kept(engine, base)
        wait_until(lambda: not unpackers(engine), "no unpacker is left")
        wait_until(lambda: entries(engine.data_root / "tmp") in ([], ["downloads"]), "tmp is empty")

    return clean


def test_load(engine: FaultDaemon, images: list[ArchiveImage], base: list[str]) -> None:
    # Neither is large: dozens of engines load them.
    images = [images[0], ArchiveImage([images[0].layers[0], layer("three", 1000)], ["team/three:1"])]

    def check(answer: Answer | None) -> None:
        known = image_ids(engine)
        if worked(answer):
            assert {image.id for image in images} <= known
        for image in images:
            if image.id in known:
                is_whole(engine, image)
        assert worked(load(engine, images))
        for image in images:
            is_whole(engine, image)

    at_every_step(engine, lambda: None, lambda: load(engine, images), check, cleaner(base), SAMPLE)


def test_import(engine: FaultDaemon, images: list[ArchiveImage], base: list[str]) -> None:
    before = image_ids(engine)

    def import_() -> Answer | None:
        return ask(engine, "POST", "/images/create?fromSrc=-&repo=team/three&tag=1", images[0].layers[0])

    def check(answer: Answer | None) -> None:
        new = image_ids(engine) - before
        assert len(new) == 1 if worked(answer) else len(new) <= 1
        for image_id in new:
            assert engine.api("GET", "/images/team/three:1/json").json["Id"] == image_id
            assert do(engine, "GET", f"/images/{image_id}/get").body

    at_every_step(engine, lambda: None, import_, check, cleaner(base), SAMPLE)


def test_rmi(engine: FaultDaemon, images: list[ArchiveImage], base: list[str]) -> None:
    one, two = images

    def check(answer: Answer | None) -> None:
        known = image_ids(engine)
        assert one.id in known
        is_whole(engine, one)
        if answer is not None and answer.status == 200:
            assert two.id not in known
        if two.id in known:
            is_whole(engine, two)

    at_every_step(
        engine,
        lambda: _must(load(engine, images)),
        lambda: ask(engine, "DELETE", "/images/team/two:1"),
        check,
        cleaner(base),
        SAMPLE,
    )


def test_prune(engine: FaultDaemon, images: list[ArchiveImage], base: list[str]) -> None:
    kept_by_container = {"Image": "team/one:1", "Cmd": ["/x"]}

    def prepare() -> None:
        _must(load(engine, images))
        do(engine, "POST", "/containers/create?name=holder", kept_by_container)

    def check(answer: Answer | None) -> None:
        known = image_ids(engine)
        # A container has it: it stays, and may only have lost names.
        assert images[0].id in known
        assert do(engine, "GET", f"/images/{images[0].id}/get").body
        if worked(answer):
            assert images[1].id not in known
        elif images[1].id in known:
            is_whole(engine, images[1])
        do(engine, "DELETE", "/containers/holder")

    at_every_step(
        engine,
        prepare,
        lambda: ask(engine, "POST", PRUNE),
        check,
        cleaner(base),
        SAMPLE,
    )


def _must(answer: Answer | None) -> None:
    assert worked(answer)
