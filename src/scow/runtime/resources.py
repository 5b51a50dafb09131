"""A container's limits as the control groups of an OCI document. Bytes, microseconds, nanocpus."""

from collections.abc import Iterable, Mapping

from scow.errors import InvalidArgumentError
from scow.spec.engine_api import container
from scow.spec.oci_runtime import CPU, BlockIO, Memory, Pids, Resources, ThrottleDevice, WeightDevice

CPU_PERIOD_US = 100_000
"""The kernel's default period, which ``--cpus`` is measured against."""

_PIDS_UNLIMITED = -1

DeviceNumbers = Mapping[str, tuple[int, int]]
"""Major and minor number by path of the devices that block I/O limits name."""


def to_oci(limits: container.Resources, numbers: DeviceNumbers) -> Resources:
    """All groups but ``devices``. Raises InvalidArgumentError for negative CPU shares."""
    groups = Resources()
    if memory := memory_limits(limits):
        groups["memory"] = memory
    if cpu := cpu_limits(limits):
        groups["cpu"] = cpu
    if limits.pids_limit is not None:
        groups["pids"] = pids_limit(limits.pids_limit)
    if block := block_io_limits(limits, numbers):
        groups["blockIO"] = block
    return groups


def memory_limits(limits: container.Resources) -> Memory:
    """Only what is limited; a swap of -1 is left to the runtime, which reads its absence as unlimited."""
    memory = Memory()
    if limits.memory > 0:
        memory["limit"] = limits.memory
    if limits.memory_reservation > 0:
        memory["reservation"] = limits.memory_reservation
    if limits.memory_swap > 0:
        memory["swap"] = limits.memory_swap
    if limits.memory_swappiness is not None:
        memory["swappiness"] = limits.memory_swappiness
    if limits.oom_kill_disable is not None:
        memory["disableOOMKiller"] = limits.oom_kill_disable
    return memory


def cpu_limits(limits: container.Resources) -> CPU:
    """Only what is limited."""
    if limits.cpu_shares < 0:
        raise InvalidArgumentError(
            f"invalid CPU shares ({limits.cpu_shares}): value must be a positive integer"
        )
    cpu = CPU()
    if limits.cpu_shares:
        cpu["shares"] = limits.cpu_shares
    if limits.cpuset_cpus:
        cpu["cpus"] = limits.cpuset_cpus
    if limits.cpuset_mems:
        cpu["mems"] = limits.cpuset_mems
    if limits.nano_cpus > 0:
        cpu["period"] = CPU_PERIOD_US
        cpu["quota"] = limits.nano_cpus * CPU_PERIOD_US // 1_000_000_000
    if limits.cpu_period:
        cpu["period"] = limits.cpu_period
    if limits.cpu_quota:
        cpu["quota"] = limits.cpu_quota
    if limits.cpu_realtime_period:
        cpu["realtimePeriod"] = limits.cpu_realtime_period
    if limits.cpu_realtime_runtime:
        cpu["realtimeRuntime"] = limits.cpu_realtime_runtime
    return cpu


def pids_limit(limit: int) -> Pids:
    """Zero and less mean unlimited, which a runtime spells -1."""
    return Pids(limit=limit if limit > 0 else _PIDS_UNLIMITED)


def block_io_limits(limits: container.Resources, numbers: DeviceNumbers) -> BlockIO:
    """Only what is limited; every path that ``limits`` names must be in ``numbers``."""
    block = BlockIO()
    if limits.blkio_weight:
        block["weight"] = limits.blkio_weight
    if limits.blkio_weight_device:
        block["weightDevice"] = [
            WeightDevice(major=numbers[d.path][0], minor=numbers[d.path][1], weight=d.weight)
            for d in limits.blkio_weight_device
        ]
    if limits.blkio_device_read_bps:
        block["throttleReadBpsDevice"] = _throttled(limits.blkio_device_read_bps, numbers)
    if limits.blkio_device_write_bps:
        block["throttleWriteBpsDevice"] = _throttled(limits.blkio_device_write_bps, numbers)
    if limits.blkio_device_read_i_ops:
        block["throttleReadIOPSDevice"] = _throttled(limits.blkio_device_read_i_ops, numbers)
    if limits.blkio_device_write_i_ops:
        block["throttleWriteIOPSDevice"] = _throttled(limits.blkio_device_write_i_ops, numbers)
    return block


def _throttled(devices: Iterable[container.ThrottleDevice], numbers: DeviceNumbers) -> list[ThrottleDevice]:
    return [
        ThrottleDevice(major=numbers[device.path][0], minor=numbers[device.path][1], rate=device.rate)
        for device in devices
    ]


def block_device_paths(limits: container.Resources) -> list[str]:
    """The devices that block I/O limits name, whose numbers the caller looks up."""
    devices: list[container.WeightDevice | container.ThrottleDevice] = [
        *(limits.blkio_weight_device or []),
        *(limits.blkio_device_read_bps or []),
        *(limits.blkio_device_write_bps or []),
        *(limits.blkio_device_read_i_ops or []),
        *(limits.blkio_device_write_i_ops or []),
    ]
    return list(dict.fromkeys(device.path for device in devices))
