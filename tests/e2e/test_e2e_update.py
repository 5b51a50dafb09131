"""``update``: limits change where the container runs, and are there at its next start; OOM is seen."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

MIB = 1 << 20
SLEEP = ("busybox", "sleep", "600")

CGROUP_V1 = Path("/sys/fs/cgroup/memory").is_dir()


def inside(client: Client, name: str, controller: str, file: str) -> str:
    """A control file of the container's group, as the machine sees it."""
    pid = client.inspect(name, "{{.State.Pid}}")
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}/{file}").read_text().strip()
    raise AssertionError(f"{name} is in no group of {controller}")


def host_config(client: Client, name: str) -> dict[str, Any]:
    found = json.loads(client.inspect(name, "{{json .HostConfig}}"))
    assert isinstance(found, dict)
    return found


@pytest.mark.skipif(not CGROUP_V1, reason="reads the control files of version 1")
def test_limits_change_live_and_are_kept_for_the_next_start(client: Client) -> None:
    began = str(time.time())
    client.start("--name", "live", "-m", "64m", *SLEEP)
    asked = ("-m", "96m", "--memory-swap", "128m", "--memory-reservation", "32m", "-c", "300",
             "--cpus", "0.5", "--cpuset-cpus", "0", "--pids-limit", "77")  # fmt: skip
    assert client.text("update", *asked, "live").splitlines()[-1] == "live"
    expected = {
        ("memory", "memory.limit_in_bytes"): str(96 * MIB),
        ("memory", "memory.memsw.limit_in_bytes"): str(128 * MIB),
        ("memory", "memory.soft_limit_in_bytes"): str(32 * MIB),
        ("cpu", "cpu.shares"): "300",
        ("cpu", "cpu.cfs_quota_us"): "50000",
        ("cpuset", "cpuset.cpus"): "0",
        ("pids", "pids.max"): "77",
    }
    swap = Path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists()
    if not swap:
        del expected["memory", "memory.memsw.limit_in_bytes"]
    assert {key: inside(client, "live", *key) for key in expected} == expected
    kept = host_config(client, "live")
    assert (kept["Memory"], kept["CpuShares"], kept["PidsLimit"]) == (96 * MIB, 300, 77)
    client("restart", "-t", "0", "live")
    assert {key: inside(client, "live", *key) for key in expected} == expected
    past = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "container=live"),
        *("--filter", "event=update", "--format", "{{.Action}}"),
    )
    assert past == "update"
    client("update", "--pids-limit", "-1", "live")
    assert inside(client, "live", "pids", "pids.max") in ("max", str(1 << 22))
    if client.daemon.kind == "scowd" and swap:
        # dockerd forgets to tell the runtime.
        client("update", "--memory-swap", "-1", "live")
        assert int(inside(client, "live", "memory", "memory.memsw.limit_in_bytes")) > 1 << 40


def test_a_stopped_container_has_them_when_it_starts(client: Client) -> None:
    client("create", "--name", "idle", *SLEEP)
    client("update", "-c", "200", "--memory", "64m", "--memory-swap", "64m", "idle")
    client("start", "idle")
    if CGROUP_V1:
        assert inside(client, "idle", "cpu", "cpu.shares") == "200"
    assert host_config(client, "idle")["Memory"] == 64 * MIB


def test_what_cannot_be_is_refused_and_changes_nothing(client: Client) -> None:
    client.start("--name", "firm", "-m", "64m", "--cpu-period", "50000", *SLEEP)
    client("create", "--rm", "--name", "brief", *SLEEP)
    before = host_config(client, "firm")

    def refused(*args: str, name: str = "firm") -> str:
        return client("update", *args, name, code=1).err

    assert "Minimum memory limit" in refused("-m", "1k")
    assert "Memory limit should be smaller than already set memoryswap limit" in refused("-m", "512m")
    assert "Nano CPUs cannot be updated as CPU Period has already been set" in refused("--cpus", "1")
    assert "Requested CPUs are not available" in refused("--cpuset-cpus", "4000")
    assert "because AutoRemove is enabled" in refused("--restart", "always", name="brief")
    assert "No such container: nobody" in refused("-c", "2", name="nobody")
    invalid = client.api("POST", "/containers/firm/update", {"RestartPolicy": {"Name": "sometimes"}})
    assert invalid.status in (400, 500), invalid.message
    assert "invalid restart policy" in invalid.message
    assert host_config(client, "firm") == before


@pytest.mark.not_on_dockerd("20.10 keeps in the document what the runtime refused")
@pytest.mark.skipif(not CGROUP_V1, reason="version 2 takes any limit and kills")
def test_what_the_runtime_refuses_is_not_kept(client: Client) -> None:
    script = "dd if=/dev/zero of=/dev/shm/big bs=1M count=40; echo filled; sleep 600"
    client.start("--name", "full", "-m", "100m", "--memory-swap", "100m", "busybox", "sh", "-c", script)
    wait_until(lambda: "filled" in client.text("logs", "full"), "the memory is used")
    before = host_config(client, "full")
    error = client("update", "-m", "8m", "--memory-swap", "8m", "-c", "333", "full", code=1).err
    assert f"Cannot update container {client.inspect('full', '{{.Id}}')}: " in error
    assert host_config(client, "full") == before
    assert inside(client, "full", "memory", "memory.limit_in_bytes") == str(100 * MIB)
    client("update", "-m", "90m", "full")
    assert inside(client, "full", "cpu", "cpu.shares") == "1024"


def test_a_container_without_memory_is_known_to_be(client: Client) -> None:
    began = str(time.time())
    eat = "tail /dev/zero"
    client("run", "--name", "whole", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c",
           f"exec {eat}", code=137)  # fmt: skip
    client.start("--name", "child", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c",
                 f"{eat}; echo code $?; sleep 600")  # fmt: skip
    client("run", "--rm", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c", f"exec {eat}", code=137)
    assert client.inspect("whole", "{{.State.OOMKilled}} {{.State.ExitCode}}") == "true 137"
    wait_until(lambda: "code 137" in client.text("logs", "child"), "the child is killed")
    if client.daemon.kind == "scowd":
        # dockerd 20.10 wrote it down when the container ended.
        wait_until(lambda: client.inspect("child", "{{.State.OOMKilled}}") == "true", "that is known")
    assert client.status("child") == "running"

    def ooms() -> list[str]:
        return client.text(
            *("events", "--since", began, "--until", str(time.time()), "--filter", "event=oom"),
            *("--format", "{{.Actor.Attributes.name}}"),
        ).splitlines()

    wait_until(lambda: {"whole", "child"} <= set(ooms()), "both are told")
    client("start", "whole")
    client("wait", "whole")
    assert client.inspect("whole", "{{.State.OOMKilled}}") == "true"
