"""What guides to Docker teach to do with containers that go wrong: look, list, enter, clean up."""

import json
import os
import re
import select
import subprocess
import time

import pytest

from tests.support.clients import Client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def test_each_way_of_not_running_shows_its_symptom(client: Client) -> None:
    client("run", "--name", "fails", "busybox", "sh", "-c", "echo cannot connect >&2; exit 1", code=1)
    assert client("logs", "fails").err == "cannot connect\n"
    assert "Exited (1)" in client.text("ps", "-a", "--filter", "name=fails", "--format", "{{.Status}}")
    client("run", "--name", "missing", "busybox", "no-such-program", code=127)
    assert "executable file not found" in client.inspect("missing", "{{.State.Error}}")
    client("run", "--name", "denied", "busybox", "/etc/passwd", code=126)
    client("run", "--name", "oom", "-m", "16m", "busybox", "sh", "-c", "tail -c 64m /dev/zero", code=137)
    assert client.inspect("oom", "{{.State.OOMKilled}} {{.State.ExitCode}}") == "true 137"
    mount = "type=bind,source=/no/such/folder,target=/x"
    assert "bind source path does not exist" in client("run", "--mount", mount, "busybox", code=125).err
    client("run", "--name", "alone", "--network", "none", "busybox", "ping", "-c1", "192.0.2.1", code=1)
    entry = client.text("run", "--rm", "--entrypoint", "/bin/sh", "busybox", "-c", "ls /bin/busybox")
    assert entry == "/bin/busybox"
    for name in ("fails", "missing", "denied", "oom", "alone"):
        client("rm", name)


def test_a_restart_loop_is_diagnosed(client: Client) -> None:
    client("run", "-d", "--name", "loop", "--restart", "always", "busybox", "echo", "Hello")
    wait_until(lambda: int(client.inspect("loop", "{{.RestartCount}}")) >= 2, "it has started again")
    assert client.text("logs", "loop").splitlines()[:2] == ["Hello", "Hello"]
    since = client.inspect("loop", "{{.Created}}")
    told = client.text(
        *("events", "--since", since, "--until", f"{time.time():.6f}", "--filter", "container=loop"),
        *("--filter", "event=die", "--filter", "event=start", "--format", "{{.Action}}"),
    ).splitlines()
    assert told[:4] == ["start", "die", "start", "die"]
    client("rm", "-f", "loop")


def test_objects_that_are_not_there_and_values_that_are_not_there(client: Client) -> None:
    missing = client("inspect", "nothing-of-this-name", code=1)
    assert missing.out.strip() == "[]"
    assert "No such object: nothing-of-this-name" in missing.err
    client("create", "--name", "box", "busybox")
    failed = client("inspect", "-f", "{{.State.Health.Status}}", "box", code=1)
    assert 'map has no entry for key "Health"' in failed.err
    client("rm", "box")


def test_lists_go_into_other_commands_and_empty_ones_are_refused(client: Client) -> None:
    assert client.text("ps", "-q") == ""
    for verb in ("stop", "rm"):
        assert "requires at least 1 argument" in client(verb, code=1).err
    for _ in range(2):
        client("run", "-d", "--stop-timeout", "0", "busybox", "sleep", "600")
    ids = client.text("ps", "-q").splitlines()
    assert [len(ident) for ident in ids] == [12, 12]
    assert client.text("stop", *ids).splitlines() == ids
    assert client.text("rm", *client.text("ps", "-aq").splitlines()).splitlines() == ids
    # "exactly" until Docker 27.
    assert re.search("requires (exactly )?2 arguments", client("tag", "busybox", code=1).err)


def test_the_hosts_tools_work_on_a_containers_namespaces(client: Client) -> None:
    client.start("--name", "box", "busybox", "sleep", "600")
    pid = client.inspect("box", "{{.State.Pid}}")
    address = client.inspect("box", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    seen = subprocess.run(
        ["nsenter", "-t", pid, "-n", "ip", "-j", "addr", "show", "eth0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(seen.stdout)[0]["addr_info"][0]["local"] == address
    # The other end of the pair is the host's interface of that number.
    number = client.text("exec", "box", "cat", "/sys/class/net/eth0/iflink")
    assert f"{number}: veth" in client.daemon.namespace.run("ip", "-o", "link").stdout
    for kind in ("ipc", "mnt", "net", "pid", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    # On version 1 the path is shown in full.
    ident = client.inspect("box", "{{.Id}}")
    assert ident in client.text("exec", "box", "cat", "/proc/self/cgroup")
    failed = client("top", "box", "-o", "%mem", code=1)
    assert "Couldn't find PID field in ps output" in failed.err
    client("rm", "-f", "box")


def test_a_watcher_sees_a_death_at_once(client: Client) -> None:
    client.start("--name", "box", "busybox", "sleep", "600")
    format_ = "{{.Time}} {{.Action}} {{.Actor.Attributes.name}}"
    watcher = client.popen("events", "--filter", "event=die", "--format", format_)
    told = watcher.stdout
    assert told is not None

    def dies_seen() -> object:
        """Once more until the watcher is there."""
        client("kill", "box")
        client("start", "box")
        return select.select([told], [], [], 0.5)[0]

    wait_until(dies_seen, "the watcher says something")
    line = told.readline().decode().split()
    assert line[1:] == ["die", "box"]
    client("rm", "-f", "box")


@pytest.mark.parametrize("mode", ["z", "Z", "ro,Z"])
def test_labels_of_mounts_are_taken_where_there_is_no_selinux(client: Client, mode: str) -> None:
    folder = client.daemon.folder / "labelled"
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text("here\n")
    assert client.text("run", "--rm", "-v", f"{folder}:/x:{mode}", "busybox", "cat", "/x/file") == "here"
