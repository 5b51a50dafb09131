"""No space left: what cannot be had is refused with the reason, and nothing of it is left."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.disks import full
from tests.support.image_traces import image_ids, kept, until_kept
from tests.support.live_folders import entries
from tests.support.registry import registry
from tests.support.waiting import wait_until


def traces(daemon: Daemon) -> list[str]:
    data = daemon.data_root
    folders = [data / "containers", data / "volumes"]
    found = [f"{folder}/{name}" for folder in folders for name in entries(folder)]
    with closing(sqlite3.connect(f"file:{data / 'scow.db'}?mode=ro", uri=True)) as db:
        found += [key for (key,) in db.execute("SELECT key FROM documents WHERE kind = 'container'")]
    return found


def test_a_container_that_has_no_room_is_refused_and_leaves_nothing(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("docker")
    with full(scow_daemon.data_root):
        for number in range(3):
            result = client("create", "--name", f"big-{number}", "-v", "/data", "busybox", "true", code=None)
            if result.code:
                assert "o space left on device" in result.err or "disk is full" in result.err, result.err
                assert "Traceback" not in result.err
        with suppress(AssertionError):
            client("rm", *client.text("ps", "-aq").split())
    client("container", "prune", "-f")
    wait_until(lambda: not traces(scow_daemon), "nothing is left")
    assert client.text("run", "--rm", "--name", "big-0", "busybox", "echo", "room") == "room"


def test_a_container_that_ends_without_room_is_seen_to_end(scow_daemon: Daemon) -> None:
    client: Client = scow_daemon.client("docker")
    client.start("--name", "steady", "busybox", "sleep", "600")
    client.start("--name", "brief", "--rm", "busybox", "sleep", "600")
    with full(scow_daemon.data_root):
        waiting = client.popen("wait", "steady")
        client("kill", "steady", "brief", code=None)
        assert waiting.communicate(timeout=120)[0].strip() == b"137"
        assert client.status("steady") == "exited"
    client("start", "steady")
    client("rm", "-f", "steady")
    client("rm", "-f", "brief", code=None)
    wait_until(lambda: not traces(scow_daemon), "nothing is left")


@pytest.fixture
def heavy() -> ArchiveImage:
    """Eight megabytes that do not compress."""
    layer = Layer()
    layer.file("big", os.urandom(8 << 20))
    return ArchiveImage([layer.data()], ["127.0.0.1:5000/heavy:1"])


@pytest.mark.parametrize("room_bytes", [1 << 20, 12 << 20], ids=["receiving", "unpacking"])
def test_an_image_that_has_no_room_is_refused_and_leaves_nothing(
    scow_daemon: Daemon, heavy: ArchiveImage, room_bytes: int
) -> None:
    client = scow_daemon.client("docker")
    before = kept(scow_daemon)
    with full(scow_daemon.data_root, room_bytes):
        error = client("load", input=docker_archive([heavy]), code=1).err
        assert "no space left on device" in error.lower(), error
        assert heavy.id not in image_ids(scow_daemon)
        until_kept(scow_daemon, before)
        # The engine goes on.
        assert client.text("run", "--rm", "busybox", "echo", "well") == "well"
    client("load", input=docker_archive([heavy]))
    client("rmi", *heavy.tags)
    until_kept(scow_daemon, before)


def test_a_commit_that_has_no_room_is_refused_and_leaves_nothing(client: Client) -> None:
    daemon = client.daemon
    script = "head -c 8388608 /dev/urandom > /big; echo grown; exec sleep 600"
    client.start("--name", "grown", "busybox", "sh", "-c", script)
    wait_until(lambda: "grown" in client.text("logs", "grown"), "the file is there")
    before = kept(daemon)
    with full(daemon.data_root, room_bytes=1 << 20):
        error = client("commit", "grown", "grown:1", code=1).err
        assert "no space left on device" in error.lower(), error
        until_kept(daemon, before)
        assert client.status("grown") == "running", "it does not stand still for the commit any more"
    client("commit", "grown", "grown:1")
    assert client.text("run", "--rm", "grown:1", "wc", "-c", "/big") == "8388608 /big"
    client("rmi", "grown:1")
    until_kept(daemon, before)
    client("rm", "-f", "grown")


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("room_bytes", [1 << 20, 12 << 20], ids=["receiving", "unpacking"])
def test_a_pull_that_has_no_room_is_refused_and_leaves_nothing(
    scow_daemon: Daemon, heavy: ArchiveImage, tmp_path: Path, room_bytes: int
) -> None:
    client = scow_daemon.client("docker")
    before = kept(scow_daemon)
    downloads = scow_daemon.data_root / "tmp/downloads"
    with registry(tmp_path, scow_daemon.namespace):
        client("load", input=docker_archive([heavy]))
        client("push", *heavy.tags)
        client("rmi", *heavy.tags)
        with full(scow_daemon.data_root, room_bytes):
            error = client("pull", *heavy.tags, code=1).err
            assert "no space left on device" in error.lower(), error
            until_kept(scow_daemon, before)
            wait_until(lambda: not list(downloads.iterdir()), "no download is left")
        client("pull", *heavy.tags)
        client("rmi", *heavy.tags)
    until_kept(scow_daemon, before)
