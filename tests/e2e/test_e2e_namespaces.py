"""Which namespaces are shared with whom: ``--ipc``, ``--pid``, ``--uts``, ``--cgroupns``, ``--network``."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def host_namespace(client: Client, kind: str) -> str:
    return os.readlink(f"/proc/{client.daemon.pid}/ns/{kind}")


def namespace(client: Client, container: str, kind: str) -> str:
    pid = client.inspect(container, "{{.State.Pid}}")
    return os.readlink(f"/proc/{pid}/ns/{kind}")


@pytest.fixture
def donor(client: Client) -> str:
    container = client.start(
        *(
            "--name",
            "donor",
            "--hostname",
            "giver",
            "--ipc",
            "shareable",
            "--shm-size",
            "1m",
            "--expose",
            "7",
        ),
        *("busybox", "sh", "-c", "echo kept >/dev/shm/x; sleep 600"),
    )
    wait_until(
        lambda: client("exec", container, "cat", "/dev/shm/x", code=None).out == "kept\n", "it has begun"
    )
    return container


def test_ipc_is_shared_with_its_shared_memory(client: Client, donor: str) -> None:
    look = (
        "busybox",
        "sh",
        "-c",
        "cat /dev/shm/x; df -k /dev/shm | awk 'END{print $2}'; readlink /proc/self/ns/ipc",
    )
    shared = client("run", "--rm", "--ipc", "container:donor", *look).lines
    assert shared == ["kept", "1024", namespace(client, donor, "ipc")]
    created = client.text("create", "--ipc", "container:donor", "--pid", "container:donor", "busybox")
    modes = client.inspect(created, "{{.HostConfig.IpcMode}} {{.HostConfig.PidMode}}")
    assert modes == f"container:{donor} container:{donor}"
    for mode in ("private", "shareable"):
        assert client("run", "--rm", "--ipc", mode, "busybox", "ls", "/dev/shm").out == ""
    none = client.text(
        "run", "--rm", "--ipc", "none", "busybox", "sh", "-c", "mount | awk '$3 == \"/dev/shm\"'"
    )
    assert none == ""
    marker = Path(f"/dev/shm/scow-ipc-{os.getpid()}")
    marker.touch()
    try:
        assert marker.name in client.text("run", "--rm", "--ipc", "host", "busybox", "ls", "/dev/shm").split()
    finally:
        marker.unlink()


def test_who_does_not_share_is_named_with_a_hint(client: Client) -> None:
    private = client.start("--name", "private", "--ipc", "private", "busybox", "sleep", "600")
    error = client("run", "--rm", "--ipc", "container:private", "busybox", "true", code=125).err
    assert (
        f"container {private}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
        in error
    )
    client("rm", "-f", "private")
    client("create", "--name", "down", "--ipc", "shareable", "busybox")
    for kind in ("ipc", "pid", "network"):
        error = client("run", "--rm", f"--{kind}", "container:down", "busybox", "true", code=125).err
        assert "not running" in error or "non running" in error
    for kind in ("ipc", "pid"):
        error = client("create", f"--{kind}", "container:nobody", "busybox", code=1).err
        assert "No such container: nobody" in error


def test_pid_is_shared_with_a_container_or_the_host(client: Client, donor: str) -> None:
    out = client.text("run", "--rm", "--pid", "container:donor", "busybox", "ps", "-o", "args")
    assert "sleep 600" in out
    out = client.text("run", "--rm", "--pid", "host", "busybox", "readlink", "/proc/self/ns/pid")
    assert out == host_namespace(client, "pid")
    assert client("run", "--rm", "busybox", "sh", "-c", "echo $$; ps | wc -l").lines[0] == "1"


def test_uts_and_cgroup_are_the_hosts_or_ones_own(client: Client) -> None:
    uts = client(
        "run", "--rm", "--uts", "host", "busybox", "sh", "-c", "hostname; readlink /proc/self/ns/uts"
    ).lines
    assert uts == [os.uname().nodename, host_namespace(client, "uts")]
    error = client("create", "--uts", "host", "--hostname", "mine", "busybox", code=1).err
    assert "conflicting options: hostname and the UTS mode" in error
    look = ("busybox", "sh", "-c", "readlink /proc/self/ns/cgroup; grep -c : /proc/self/cgroup")
    seen = {mode: client("run", "--rm", "--cgroupns", mode, *look).lines[0] for mode in ("host", "private")}
    assert seen["host"] == host_namespace(client, "cgroup") != seen["private"]
    inside = client("run", "--rm", "--cgroupns", "private", "busybox", "cat", "/proc/self/cgroup").lines
    assert {line.split(":")[2] for line in inside} == {"/"}


def test_a_networks_guest_has_its_names_and_nothing_of_its_own(client: Client, donor: str) -> None:
    out = client(
        "run", "--rm", "--network", "container:donor", "busybox", "sh", "-c", "hostname; cat /etc/hosts"
    ).lines
    assert out[0] == "giver"
    assert any(line.endswith("\tgiver") for line in out)
    for option, what in {
        "--hostname=x": "hostname and the network mode",
        "--dns=192.0.2.1": "dns and the network mode",
        "--add-host=a:192.0.2.1": "custom host-to-IP mapping and the network mode",
        "--publish=80:80": "port publishing and the container type network mode",
        "--expose=80": "port exposing and the container type network mode",
        "--link=donor": "container type network can't be used with links",
    }.items():
        error = client("create", "--network", "container:donor", option, "busybox", code=1).err
        assert f"conflicting options: {what}" in error


def test_every_namespace_differs_from_the_hosts_and_from_the_others(client: Client) -> None:
    first, second = (client.start("--name", name, "busybox", "sleep", "600") for name in ("one", "two"))
    for kind in ("ipc", "mnt", "net", "pid", "uts"):
        found = {
            namespace(client, first, kind),
            namespace(client, second, kind),
            host_namespace(client, kind),
        }
        assert len(found) == 3, kind
    pid = client.inspect("one", "{{.State.Pid}}")
    inside = subprocess.run(
        ["nsenter", "-t", pid, "-n", "ip", "-o", "addr"], capture_output=True, text=True
    ).stdout
    assert client.inspect("one", "{{.NetworkSettings.Networks.bridge.IPAddress}}") in inside
    queue = client.text(
        "exec", "one", "sh", "-c", "ls -l /proc/self/ns | wc -l; cat /proc/sysvipc/msg | wc -l"
    )
    assert queue.splitlines()[1] == "1"
