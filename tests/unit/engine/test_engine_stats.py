"""What a container uses, from fake trees of both versions of control groups to the API's JSON."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from scow.engine.containers.stats import Reading, following, no_sample, sample
from scow.linux.cgroup_stats import read_stats
from scow.linux.cgroups import Cgroup, CgroupHost
from scow.linux.interface_counters import parse_net_dev
from scow.spec.engine_api.stats import ContainerStats

ID = "c" * 64
MACHINE_BYTES = 8 << 30
NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 1500000    1200    1    2    0     0          0         0   250000     900    3    4    0     0       0          0
"""  # noqa: E501 - as the kernel writes it


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def group_v1(root: Path) -> Cgroup:
    names = ("memory", "cpu", "cpuacct", "blkio", "pids")
    write(
        root / "memory/docker/c",
        {
            "memory.usage_in_bytes": "104857600\n",
            "memory.max_usage_in_bytes": "209715200\n",
            "memory.limit_in_bytes": "9223372036854771712\n",
            "memory.failcnt": "7\n",
            "memory.stat": "cache 10\nrss 20\nshmem 5\ntotal_inactive_file 4096\n",
        },
    )
    write(root / "cpu/docker/c", {"cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 500\n"})
    write(
        root / "cpuacct/docker/c",
        {
            "cpuacct.usage": "3000\n",
            "cpuacct.usage_percpu": "1000 2000 \n",
            "cpuacct.usage_user": "2500\n",
            "cpuacct.usage_sys": "500\n",
        },
    )
    lines = "8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\nTotal 12288\n"
    write(root / "blkio/docker/c", {"blkio.throttle.io_service_bytes_recursive": lines})
    write(root / "pids/docker/c", {"pids.current": "2\n", "pids.max": "100\n"})
    return Cgroup(CgroupHost(1, {name: str(root / name) for name in names}), "/docker/c")


def group_v2(root: Path) -> Cgroup:
    write(
        root / "docker/c",
        {
            "memory.current": "104857600\n",
            "memory.peak": "209715200\n",
            "memory.max": "1073741824\n",
            "memory.events": "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n",
            "memory.stat": "anon 20\nfile 10\ninactive_file 4096\nzswap 9\n",
            "cpu.stat": "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 9\nnr_throttled 3\n"
            "throttled_usec 4\n",
            "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
            "pids.current": "2\n",
            "pids.max": "max\n",
        },
    )
    return Cgroup(CgroupHost(2, {}, str(root)), "/docker/c")


def sampled(group: Cgroup) -> ContainerStats:
    reading = Reading(
        time_ns=1_500_000_000,
        version=group.host.version,
        group=read_stats(group),
        host_cpu_ns=10_000,
        cpus=2,
        memory_bytes=MACHINE_BYTES,
        interfaces={name: it for name, it in parse_net_dev(NET_DEV) if name == "eth0"},
    )
    return sample(ID, "web", reading)


def test_version_1_shows_what_dockers_engine_shows(tmp_path: Path) -> None:
    found = msgspec.to_builtins(sampled(group_v1(tmp_path)))
    assert (found["name"], found["id"], found["os_type"]) == ("/web", ID, "linux")
    assert (found["read"], found["preread"]) == ("1970-01-01T00:00:01.5Z", "0001-01-01T00:00:00Z")
    memory = found["memory_stats"]
    assert (memory["usage"], memory["max_usage"], memory["failcnt"]) == (104857600, 209715200, 7)
    assert memory["limit"] == MACHINE_BYTES, "no limit of its own is the machine's memory"
    assert (memory["stats"]["total_inactive_file"], memory["stats"]["total_rss"]) == (4096, 0)
    assert "shmem" not in memory["stats"]
    assert len(memory["stats"]) == 32
    assert found["cpu_stats"] == {
        "cpu_usage": {
            "total_usage": 3000,
            "percpu_usage": [1000, 2000],
            "usage_in_kernelmode": 500,
            "usage_in_usermode": 2500,
        },
        "system_cpu_usage": 10_000,
        "online_cpus": 2,
        "throttling_data": {"periods": 9, "throttled_periods": 3, "throttled_time": 500},
    }
    assert found["blkio_stats"]["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "Read", "value": 4096},
        {"major": 8, "minor": 0, "op": "Write", "value": 8192},
        {"major": 8, "minor": 0, "op": "Total", "value": 12288},
    ]
    assert found["blkio_stats"]["sectors_recursive"] == []
    assert found["pids_stats"] == {"current": 2, "limit": 100}
    assert found["networks"] == {
        "eth0": {
            "rx_bytes": 1500000,
            "rx_packets": 1200,
            "rx_errors": 1,
            "rx_dropped": 2,
            "tx_bytes": 250000,
            "tx_packets": 900,
            "tx_errors": 3,
            "tx_dropped": 4,
        }
    }


def test_version_2_shows_what_dockers_engine_shows(tmp_path: Path) -> None:
    found = msgspec.to_builtins(sampled(group_v2(tmp_path)))
    memory = found["memory_stats"]
    assert (memory["usage"], memory["limit"], memory["failcnt"]) == (104857600, 1073741824, 1)
    assert "max_usage" not in memory
    assert (memory["stats"]["inactive_file"], memory["stats"]["slab"]) == (4096, 0)
    assert len(memory["stats"]) == 31
    assert found["cpu_stats"]["cpu_usage"] == {
        "total_usage": 3000,
        "usage_in_kernelmode": 1000,
        "usage_in_usermode": 2000,
    }
    assert found["cpu_stats"]["throttling_data"]["throttled_time"] == 4000
    assert found["blkio_stats"]["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "read", "value": 4096},
        {"major": 8, "minor": 0, "op": "write", "value": 8192},
    ]
    assert found["blkio_stats"]["io_serviced_recursive"] is None
    assert found["pids_stats"] == {"current": 2}


@pytest.mark.parametrize("make", [group_v1, group_v2])
def test_a_group_that_is_gone_reads_as_nothing(make: Callable[[Path], Cgroup], tmp_path: Path) -> None:
    group = make(tmp_path / "other")
    found = msgspec.to_builtins(sampled(Cgroup(group.host, "/docker/gone")))
    assert (found["memory_stats"], found["pids_stats"]) == ({}, {})
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_a_container_that_does_not_run_has_zeroes() -> None:
    found = msgspec.to_builtins(no_sample(ID, "web"))
    assert found["read"] == "0001-01-01T00:00:00Z"
    assert (found["memory_stats"], found["pids_stats"], found["storage_stats"]) == ({}, {}, {})
    assert "networks" not in found
    assert "system_cpu_usage" not in found["cpu_stats"]
    assert set(found["blkio_stats"].values()) == {None}


def test_a_sample_knows_the_one_before_it(tmp_path: Path) -> None:
    first = sampled(group_v1(tmp_path))
    second = following(first, sampled(group_v1(tmp_path)))
    assert (second.preread, second.precpu_stats) == (first.read, first.cpu_stats)
    assert first.precpu_stats.cpu_usage.total_usage == 0
