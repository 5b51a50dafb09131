"""From raw counters to what the API says that a container uses. Pure.

Docker's rules (daemon/stats_unix.go): of the kernel's memory counters a fixed set is shown, zero where the
kernel lacks one; a memory limit above the machine's memory is the machine's memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from scow.engine.timestamps import rfc3339
from scow.linux.cgroup_stats import BlkioEntry, BlkioStats, CgroupStats, CpuStats, MemoryStats, PidsStats
from scow.linux.interface_counters import InterfaceCounters
from scow.spec.engine_api import stats as api

_OWN_V1 = (
    "cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout", "pgfault",
    "pgmajfault", "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
)  # fmt: skip
_MEMORY_V1 = (
    *_OWN_V1,
    "hierarchical_memory_limit",
    "hierarchical_memsw_limit",
    *(f"total_{name}" for name in _OWN_V1),
)
_MEMORY_V2 = (
    "anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty", "file_writeback",
    "anon_thp", "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
    "slab_reclaimable", "slab_unreclaimable", "pgfault", "pgmajfault", "workingset_refault",
    "workingset_activate", "workingset_nodereclaim", "pgrefill", "pgscan", "pgsteal", "pgactivate",
    "pgdeactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was read for one sample, at ``time_ns`` since the epoch.

    ``version`` is that of control groups. ``host_cpu_ns`` is the CPU time of the machine, over ``cpus`` CPUs.
    """

    time_ns: int
    version: int
    group: CgroupStats
    host_cpu_ns: int
    cpus: int
    memory_bytes: int
    interfaces: Mapping[str, InterfaceCounters]


def sample(container_id: str, name: str, reading: Reading) -> api.ContainerStats:
    """One sample of a running container, without the sample before it."""
    group, second = reading.group, reading.version == 2
    found = no_sample(container_id, name)
    found.read = rfc3339(reading.time_ns)
    if group.pids is not None:
        found.pids_stats = _pids(group.pids)
    if group.blkio is not None:
        found.blkio_stats = _blkio_v2(group.blkio) if second else _blkio_v1(group.blkio)
    if group.cpu is not None:
        found.cpu_stats = _cpu(group.cpu)
    found.cpu_stats.system_cpu_usage, found.cpu_stats.online_cpus = reading.host_cpu_ns, reading.cpus
    if group.memory is not None:
        found.memory_stats = _memory(group.memory, reading.memory_bytes, second)
    if reading.interfaces:
        found.networks = {interface: _network(it) for interface, it in reading.interfaces.items()}
    return found


def no_sample(container_id: str, name: str) -> api.ContainerStats:
    """What is said of a container that does not run."""
    return api.ContainerStats(id=container_id, name=f"/{name}")


def following(before: api.ContainerStats, now: api.ContainerStats) -> api.ContainerStats:
    """``now`` with ``before`` as the sample before it."""
    return msgspec.structs.replace(now, preread=before.read, precpu_stats=before.cpu_stats)


def _pids(stats: PidsStats) -> api.PidsStats:
    return api.PidsStats(current=stats.current, limit=stats.limit or 0)


def _cpu(stats: CpuStats) -> api.CpuStats:
    return api.CpuStats(
        cpu_usage=api.CpuUsage(
            total_usage=stats.total_ns,
            percpu_usage=list(stats.per_cpu_ns) or msgspec.UNSET,
            usage_in_kernelmode=stats.system_ns,
            usage_in_usermode=stats.user_ns,
        ),
        throttling_data=api.ThrottlingStats(
            periods=stats.periods,
            throttled_periods=stats.throttled_periods,
            throttled_time=stats.throttled_ns,
        ),
    )


def _memory(stats: MemoryStats, machine_bytes: int, second: bool) -> api.MemoryStats:
    limit = machine_bytes if stats.limit_bytes is None else min(stats.limit_bytes, machine_bytes)
    names = _MEMORY_V2 if second else _MEMORY_V1
    return api.MemoryStats(
        usage=stats.usage_bytes,
        # Docker shows none on version 2, where older kernels do not keep it.
        max_usage=0 if second else stats.max_usage_bytes or 0,
        stats={name: stats.detail.get(name, 0) for name in names},
        failcnt=stats.failures,
        limit=limit,
    )


def _blkio_v1(stats: BlkioStats) -> api.BlkioStats:
    """The other counters belong to a scheduler that Linux 5.0 removed: kept by no kernel, and empty."""
    return api.BlkioStats(
        io_service_bytes_recursive=_entries(stats.service_bytes),
        io_serviced_recursive=_entries(stats.serviced),
        io_queue_recursive=[],
        io_service_time_recursive=[],
        io_wait_time_recursive=[],
        io_merged_recursive=[],
        io_time_recursive=[],
        sectors_recursive=[],
    )


def _blkio_v2(stats: BlkioStats) -> api.BlkioStats:
    return api.BlkioStats(io_service_bytes_recursive=_entries(stats.service_bytes))


def _entries(entries: Iterable[BlkioEntry]) -> list[api.BlkioEntry]:
    return [api.BlkioEntry(major=it.major, minor=it.minor, op=it.op, value=it.value) for it in entries]


def _network(counters: InterfaceCounters) -> api.NetworkStats:
    return api.NetworkStats(
        rx_bytes=counters.rx_bytes,
        rx_packets=counters.rx_packets,
        rx_errors=counters.rx_errors,
        rx_dropped=counters.rx_dropped,
        tx_bytes=counters.tx_bytes,
        tx_packets=counters.tx_packets,
        tx_errors=counters.tx_errors,
        tx_dropped=counters.tx_dropped,
    )
