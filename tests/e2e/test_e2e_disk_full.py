"""No space left: what cannot be had is refused with the reason, and nothing of it is left."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """The file system of ``folder`` without a free block."""
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        step, size = 1 << 30, 0
        while step >= 4096:
            try:
                os.posix_fallocate(file.fileno(), size, step)
                size += step
            except OSError:
                step //= 2
    try:
        yield
    finally:
        ballast.unlink()


def traces(daemon: Daemon) -> list[str]:
    data = daemon.data_root
    folders = [data / "containers", data / "volumes"]
    found = [str(path) for folder in folders if folder.is_dir() for path in folder.iterdir()]
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
        assert waiting.communicate(timeout=30)[0].strip() == b"137"
        assert client.status("steady") == "exited"
    client("start", "steady")
    client("rm", "-f", "steady")
    client("rm", "-f", "brief", code=None)
    wait_until(lambda: not traces(scow_daemon), "nothing is left")
