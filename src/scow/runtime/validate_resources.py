"""Checks of limits: what is refused, and what is dropped with a warning because the kernel lacks it.

The texts are Docker's. A check that drops a value changes ``limits`` in place: the container's settings then
show what it really has.
"""

from scow.errors import InvalidArgumentError
from scow.linux.cgroup_features import CgroupFeatures
from scow.runtime.cpusets import parse_cpu_list
from scow.runtime.host_facts import HostFacts
from scow.spec.engine_api.container import Resources

MIN_MEMORY_BYTES = 6 * 1024 * 1024
"""Docker's own minimum: below it a container can hardly start."""


def validate_resources(limits: Resources, facts: HostFacts, *, update: bool = False) -> list[str]:
    """Check all limits of a container, new or (``update``) running; returns warnings.

    Raises InvalidArgumentError with Docker's messages. Values the kernel cannot keep are dropped.
    """
    features = facts.features
    warnings = _check_memory(limits, features, update)
    warnings += _check_processes(limits, features)
    warnings += _check_cpu(limits, facts)
    warnings += _check_cpuset(limits, features)
    return warnings + _check_block_io(limits, features)


def _check_memory(limits: Resources, features: CgroupFeatures, update: bool) -> list[str]:
    warnings: list[str] = []
    if limits.memory_swappiness == -1:
        limits.memory_swappiness = None
    if limits.memory != 0 and limits.memory < MIN_MEMORY_BYTES:
        raise InvalidArgumentError("Minimum memory limit allowed is 6MB")
    if limits.memory > 0 and not features.memory_limit:
        warnings.append(
            "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
            "Limitation discarded."
        )
        limits.memory, limits.memory_swap = 0, -1
    if limits.memory > 0 and limits.memory_swap != -1 and not features.swap_limit:
        warnings.append(
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
            "Memory limited without swap."
        )
        limits.memory_swap = -1
    if 0 < limits.memory_swap < limits.memory:
        raise InvalidArgumentError("Minimum memoryswap limit should be larger than memory limit, see usage")
    if limits.memory == 0 and limits.memory_swap > 0 and not update:
        raise InvalidArgumentError(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    return warnings + _check_swappiness(limits, features) + _check_reservation(limits, features)


def _check_swappiness(limits: Resources, features: CgroupFeatures) -> list[str]:
    if limits.memory_swappiness is None:
        return []
    if not features.memory_swappiness:
        limits.memory_swappiness = None
        return [
            "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
            "Memory swappiness discarded."
        ]
    if not 0 <= limits.memory_swappiness <= 100:
        raise InvalidArgumentError(
            f"Invalid value: {limits.memory_swappiness}, valid memory swappiness range is 0-100"
        )
    return []


def _check_reservation(limits: Resources, features: CgroupFeatures) -> list[str]:
    if limits.memory_reservation <= 0:
        return []
    if not features.memory_reservation:
        limits.memory_reservation = 0
        return [
            "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. "
            "Limitation discarded."
        ]
    if limits.memory_reservation < MIN_MEMORY_BYTES:
        raise InvalidArgumentError("Minimum memory reservation allowed is 6MB")
    if 0 < limits.memory < limits.memory_reservation:
        raise InvalidArgumentError(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )
    return []


def _check_processes(limits: Resources, features: CgroupFeatures) -> list[str]:
    warnings: list[str] = []
    if limits.oom_kill_disable is not None and not features.oom_kill_disable:
        if limits.oom_kill_disable:
            warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
        limits.oom_kill_disable = None
    if limits.oom_kill_disable and limits.memory == 0:
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the "
            "system running out of resources."
        )
    if limits.pids_limit is not None and not features.pids_limit:
        if limits.pids_limit > 0:
            warnings.append(
                "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. "
                "PIDs limit discarded."
            )
        limits.pids_limit = None
    return warnings


def _check_cpu(limits: Resources, facts: HostFacts) -> list[str]:
    features = facts.features
    _check_cpu_conflicts(limits, facts)
    _check_realtime(limits, features)
    warnings: list[str] = []
    if limits.cpu_shares < 0:
        raise InvalidArgumentError(
            f"invalid CPU shares ({limits.cpu_shares}): value must be a positive integer"
        )
    if limits.cpu_shares > 0 and not features.cpu_shares:
        warnings.append(
            "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded."
        )
        limits.cpu_shares = 0
    if (limits.cpu_period or limits.cpu_quota) and not features.cpu_cfs:
        warnings.append("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.")
        limits.cpu_period = limits.cpu_quota = 0
    if limits.cpu_period and not 1_000 <= limits.cpu_period <= 1_000_000:
        raise InvalidArgumentError(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        )
    if 0 < limits.cpu_quota < 1_000:
        raise InvalidArgumentError("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    return warnings


def _check_cpu_conflicts(limits: Resources, facts: HostFacts) -> None:
    if limits.nano_cpus > 0 and limits.cpu_period > 0:
        raise InvalidArgumentError("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if limits.nano_cpus > 0 and limits.cpu_quota > 0:
        raise InvalidArgumentError("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if limits.nano_cpus > 0 and not facts.features.cpu_cfs:
        raise InvalidArgumentError(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not "
            "mounted"
        )
    count = facts.machine.cpu_count
    if not 0 <= limits.nano_cpus <= count * 1_000_000_000:
        raise InvalidArgumentError(
            f"Range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available"
        )


def _check_realtime(limits: Resources, features: CgroupFeatures) -> None:
    period, runtime = limits.cpu_realtime_period, limits.cpu_realtime_runtime
    if (period or runtime) and not features.cpu_realtime:
        raise InvalidArgumentError("kernel does not support CPU real-time scheduler")
    if period and runtime > period:
        raise InvalidArgumentError("cpu real-time runtime cannot be higher than cpu real-time period")


def _check_cpuset(limits: Resources, features: CgroupFeatures) -> list[str]:
    if (limits.cpuset_cpus or limits.cpuset_mems) and not features.cpuset:
        limits.cpuset_cpus = limits.cpuset_mems = ""
        return ["Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."]
    _check_list(limits.cpuset_cpus, features.cpuset_cpus, "cpus", "CPUs")
    _check_list(limits.cpuset_mems, features.cpuset_mems, "mems", "memory nodes")
    return []


def _check_list(asked: str, available: str, kind: str, noun: str) -> None:
    try:
        missing = parse_cpu_list(asked) - parse_cpu_list(available)
    except ValueError as exc:
        raise InvalidArgumentError(f"Invalid value {asked} for cpuset {kind}: {exc}") from exc
    if missing:
        raise InvalidArgumentError(
            f"Requested {noun} are not available - requested {asked}, available: {available}"
        )


def _check_block_io(limits: Resources, features: CgroupFeatures) -> list[str]:
    warnings: list[str] = []
    if limits.blkio_weight and not features.blkio_weight:
        warnings.append(
            "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."
        )
        limits.blkio_weight = 0
    if limits.blkio_weight and not 10 <= limits.blkio_weight <= 1000:
        raise InvalidArgumentError("Range of blkio weight is from 10 to 1000")
    for name, supported, warning in _block_io_table(features):
        if getattr(limits, name) and not supported:
            warnings.append(warning)
            setattr(limits, name, [])
    return warnings


def _block_io_table(features: CgroupFeatures) -> list[tuple[str, bool, str]]:
    lacks = "Your kernel does not support"
    unmounted = "or the cgroup is not mounted."
    return [
        (
            "blkio_weight_device",
            features.blkio_weight_device,
            f"{lacks} Block I/O weight_device {unmounted} Weight-device discarded.",
        ),
        (
            "blkio_device_read_bps",
            features.blkio_read_bps,
            f"{lacks} BPS Block I/O read limit {unmounted} Block I/O BPS read limit discarded.",
        ),
        (
            "blkio_device_write_bps",
            features.blkio_write_bps,
            f"{lacks} BPS Block I/O write limit {unmounted} Block I/O BPS write limit discarded.",
        ),
        (
            "blkio_device_read_i_ops",
            features.blkio_read_iops,
            f"{lacks} IOPS Block read limit {unmounted} Block I/O IOPS read limit discarded.",
        ),
        (
            "blkio_device_write_i_ops",
            features.blkio_write_iops,
            f"{lacks} IOPS Block write limit {unmounted} Block I/O IOPS write limit discarded.",
        ),
    ]
