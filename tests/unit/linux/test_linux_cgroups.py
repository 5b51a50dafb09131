"""Control groups on recorded hosts: version 1, hybrid and version 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scow.linux.cgroup_features import CgroupFeatures, read_features
from scow.linux.cgroup_stats import (
    BlkioEntry,
    BlkioStats,
    CgroupStats,
    CpuStats,
    MemoryStats,
    PidsStats,
    parse_io_stat,
    read_stats,
)
from scow.linux.cgroups import Cgroup, CgroupHost, detect

_V1 = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 31 0:31 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio
35 31 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
36 31 0:33 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
38 31 0:35 / /elsewhere/memory rw - cgroup cgroup rw,memory
"""
_UNIFIED = "39 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
_V2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


def _host(root: Path, mountinfo: str) -> CgroupHost:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(mountinfo)
    return detect(str(root))


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_version_1_has_a_mount_point_per_controller(tmp_path: Path) -> None:
    host = _host(tmp_path, _V1)
    base = f"{tmp_path}/sys/fs/cgroup"
    assert host == CgroupHost(
        1,
        {
            "cpu": f"{base}/cpu,cpuacct",
            "cpuacct": f"{base}/cpu,cpuacct",
            "memory": f"{base}/memory",
            "blkio": f"{base}/blkio",
            "pids": f"{base}/pids",
            "freezer": f"{base}/freezer",
            "name=systemd": f"{base}/systemd",
        },
        None,
    )


def test_a_hybrid_host_counts_as_version_1(tmp_path: Path) -> None:
    host = _host(tmp_path, _V1 + _UNIFIED)
    assert (host.version, host.unified) == (1, f"{tmp_path}/sys/fs/cgroup/unified")
    assert Cgroup(host, "/docker/x").directories[""] == f"{tmp_path}/sys/fs/cgroup/unified/docker/x"


def test_version_2_has_one_directory(tmp_path: Path) -> None:
    host = _host(tmp_path, _V2)
    assert host == CgroupHost(2, {}, f"{tmp_path}/sys/fs/cgroup")
    assert Cgroup(host, "/docker/x").directory("memory") == f"{tmp_path}/sys/fs/cgroup/docker/x"


def test_a_stray_version_1_mount_does_not_change_version_2(tmp_path: Path) -> None:
    assert _host(tmp_path, _V2 + "50 31 0:50 / /run/netcls rw - cgroup cgroup rw,net_cls\n").version == 2


def test_a_host_without_cgroups_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no cgroup file system is mounted"):
        _host(tmp_path, "31 23 0:28 / /sys rw - sysfs sysfs rw\n")


@pytest.mark.parametrize("path", ["", "/", "//", "/.", "relative", "/a/../..", "/../x"])
def test_the_root_group_and_paths_out_of_the_tree_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a control group"):
        Cgroup(CgroupHost(2, {}, "/sys/fs/cgroup"), path)


def test_processes_are_those_of_all_groups_below(tmp_path: Path) -> None:
    group = Cgroup(_host(tmp_path, _V2), "/docker/x")
    assert group.processes() == []
    _write(
        tmp_path / "sys/fs/cgroup/docker/x",
        {"cgroup.procs": "11\n12\n", "a/cgroup.procs": "13\n", "a/b/cgroup.procs": "14\n"},
    )
    assert sorted(group.processes()) == [11, 12, 13, 14]
    assert group.exists()


@pytest.mark.parametrize(
    ("mountinfo", "name", "text"),
    [
        (_V1, "memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
        (_V2, "x/memory.events", "low 0\nhigh 0\nmax 5\noom 4\noom_kill 3\noom_group_kill 0\n"),
    ],
)
def test_oom_kills_are_counted(tmp_path: Path, mountinfo: str, name: str, text: str) -> None:
    group = Cgroup(_host(tmp_path, mountinfo), "/x")
    assert group.oom_kill_count() == 0
    _write(tmp_path / "sys/fs/cgroup", {name: text})
    assert group.oom_kill_count() == 3


def test_version_1_statistics(tmp_path: Path) -> None:
    group = Cgroup(_host(tmp_path, _V1), "/docker/x")
    _write(
        tmp_path / "sys/fs/cgroup",
        {
            "memory/docker/x/memory.usage_in_bytes": "4096\n",
            "memory/docker/x/memory.max_usage_in_bytes": "8192\n",
            "memory/docker/x/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/docker/x/memory.failcnt": "2\n",
            "memory/docker/x/memory.stat": "cache 1\ntotal_inactive_file 2\n",
            "cpu,cpuacct/docker/x/cpuacct.usage": "300\n",
            "cpu,cpuacct/docker/x/cpuacct.usage_user": "200\n",
            "cpu,cpuacct/docker/x/cpuacct.usage_sys": "100\n",
            "cpu,cpuacct/docker/x/cpuacct.usage_percpu": "250 50 \n",
            "cpu,cpuacct/docker/x/cpu.stat": "nr_periods 5\nnr_throttled 4\nthrottled_time 3\n",
            "blkio/docker/x/blkio.bfq.io_service_bytes_recursive": "Total 0\n",
            "blkio/docker/x/blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\n",
            "blkio/docker/x/blkio.throttle.io_serviced_recursive": "8:0 Read 1\nTotal 1\n",
            "pids/docker/x/pids.current": "7\n",
            "pids/docker/x/pids.max": "max\n",
        },
    )
    assert read_stats(group) == CgroupStats(
        memory=MemoryStats(4096, 8192, None, 2, {"cache": 1, "total_inactive_file": 2}),
        cpu=CpuStats(300, 200, 100, (250, 50), 5, 4, 3),
        blkio=BlkioStats(
            (BlkioEntry(8, 0, "Read", 10), BlkioEntry(8, 0, "Write", 20)), (BlkioEntry(8, 0, "Read", 1),)
        ),
        pids=PidsStats(7, None),
    )


def test_version_2_statistics(tmp_path: Path) -> None:
    group = Cgroup(_host(tmp_path, _V2), "/x")
    _write(
        tmp_path / "sys/fs/cgroup/x",
        {
            "memory.current": "4096\n",
            "memory.peak": "8192\n",
            "memory.max": "max\n",
            "memory.events": "low 0\noom 1\noom_kill 1\n",
            "memory.stat": "anon 1\ninactive_file 2\n",
            "cpu.stat": "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 5\nnr_throttled 4\n"
            "throttled_usec 3\n",
            "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
            "pids.current": "7\n",
            "pids.max": "100\n",
        },
    )
    assert read_stats(group) == CgroupStats(
        memory=MemoryStats(4096, 8192, None, 1, {"anon": 1, "inactive_file": 2}),
        cpu=CpuStats(3000, 2000, 1000, (), 5, 4, 3000),
        blkio=BlkioStats(
            (BlkioEntry(8, 0, "read", 10), BlkioEntry(8, 0, "write", 20)),
            (BlkioEntry(8, 0, "read", 1), BlkioEntry(8, 0, "write", 2)),
        ),
        pids=PidsStats(7, 100),
    )


@pytest.mark.parametrize("mountinfo", [_V1, _V2])
def test_a_group_that_is_gone_has_no_statistics(tmp_path: Path, mountinfo: str) -> None:
    assert read_stats(Cgroup(_host(tmp_path, mountinfo), "/gone")) == CgroupStats(None, None, None, None)


def test_devices_without_a_number_are_left_out_of_io_stat() -> None:
    assert parse_io_stat(
        "(unknown) rbytes=1\n8:16 rbytes=5 wbytes=0 rios=1\n\n".replace("\n\n", "\n")
    ) == BlkioStats(
        (BlkioEntry(8, 16, "read", 5), BlkioEntry(8, 16, "write", 0)), (BlkioEntry(8, 16, "read", 1),)
    )


def test_version_1_features_are_the_files_that_are_there(tmp_path: Path) -> None:
    host = _host(tmp_path, _V1)
    _write(
        tmp_path / "sys/fs/cgroup",
        {
            "memory/memory.limit_in_bytes": "1",
            "memory/memory.oom_control": "",
            "cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "blkio/blkio.throttle.read_bps_device": "",
        },
    )
    assert read_features(host) == CgroupFeatures(
        memory_limit=True,
        oom_kill_disable=True,
        cpu_cfs=True,
        blkio_read_bps=True,
        pids_limit=True,
        freezer=True,
    )


def test_version_2_features_are_the_controllers_that_are_there(tmp_path: Path) -> None:
    host = _host(tmp_path, _V2)
    _write(
        tmp_path,
        {
            "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory\n",
            "sys/fs/cgroup/cpuset.cpus.effective": "0-3\n",
            "sys/fs/cgroup/cpuset.mems.effective": "0\n",
            "sys/fs/cgroup/system.slice/scow.service/memory.swap.max": "max\n",
            "proc/self/cgroup": "0::/system.slice/scow.service\n",
        },
    )
    assert read_features(host, str(tmp_path)) == CgroupFeatures(
        memory_limit=True,
        swap_limit=True,
        memory_reservation=True,
        cpu_shares=True,
        cpu_cfs=True,
        cpuset=True,
        cpuset_cpus="0-3",
        cpuset_mems="0",
        devices=True,
        freezer=True,
    )


def test_removing_takes_empty_groups_below_along(tmp_path: Path) -> None:
    group = Cgroup(_host(tmp_path, _V1), "/docker/x")
    (tmp_path / "sys/fs/cgroup/memory/docker/x/a/b").mkdir(parents=True)
    group.remove()
    group.remove()
    assert not group.exists()
    assert (tmp_path / "sys/fs/cgroup/memory/docker").is_dir()


def test_groups_nested_deeper_than_python_calls_are_listed_and_removed(tmp_path: Path) -> None:
    group = Cgroup(_host(tmp_path, _V1), "/x")
    top = deepest = str(tmp_path / "sys/fs/cgroup/pids/x")
    os.makedirs(top)
    try:
        for _ in range(sys.getrecursionlimit() + 100):
            deepest += "/a"
            os.mkdir(deepest)
        procs = Path(deepest, "cgroup.procs")
        procs.write_text("7\n")
        assert group.processes() == [7]
        procs.unlink()
        group.remove()
        assert not group.exists()
    finally:
        subprocess.run(["rm", "-rf", top], check=True)  # pytest's own removal is by recursion
