"""Control groups of the real kernel."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from scow.linux.cgroup_features import read_features
from scow.linux.cgroup_stats import read_stats
from scow.linux.cgroups import Cgroup, CgroupHost, detect

pytestmark = pytest.mark.root

_WAIT_FOR_INPUT = "import sys; sys.stdin.read()"


@pytest.fixture(params=["this host", "version 2"])
def group(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """A group in every hierarchy, and one below it. A hybrid host also shows how version 2 behaves."""
    host = detect()
    if request.param == "version 2":
        if host.version == 2 or host.unified is None:
            pytest.skip("not a hybrid host")
        host = CgroupHost(2, {}, host.unified)
    found = Cgroup(host, f"/x-linux-{os.getpid()}/{request.node.name}")
    for controller, directory in found.directories.items():
        os.makedirs(f"{directory}/below")
        if controller == "cpuset":
            _fill_cpuset(directory)
    yield found
    found.kill_all()
    found.remove()
    parent = Cgroup(found.host, os.path.dirname(found.path))
    parent.remove()


def _fill_cpuset(directory: str) -> None:
    parent = os.path.dirname(directory)
    for place in (parent, directory, f"{directory}/below"):
        for name in ("cpuset.cpus", "cpuset.mems"):
            with open(f"{os.path.dirname(place)}/{name}") as source:
                value = source.read()
            with open(f"{place}/{name}", "w") as target:
                target.write(value)


class _Starter:
    """Starts Python processes in a group; ends and reaps those that are left."""

    def __init__(self, group: Cgroup) -> None:
        self.group = group
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, code: str = _WAIT_FOR_INPUT, below: str = "") -> subprocess.Popen[bytes]:
        """A process that is in the group before it runs ``code``, and whose first line has been read."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                f"import sys; sys.stdin.readline(); print(flush=True); {code}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.started.append(process)
        for directory in set(self.group.directories.values()):
            with open(f"{directory}{below}/cgroup.procs", "w") as file:
                file.write(str(process.pid))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        return process

    def end(self) -> None:
        for process in self.started:
            with process:
                process.kill()


@pytest.fixture
def start(group: Cgroup) -> Iterator[_Starter]:
    starter = _Starter(group)
    yield starter
    if group.is_frozen():
        group.thaw()
    starter.end()


def test_processes_are_listed_and_killed_with_those_below(group: Cgroup, start: _Starter) -> None:
    first, second = start(), start(below="/below")
    assert sorted(group.processes()) == sorted((first.pid, second.pid))
    group.kill_all()
    assert [process.wait(120) for process in (first, second)] == [-signal.SIGKILL, -signal.SIGKILL]
    assert group.processes() == []
    group.kill_all()


def test_frozen_processes_are_stopped_and_can_still_be_killed(group: Cgroup, start: _Starter) -> None:
    process = start("sum(iter(int, 1))")
    group.freeze()
    assert group.is_frozen()
    assert read_stats(group).cpu == read_stats(group).cpu
    group.thaw()
    assert not group.is_frozen()
    group.freeze()
    group.kill_all()
    assert process.wait(120) == -signal.SIGKILL


def test_a_group_in_use_is_not_removed(group: Cgroup, start: _Starter) -> None:
    process = start()
    with pytest.raises(OSError, match="busy"):
        group.remove()
    group.kill_all()
    # The zombie is reaped while remove() is waiting for the group to be empty.
    reaping = threading.Thread(target=process.wait)
    reaping.start()
    group.remove()
    reaping.join()
    assert not group.exists()
    assert not any(os.path.exists(directory) for directory in group.directories.values())


def test_a_process_over_its_memory_limit_is_counted(group: Cgroup, start: _Starter) -> None:
    directory = group.directory("memory")
    name = "memory.max" if group.host.version == 2 else "memory.limit_in_bytes"
    if directory is None or not os.path.exists(f"{directory}/{name}"):
        pytest.skip("this host has no memory controller for new groups")
    with open(f"{directory}/{name}", "w") as file:
        file.write(str(16 << 20))
    assert group.oom_kill_count() == 0
    process = start("x = b'x' * (64 << 20)")
    assert process.wait(120) == -signal.SIGKILL
    assert group.oom_kill_count() >= 1
    memory = read_stats(group).memory
    assert memory is not None
    assert memory.limit_bytes == 16 << 20
    assert memory.failures >= 1


def test_statistics_of_a_live_group_have_what_the_host_can_count(group: Cgroup, start: _Starter) -> None:
    process = start("sum(range(1000000)); print(flush=True); sys.stdin.read()")
    assert process.stdout is not None
    process.stdout.readline()
    stats = read_stats(group)
    if group.host.version == 1:
        assert stats.memory is not None
        assert stats.cpu is not None
        assert stats.cpu.total_ns > 0
        assert stats.pids is not None
        assert stats.pids.current == 1


def test_the_features_of_this_host_are_those_of_its_mounts() -> None:
    host = detect()
    features = read_features(host)
    if host.version == 1:
        assert features.memory_limit == ("memory" in host.mounts)
        assert features.pids_limit == ("pids" in host.mounts)
    assert features.freezer
