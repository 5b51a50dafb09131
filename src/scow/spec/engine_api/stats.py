"""What a container uses: the answer of ``GET /containers/{id}/stats``.

Names are lower-case on the wire. What Go leaves out when it is zero is left out here too. Bytes, nanoseconds.
"""

import msgspec

_NEVER = "0001-01-01T00:00:00Z"


class _Lower(msgspec.Struct, kw_only=True):
    """A JSON object whose members are named as the fields are."""


class ThrottlingStats(_Lower, kw_only=True):
    """How often and for how long a CPU quota held the container back."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class CpuUsage(_Lower, kw_only=True):
    """CPU time since the container started; by CPU where the kernel keeps it."""

    total_usage: int = 0
    percpu_usage: list[int] | msgspec.UnsetType = msgspec.UNSET
    usage_in_kernelmode: int = 0
    usage_in_usermode: int = 0


class CpuStats(_Lower, kw_only=True):
    """The container's CPU time beside that of the whole machine, idle time included."""

    cpu_usage: CpuUsage = msgspec.field(default_factory=CpuUsage)
    system_cpu_usage: int | msgspec.UnsetType = msgspec.UNSET
    online_cpus: int | msgspec.UnsetType = msgspec.UNSET
    throttling_data: ThrottlingStats = msgspec.field(default_factory=ThrottlingStats)


class MemoryStats(_Lower, kw_only=True, omit_defaults=True):
    """``stats`` are the kernel's counters, whose names depend on the version of control groups."""

    usage: int = 0
    max_usage: int = 0
    stats: dict[str, int] = {}
    failcnt: int = 0
    limit: int = 0


class BlkioEntry(_Lower, kw_only=True):
    """One counter of one block device."""

    major: int
    minor: int
    op: str
    value: int


class BlkioStats(_Lower, kw_only=True):
    """Counters of block devices; ``None`` for those that the kernel does not keep."""

    io_service_bytes_recursive: list[BlkioEntry] | None = None
    io_serviced_recursive: list[BlkioEntry] | None = None
    io_queue_recursive: list[BlkioEntry] | None = None
    io_service_time_recursive: list[BlkioEntry] | None = None
    io_wait_time_recursive: list[BlkioEntry] | None = None
    io_merged_recursive: list[BlkioEntry] | None = None
    io_time_recursive: list[BlkioEntry] | None = None
    sectors_recursive: list[BlkioEntry] | None = None


class PidsStats(_Lower, kw_only=True, omit_defaults=True):
    """Tasks; no limit is no ``limit``."""

    current: int = 0
    limit: int = 0


class NetworkStats(_Lower, kw_only=True):
    """The counters of one interface, as the container sees it."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


class ContainerStats(_Lower, kw_only=True):
    """One sample; ``preread`` and ``precpu_stats`` are of the one before it, for rates between the two."""

    id: str
    name: str
    os_type: str = "linux"
    read: str = _NEVER
    preread: str = _NEVER
    num_procs: int = 0
    storage_stats: dict[str, int] = {}
    pids_stats: PidsStats = msgspec.field(default_factory=PidsStats)
    blkio_stats: BlkioStats = msgspec.field(default_factory=BlkioStats)
    cpu_stats: CpuStats = msgspec.field(default_factory=CpuStats)
    precpu_stats: CpuStats = msgspec.field(default_factory=CpuStats)
    memory_stats: MemoryStats = msgspec.field(default_factory=MemoryStats)
    networks: dict[str, NetworkStats] | msgspec.UnsetType = msgspec.UNSET
