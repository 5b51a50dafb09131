"""Removal: by hand, by prune, by itself after any kind of end, and when it does not succeed."""

import json
import os
import signal
import subprocess

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

SLEEP = ("busybox", "sleep", "600")


def names(client: Client) -> set[str]:
    return set(client.text("ps", "-a", "--format", "{{.Names}}").split())


@pytest.mark.reference
def test_prune_takes_what_is_down_and_passes_the_filters(client: Client) -> None:
    client.start("--name", "up", *SLEEP)
    client.start("--name", "frozen", *SLEEP)
    client("pause", "frozen")
    client("create", "--name", "made", "-v", "kept:/data", "busybox", "true")
    client("run", "--name", "ended", "-l", "keep=yes", "busybox", "sh", "-c", "head -c 65536 /dev/zero >/f")
    client("run", "--name", "plain", "busybox", "true")
    assert client("container", "prune", "-f", "--filter", "until=1h").lines[0].startswith("Total reclaimed")
    assert len(names(client)) == 5
    out = client("container", "prune", "-f", "--filter", "label!=keep=yes").out
    assert "Deleted Containers:" in out
    wait_until(lambda: names(client) == {"up", "frozen", "ended"}, "those without the label went")
    answer = client.api("POST", "/containers/prune?filters=%7B%22label%22%3A%5B%22keep%3Dyes%22%5D%7D").json
    assert len(answer["ContainersDeleted"]) == 1
    assert answer["SpaceReclaimed"] >= 64 * 1024
    assert names(client) == {"up", "frozen"}
    assert client.api("POST", "/containers/prune").json == {"ContainersDeleted": None, "SpaceReclaimed": 0}
    assert client.api("POST", "/containers/prune?filters=%7B%22size%22%3A%5B%221%22%5D%7D").status == 400
    assert client.text("volume", "ls", "-q") == "kept"
    client("rm", "-f", "up", "frozen")
    client("volume", "rm", "kept")


@pytest.mark.reference
def test_one_that_removes_itself_does_so_after_any_kind_of_end(client: Client) -> None:
    rm = ("--rm", "-v", "/data")
    client.start("--name", "killed", *rm, *SLEEP)
    client.start("--name", "stopped", *rm, *SLEEP)
    client.start("--name", "forced", *rm, *SLEEP)
    client("kill", "killed")
    client("stop", "-t", "0", "stopped")
    client("rm", "-fv", "forced", code=None)
    client("run", "--name", "hungry", *rm, "-m", "16m", "--memory-swap", "16m", "busybox",
           "tail", "/dev/zero", code=None)  # fmt: skip
    client("run", "--name", "missing", *rm, "busybox", "nosuch", code=127)
    client("create", "--name", "later", *rm, "busybox", "nosuch")
    client("start", "later", code=1)
    wait_until(lambda: not names(client), "all have removed themselves")
    wait_until(lambda: not client.text("volume", "ls", "-q"), "with their volumes")
    client.start("--name", "again", *rm, *SLEEP)
    client("restart", "-t", "0", "again")
    assert client.status("again") == "running"


def test_a_removal_that_fails_leaves_a_dead_container_that_can_be_removed_again(
    client: Client, scow_daemon: Daemon
) -> None:
    container = client.text("create", "--name", "stubborn", "busybox", "true")
    busy = scow_daemon.data_root / "containers" / container / "busy"
    busy.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(busy)], check=True)
    try:
        error = client("rm", "stubborn", code=1).err
        assert 'cannot remove container "stubborn": unable to remove filesystem: ' in error
        state = json.loads(client.inspect("stubborn", "{{json .State}}"))
        assert (state["Status"], state["Dead"]) == ("dead", True)
        assert client.text("ps", "-a", "--filter", "status=dead", "--format", "{{.Status}}") == "Dead"
        assert "marked for removal and cannot be started" in client("start", "stubborn", code=1).err
        assert "already in use" in client("create", "--name", "stubborn", "busybox", code=1).err
        scow_daemon.restart()
        assert client.status("stubborn") == "dead"
    finally:
        subprocess.run(["umount", str(busy)], check=True)
    client("rm", "stubborn")
    client("create", "--name", "stubborn", "busybox")


def test_what_the_reaper_knew_has_ended_with_it(client: Client, scow_daemon: Daemon) -> None:
    client.start("--name", "plain", *SLEEP)
    client.start("--name", "again", "--restart", "always", *SLEEP)
    client.start("--name", "brief", "--rm", *SLEEP)
    pids = {name: client.inspect(name, "{{.State.Pid}}") for name in ("plain", "again", "brief")}
    waiting = client.popen("wait", "plain")
    [reaper] = [pid for pid, line in scow_daemon.processes().items() if "scow-reaper" in line]
    os.kill(reaper, signal.SIGKILL)
    assert waiting.communicate(timeout=120)[0].strip() == b"255"
    wait_until(lambda: names(client) == {"plain", "again"}, "--rm is kept")
    wait_until(lambda: client.status("again") == "running", "the policy brings it back")
    assert client.inspect("again", "{{.State.Pid}}") != pids["again"]
    assert client.inspect("plain", "{{.State.Status}} {{.State.ExitCode}}") == "exited 255"
    wait_until(lambda: not os.path.exists(f"/proc/{pids['plain']}"), "its process is ended")
    assert client.text("run", "--rm", "busybox", "echo", "fine") == "fine"
