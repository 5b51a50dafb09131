"""Whoever asked for a pull, push, load or save goes away: the work ends, and nothing of it is left."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.http import UnixConnection
from tests.support.image_traces import image_ids, kept, unpackers, until_kept
from tests.support.live_folders import bytes_below, entries, files_below, open_paths
from tests.support.namespaces import serving
from tests.support.registry import Registry, registry
from tests.support.waiting import wait_until

_PORT = 5081
_NAME = f"127.0.0.1:{_PORT}/team/app:1"
_LAYER_BYTES = 6_000_000
Meddle = Callable[..., None]


@pytest.fixture(scope="module")
def image() -> ArchiveImage:
    layer = Layer()
    layer.file("big", os.urandom(_LAYER_BYTES))
    return ArchiveImage([layer.data()], [_NAME])


@pytest.fixture(scope="module")
def storage(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder, scow_daemon.namespace, address="127.0.0.1:5080") as found:
        yield found


@pytest.fixture(scope="module")
def rules(scow_daemon: Daemon, storage: Registry) -> Iterator[Path]:
    file = storage.storage.parent / "rules"
    file.write_text("[]")
    with serving(scow_daemon.namespace, "meddling_proxy", _PORT, storage.address, str(file)):
        yield file


@pytest.fixture
def meddle(rules: Path) -> Iterator[Meddle]:
    def set_rules(*found: dict[str, object]) -> None:
        rules.write_text(json.dumps(found))

    yield set_rules
    rules.write_text("[]")


@pytest.fixture
def docker(scow_daemon: Daemon) -> Client:
    return scow_daemon.client("docker")


@pytest.fixture
def before(scow_daemon: Daemon, image: ArchiveImage) -> list[str]:
    scow_daemon.api("DELETE", f"/images/{image.id}?force=1")
    return kept(scow_daemon)


def connections(engine: Daemon) -> list[str]:
    """The engine's connections to the registry."""
    lines = engine.namespace.run("ss", "-Htnp", "state", "established", f"dport = :{_PORT}").stdout
    return [line for line in lines.splitlines() if f"pid={engine.pid}," in line]


def spools(engine: Daemon) -> list[str]:
    """Files without a name that the engine has open below its root."""
    targets = open_paths(engine.pid)
    return [it for it in targets if it.startswith(str(engine.data_root / "tmp")) and it.endswith("(deleted)")]


def confined(engine: Daemon) -> list[int]:
    """Unpackers that have left the machine's network."""
    own = os.stat(engine.namespace.path).st_ino
    with suppress(OSError):  # gone since
        return [pid for pid in unpackers(engine) if os.stat(f"/proc/{pid}/ns/net").st_ino != own]
    return []


def is_as(engine: Daemon, before: list[str]) -> None:
    """Until nothing is going on any more, and nothing more is kept than before."""
    wait_until(lambda: not connections(engine), "no connection is left")
    wait_until(lambda: not unpackers(engine) and not spools(engine), "no work is left")
    until_kept(engine, before)


@pytest.mark.needs("docker-registry")
def test_a_pull(
    scow_daemon: Daemon, docker: Client, image: ArchiveImage, meddle: Meddle, before: list[str]
) -> None:
    docker("load", input=docker_archive([image]))
    docker("push", _NAME)
    docker("rmi", _NAME)
    downloads = scow_daemon.data_root / "tmp/downloads"
    meddle({"do": "stall", "path": "/blobs/sha256:", "method": "GET", "at": 3_000_000, "seconds": 100})
    pulling = docker.popen("pull", _NAME)
    wait_until(lambda: bytes_below(downloads) > 1_000_000, "half of it is here")
    pulling.send_signal(signal.SIGINT)
    pulling.wait(120)
    is_as(scow_daemon, before)
    # What has come is kept for the next time, and only that.
    assert bytes_below(downloads) < _LAYER_BYTES
    meddle()
    docker("pull", _NAME)
    assert image.id in image_ids(scow_daemon)
    wait_until(lambda: not list(downloads.iterdir()), "no download is left")
    docker("rmi", _NAME)
    is_as(scow_daemon, before)


@pytest.mark.needs("docker-registry")
def test_a_push(
    scow_daemon: Daemon,
    docker: Client,
    storage: Registry,
    meddle: Meddle,
    before: list[str],
) -> None:
    layer = Layer()
    layer.file("other", os.urandom(_LAYER_BYTES))
    other = ArchiveImage([layer.data()], [f"127.0.0.1:{_PORT}/team/other:1"])
    docker("load", input=docker_archive([other]))
    loaded = kept(scow_daemon)
    meddle({"do": "stall", "path": "/uploads/", "method": "PATCH", "at": 1_000_000, "seconds": 100})
    pushing = docker.popen("push", *other.tags)
    wait_until(lambda: connections(scow_daemon), "the upload is under way")
    wait_until(
        lambda: list(files_below(storage.repository("team/other") / "_uploads")),
        "the registry has heard of it",
    )
    pushing.send_signal(signal.SIGINT)
    pushing.wait(120)
    is_as(scow_daemon, loaded)
    assert not entries(storage.repository("team/other") / "_manifests/tags")
    meddle()
    docker("push", *other.tags)
    docker("rmi", *other.tags)
    is_as(scow_daemon, before)


@pytest.mark.parametrize("share", [0.5, 1.0], ids=["half", "all"])
def test_a_load(scow_daemon: Daemon, image: ArchiveImage, before: list[str], share: float) -> None:
    archive = docker_archive([image])
    sent = archive[: int(len(archive) * share)]
    connection = UnixConnection(str(scow_daemon.socket))
    connection.putrequest("POST", "/images/load")
    connection.putheader("Content-Length", str(len(archive)))
    connection.endheaders()
    connection.send(sent)
    # An unpacker waits from the first byte until the image is recorded, or not.
    wait_until(lambda: unpackers(scow_daemon) or image.id in image_ids(scow_daemon), "it is being read")
    if share < 1.0:
        wait_until(lambda: confined(scow_daemon), "it waits, and can reach nothing else")
        assert unpackers(scow_daemon)
    connection.close()
    wait_until(lambda: not unpackers(scow_daemon), "no work is left")
    if share == 1.0:
        # All of it had come before anybody left: then it may as well be there.
        wait_until(
            lambda: image.id in image_ids(scow_daemon) or kept(scow_daemon) == before, "one or the other"
        )
        if image.id in image_ids(scow_daemon):
            scow_daemon.client("docker")("rmi", *image.tags)
    is_as(scow_daemon, before)


def test_a_save(scow_daemon: Daemon, docker: Client, image: ArchiveImage, before: list[str]) -> None:
    docker("load", input=docker_archive([image]))
    connection = UnixConnection(str(scow_daemon.socket))
    connection.request("GET", f"/images/{image.id}/get")
    assert len(connection.getresponse().read(1_000_000)) == 1_000_000
    # It is being read: gone by name at once, and from the disk when the reader has left.
    docker("rmi", *image.tags)
    assert kept(scow_daemon) != before
    assert image.id not in image_ids(scow_daemon)
    connection.close()
    is_as(scow_daemon, before)
