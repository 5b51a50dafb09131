"""The engine where there are control groups version 2 and no others: in a machine on an emulated processor.

What the limits come to is read from the machine's own files, never from what the engine says.
"""

import json
from collections.abc import Iterator

import pytest

from tests.support.client_packages import NotInstalledError
from tests.support.clients import Client
from tests.support.virtual_machine import MachineDaemon, cgroup2_machine
from tests.support.waiting import wait_until

# The first test has the disk made and the machine booted: three minutes where the cores are busy.
pytestmark = [pytest.mark.needs("qemu-system-x86_64", "mke2fs"), pytest.mark.timeout(1500)]

MIB = 1 << 20
SLEEP = ("busybox", "sleep", "600")
EAT = "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done"
RUNTIMES = pytest.mark.parametrize("runtime", ["crun", "runc"])
LIMITS = (
    *("-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512"),
    *("--cpuset-cpus", "0", "--pids-limit", "50", "--device-write-bps", "/dev/vda:1mb"),
)


@pytest.fixture(scope="module")
def machine() -> Iterator[MachineDaemon]:
    try:
        with cgroup2_machine() as daemon:
            yield daemon
    except NotInstalledError as exc:
        pytest.skip(f"no virtual machine: {exc}")


@pytest.fixture
def docker(machine: MachineDaemon) -> Iterator[Client]:
    """The command line; afterwards no container and no control group of one is left."""
    yield machine.client("docker")
    machine.remove_containers()
    wait_until(lambda: groups(machine) == [], "the control groups are gone")


def groups(machine: MachineDaemon) -> list[str]:
    """The control groups of containers that there are."""
    return machine.shell("cd /sys/fs/cgroup/scow 2>/dev/null && find . -mindepth 1 -type d").split()


def files(machine: MachineDaemon, ident: str, *names: str) -> dict[str, str]:
    """Control files of a container, as the machine has them."""
    script = (
        f'cd /sys/fs/cgroup/scow/{ident} && for name in {" ".join(names)}; do echo "$name $(cat $name)"; done'
    )
    lines = machine.shell(script).splitlines()
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def test_it_is_a_machine_with_version_2_alone(machine: MachineDaemon) -> None:
    assert machine.shell("grep cgroup /proc/mounts | cut -d' ' -f2,3") == "/sys/fs/cgroup cgroup2\n"
    for name in ("docker", "scow"):
        told = machine.client(name).text("info", "--format", "{{.CgroupVersion}} {{.CgroupDriver}}")
        assert told == "2 cgroupfs"
    assert "Cgroup Version: 2" in machine.client("scow").text("info")


@RUNTIMES
def test_limits_are_in_place(machine: MachineDaemon, docker: Client, runtime: str) -> None:
    ident = docker.start("--runtime", runtime, *LIMITS, *SLEEP)
    expected = {
        "memory.max": str(64 * MIB),
        "memory.low": str(32 * MIB),
        "memory.swap.max": str(64 * MIB),
        "cpu.max": "50000 100000",
        "cpu.weight": "20",
        "cpuset.cpus": "0",
        "pids.max": "50",
        "io.max": "254:0 rbps=max wbps=1048576 riops=max wiops=max",
    }
    assert files(machine, ident, *expected) == expected


@RUNTIMES
def test_limits_change_while_it_runs_and_are_kept(
    machine: MachineDaemon, docker: Client, runtime: str
) -> None:
    ident = docker.start("--name", "changing", "--runtime", runtime, *LIMITS, *SLEEP)
    asked = ("-m", "96m", "--memory-swap", "128m", "--memory-reservation", "40m", "--cpus", "0.7",
             "-c", "300", "--pids-limit", "77")  # fmt: skip
    docker("update", *asked, "--cpuset-cpus", "0-1", "changing")
    expected = {
        "memory.max": str(96 * MIB),
        "memory.low": str(40 * MIB),
        "memory.swap.max": str(32 * MIB),
        "cpu.max": "70000 100000",
        "cpu.weight": "12",
        "cpuset.cpus": "0-1",
        "pids.max": "77",
    }
    assert files(machine, ident, *expected) == expected
    docker("restart", "-t", "0", "changing")
    assert files(machine, ident, *expected) == expected


def test_paused_it_is_frozen_and_can_be_removed(machine: MachineDaemon, docker: Client) -> None:
    ident = docker.start("--name", "still", *SLEEP)
    docker("pause", "still")
    assert "frozen 1" in machine.shell(f"cat /sys/fs/cgroup/scow/{ident}/cgroup.events")
    refused = docker("exec", "still", "true", code=1)
    assert "is paused, unpause the container before exec" in refused.err
    docker("unpause", "still")
    assert "frozen 0" in machine.shell(f"cat /sys/fs/cgroup/scow/{ident}/cgroup.events")
    assert docker.text("exec", "still", "echo", "alive") == "alive"
    docker("pause", "still")
    docker("rm", "-f", "still")
    assert groups(machine) == []


def test_a_container_sees_its_own_group_read_only(docker: Client) -> None:
    script = "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; mkdir /sys/fs/cgroup/new 2>&1"
    told = docker("run", "--rm", "--pids-limit", "60", "busybox", "sh", "-c", script, code=1)
    assert told.lines[:2] == ["0::/", "60"]
    assert "Read-only file system" in told.out


def test_a_privileged_container_may_divide_its_group(docker: Client) -> None:
    script = (
        "cd /sys/fs/cgroup && mkdir part && for pid in $(cat cgroup.procs); do echo $pid >part/cgroup.procs;"
        "done; "
        "echo +pids >cgroup.subtree_control; mkdir other && cat other/pids.max"
    )
    assert docker.text("run", "--rm", "--privileged", "busybox", "sh", "-c", script) == "max"


def test_the_group_can_be_the_hosts_view_and_below_another_parent(docker: Client) -> None:
    told = docker.text(
        "run",
        "--rm",
        "--cgroupns",
        "host",
        "--cgroup-parent",
        "/custom",
        "busybox",
        "cat",
        "/proc/self/cgroup",
    )
    assert told.startswith("0::/custom/")
    assert len(told) == len("0::/custom/") + 64


def test_an_end_for_want_of_memory_is_seen(machine: MachineDaemon, docker: Client) -> None:
    docker("run", "--name", "eater", "-m", "16m", "busybox", "sh", "-c", EAT, code=137)
    assert docker.inspect("eater", "{{.State.OOMKilled}} {{.State.ExitCode}}") == "true 137"
    now = machine.shell("date +%s").strip()  # its clock is not ours
    told = docker("events", "--since", "1", "--until", str(int(now) + 1), "-f", "container=eater").lines
    assert [line.split()[2] for line in told] == ["create", "attach", "start", "oom", "die"]
    docker("run", "--name", "killed", "-d", "-m", "16m", *SLEEP)
    docker("kill", "killed")
    assert docker.inspect("killed", "{{.State.OOMKilled}} {{.State.ExitCode}}") == "false 137"


def test_a_child_that_wants_too_much_memory_leaves_its_parent(docker: Client) -> None:
    script = f"({EAT}); echo survived"
    told = docker("run", "--name", "parent", "-m", "20m", "busybox", "sh", "-c", script)
    assert told.out == "survived\n"
    assert docker.inspect("parent", "{{.State.OOMKilled}} {{.State.ExitCode}}") == "true 0"


def test_no_more_processes_than_allowed(docker: Client) -> None:
    script = "for i in 1 2 3 4 5 6; do sleep 1 & done; wait"
    told = docker("run", "--rm", "--pids-limit", "4", "busybox", "sh", "-c", script, code=None)
    assert "can't fork: Resource temporarily unavailable" in told.err


@RUNTIMES
def test_devices_are_refused_and_allowed(docker: Client, runtime: str) -> None:
    script = "mknod /disk b 254 0 && head -c 1 /disk >/dev/null && echo read; (echo x >/disk)"
    command = ("busybox", "sh", "-c", script)
    refused = docker("run", "--rm", "--runtime", runtime, *command, code=None)
    assert (refused.out.count("read"), refused.err.count("Operation not permitted")) == (0, 2)
    rule = ("--device-cgroup-rule", "b 254:0 r")
    allowed = docker("run", "--rm", "--runtime", runtime, *rule, *command, code=None)
    assert (allowed.out, allowed.err.count("Operation not permitted")) == ("read\n", 1)


@pytest.mark.parametrize("command", ["docker", "scow"])
def test_stats_are_those_of_the_group(machine: MachineDaemon, docker: Client, command: str) -> None:
    docker("run", "-d", "--name", "busy", "-m", "64m", "busybox", "sh", "-c", "while true; do :; done")
    line = machine.client(command).text("stats", "--no-stream", "--format", "{{json .}}", "busy")
    told = json.loads(line)
    assert told["MemUsage"].endswith(" / 64MiB")
    assert float(told["CPUPerc"].rstrip("%")) > 20
    assert told["PIDs"] == "1"


def test_stats_of_the_api_have_version_2s_figures(machine: MachineDaemon, docker: Client) -> None:
    ident = docker.start("--name", "counted", "-m", "64m", "--pids-limit", "9", *SLEEP)
    told = machine.api("GET", "/containers/counted/stats?stream=0").json
    memory = told["memory_stats"]
    assert memory["limit"] == 64 * MIB
    assert {"anon", "file", "inactive_file", "pgfault", "slab"} <= set(memory["stats"])
    assert told["pids_stats"] == {"current": 1, "limit": 9}
    used = int(files(machine, ident, "memory.current")["memory.current"])
    assert 0 < memory["usage"] < used + 4 * MIB
    assert told["cpu_stats"]["online_cpus"] == 2
    assert told["cpu_stats"]["cpu_usage"]["total_usage"] > 0


def test_all_processes_are_listed_and_killed_by_their_group_alone(
    machine: MachineDaemon, docker: Client
) -> None:
    script = "sleep 601 & sleep 602 & wait"
    docker.start("--name", "family", "--pid", "host", "busybox", "sh", "-c", script)
    shown = docker.text("top", "family")
    assert [shown.count(line) for line in (f"sh -c {script}", " sleep 601\n", " sleep 602")] == [1, 1, 2]
    docker("kill", "family")  # these are processes like the machine's others, with no namespace to end with
    wait_until(lambda: not machine.shell("ps | grep 'sleep 60[12]'"), "all are gone")
    assert docker.inspect("family", "{{.State.ExitCode}}") == "137"


def test_the_next_engine_finds_what_runs_what_is_frozen_and_what_ended(
    machine: MachineDaemon, docker: Client
) -> None:
    docker.start("--name", "running", "busybox", "sh", "-c", "while true; do echo tick; sleep 1; done")
    docker.start("--name", "frozen", *SLEEP)
    docker("pause", "frozen")
    docker.start("--name", "ends", "busybox", "sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 7")
    pid = docker.inspect("ends", "{{.State.Pid}}")
    machine.kill9()
    machine.shell(f"touch /proc/{pid}/root/end; while [ -d /proc/{pid} ]; do sleep 0.1; done")
    ticks = machine.shell("cat /var/lib/scow/containers/*/*-json.log | grep -c tick")
    wait_until(
        lambda: int(machine.shell("cat /var/lib/scow/containers/*/*-json.log | grep -c tick")) > int(ticks),
        "output is logged without an engine",
    )
    machine.start()
    assert [docker.status(name) for name in ("running", "frozen", "ends")] == ["running", "paused", "exited"]
    assert docker.inspect("ends", "{{.State.ExitCode}}") == "7"
    docker("unpause", "frozen")
    assert docker.text("exec", "frozen", "echo", "alive") == "alive"
    docker("update", "--pids-limit", "33", "frozen")
    assert docker.text("exec", "frozen", "cat", "/sys/fs/cgroup/pids.max") == "33"
    docker("stop", "-t", "0", "running")


def test_a_limit_that_the_machine_cannot_keep_is_refused_or_told(docker: Client) -> None:
    for options, told in (
        (("--cpus", "5"), "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        (("--cpuset-cpus", "7"), "Requested CPUs are not available - requested 7, available: 0-1"),
        (("-m", "4m"), "Minimum memory limit allowed is 6MB"),
        (("--cpu-rt-runtime", "1000"), "kernel does not support CPU real-time scheduler"),
    ):
        assert told in docker("run", "--rm", *options, "busybox", "true", code=125).err
    discarded = docker("run", "--rm", "--oom-kill-disable", "--memory-swappiness", "9", "busybox", "true").err
    assert "Your kernel does not support OomKillDisable. OomKillDisable discarded." in discarded
    assert "Your kernel does not support memory swappiness capabilities" in discarded


def test_a_published_port_answers_there_too(machine: MachineDaemon, docker: Client) -> None:
    docker.start(
        "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", "echo hello >/index.html; httpd -f -h /"
    )
    wait_until(lambda: machine.shell("wget -qO- 127.0.0.1:8080") == "hello\n", "the port answers")
