"""scowd is killed before the steps of a pull and of a push: the next one knows all of an image, or nothing.

Steps are those of ``tests.support.fault_point``; every fifth, unless asked for all.
"""

import os
from collections.abc import Iterator

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.daemons import Daemon
from tests.support.fault_daemon import FaultDaemon, ask, at_every_step, do
from tests.support.http import Answer
from tests.support.image_traces import image_ids, kept, until_kept
from tests.support.live_folders import entries
from tests.support.registry import Registry, registry
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.needs("docker-registry"),
    pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True),
]

_STRIDE = 1 if os.environ.get("SCOW_TEST_ALL_STEPS") else 5
_REPOSITORY = "127.0.0.1:5000/team/app"


@pytest.fixture(scope="module")
def hub(fault_daemon: FaultDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), fault_daemon.namespace) as found:
        yield found


@pytest.fixture(scope="module")
def image() -> ArchiveImage:
    lower, upper = Layer(), Layer()
    lower.folder("data")
    lower.file("data/one", os.urandom(100_000))
    upper.file("data/two", "two\n")
    return ArchiveImage([lower.data(), upper.data()], [f"{_REPOSITORY}:1"])


def load(engine: Daemon, image: ArchiveImage) -> None:
    engine.load(docker_archive([image]))


def remove(engine: Daemon, image: ArchiveImage) -> None:
    do(engine, "DELETE", f"/images/{image.id}?force=1")


def pull(engine: Daemon) -> Answer | None:
    return ask(engine, "POST", f"/images/create?fromImage={_REPOSITORY}&tag=1")


def push(engine: Daemon) -> Answer | None:
    return ask(engine, "POST", f"/images/{_REPOSITORY}/push?tag=1")


def worked(answer: Answer | None) -> bool:
    return answer is not None and answer.status == 200 and b"errorDetail" not in answer.body


def test_pull(engine: FaultDaemon, hub: Registry, image: ArchiveImage) -> None:
    load(engine, image)
    assert worked(push(engine))
    remove(engine, image)
    before = kept(engine)

    def check(answer: Answer | None) -> None:
        if worked(answer):
            assert image.id in image_ids(engine)
        if image.id not in image_ids(engine):
            until_kept(engine, before)
            assert worked(pull(engine))
        assert engine.docker("inspect", "-f", "{{.Id}}", f"{_REPOSITORY}:1").out.strip() == image.id
        wait_until(lambda: not entries(engine.data_root / "tmp/downloads"), "no download is left")
        # Every layer can be read again.
        assert len(engine.docker("save", f"{_REPOSITORY}:1").out) > 100_000
        remove(engine, image)
        until_kept(engine, before)

    at_every_step(engine, lambda: None, lambda: pull(engine), check, lambda _: None, _STRIDE)


def test_push(engine: FaultDaemon, hub: Registry, image: ArchiveImage) -> None:
    load(engine, image)
    before = len(kept(engine))

    def check(answer: Answer | None) -> None:
        assert image.id in image_ids(engine)
        assert worked(push(engine))
        remove(engine, image)
        assert worked(pull(engine))
        assert image.id in image_ids(engine)
        remove(engine, image)
        load(engine, image)
        wait_until(lambda: len(kept(engine)) == before, "no more is kept")

    at_every_step(engine, lambda: None, lambda: push(engine), check, lambda _: None, _STRIDE)
    remove(engine, image)
