"""Which resource limits this host can enforce: what ``/info`` reports and create warns about."""

import os
from dataclasses import dataclass

from scow.linux.cgroups import CgroupHost


@dataclass(frozen=True, slots=True)
class CgroupFeatures:
    """One flag for each limit, named as in Docker's system information."""

    memory_limit: bool = False
    swap_limit: bool = False
    memory_reservation: bool = False
    oom_kill_disable: bool = False
    memory_swappiness: bool = False
    kernel_memory: bool = False
    kernel_memory_tcp: bool = False
    cpu_shares: bool = False
    cpu_cfs: bool = False
    cpu_realtime: bool = False
    blkio_weight: bool = False
    blkio_weight_device: bool = False
    blkio_read_bps: bool = False
    blkio_write_bps: bool = False
    blkio_read_iops: bool = False
    blkio_write_iops: bool = False
    cpuset: bool = False
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: bool = False
    devices: bool = False
    freezer: bool = False


def read_features(host: CgroupHost, root: str = "") -> CgroupFeatures:
    """Look which control files the kernel shows. ``root`` as in ``cgroups.detect``."""
    return _features_v2(host, root) if host.version == 2 else _features_v1(host)


def _features_v1(host: CgroupHost) -> CgroupFeatures:
    def has(controller: str, name: str) -> bool:
        return controller in host.mounts and os.path.exists(f"{host.mounts[controller]}/{name}")

    return CgroupFeatures(
        memory_limit=has("memory", "memory.limit_in_bytes"),
        swap_limit=has("memory", "memory.memsw.limit_in_bytes"),
        memory_reservation=has("memory", "memory.soft_limit_in_bytes"),
        oom_kill_disable=has("memory", "memory.oom_control"),
        memory_swappiness=has("memory", "memory.swappiness"),
        kernel_memory=has("memory", "memory.kmem.limit_in_bytes"),
        kernel_memory_tcp=has("memory", "memory.kmem.tcp.limit_in_bytes"),
        cpu_shares=has("cpu", "cpu.shares"),
        cpu_cfs=has("cpu", "cpu.cfs_quota_us"),
        cpu_realtime=has("cpu", "cpu.rt_period_us"),
        blkio_weight=has("blkio", "blkio.weight"),
        blkio_weight_device=has("blkio", "blkio.weight_device"),
        blkio_read_bps=has("blkio", "blkio.throttle.read_bps_device"),
        blkio_write_bps=has("blkio", "blkio.throttle.write_bps_device"),
        blkio_read_iops=has("blkio", "blkio.throttle.read_iops_device"),
        blkio_write_iops=has("blkio", "blkio.throttle.write_iops_device"),
        cpuset="cpuset" in host.mounts,
        cpuset_cpus=_read(f"{host.mounts.get('cpuset')}/cpuset.cpus"),
        cpuset_mems=_read(f"{host.mounts.get('cpuset')}/cpuset.mems"),
        pids_limit="pids" in host.mounts,
        devices="devices" in host.mounts,
        freezer="freezer" in host.mounts,
    )


def _features_v2(host: CgroupHost, root: str) -> CgroupFeatures:
    top = host.unified or ""
    controllers = _read(f"{top}/cgroup.controllers").split()
    memory, cpu, io = "memory" in controllers, "cpu" in controllers, "io" in controllers
    return CgroupFeatures(
        memory_limit=memory,
        swap_limit=memory and _accounts_swap(top, root),
        memory_reservation=memory,
        cpu_shares=cpu,
        cpu_cfs=cpu,
        blkio_weight=io,
        blkio_weight_device=io,
        blkio_read_bps=io,
        blkio_write_bps=io,
        blkio_read_iops=io,
        blkio_write_iops=io,
        cpuset="cpuset" in controllers,
        cpuset_cpus=_read(f"{top}/cpuset.cpus.effective"),
        cpuset_mems=_read(f"{top}/cpuset.mems.effective"),
        pids_limit="pids" in controllers,
        devices=True,  # by BPF program, in every kernel with version 2
        freezer=True,
    )


def _accounts_swap(top: str, root: str) -> bool:
    """Whether swap is limited: the root group has no such file, so ask the group that we are in."""
    for line in _read(f"{root}/proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            return os.path.exists(f"{top}{line[3:].rstrip('/')}/memory.swap.max")
    return False


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
