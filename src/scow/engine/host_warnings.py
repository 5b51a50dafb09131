"""What a person should know of this host: the warnings of ``/info``. Pure; the words are Docker's."""

from collections.abc import Iterable, Iterator

from scow.linux.cgroup_features import CgroupFeatures

_EXPOSED = (
    "WARNING: API is accessible on http://{address} without encryption.\n"
    "         Access to the remote API is equivalent to root access on the host. Refer\n"
    "         to the 'Docker daemon attack surface' section in the documentation for\n"
    "         more information: https://docs.docker.com/go/attack-surface/"
)


def host_warnings(
    features: CgroupFeatures, version: int, hosts: Iterable[str], *, ipv4_forwarding: bool
) -> list[str]:
    """``version`` is that of control groups, ``hosts`` are the addresses that the engine listens on."""
    found = [
        _EXPOSED.format(address=host.removeprefix("tcp://")) for host in hosts if host.startswith("tcp://")
    ]
    found += [f"WARNING: No {name} support" for name in _missing(features, version)]
    if not ipv4_forwarding:
        found.append("WARNING: IPv4 forwarding is disabled")
    return found


def _missing(features: CgroupFeatures, version: int) -> Iterator[str]:
    # Version 2 does without that switch, and nobody can do anything about it.
    oom_kill_disable = features.oom_kill_disable or version == 2
    limits = {
        "memory limit": features.memory_limit,
        "swap limit": features.swap_limit,
        "oom kill disable": oom_kill_disable,
        "cpu cfs quota": features.cpu_cfs,
        "cpu cfs period": features.cpu_cfs,
        "cpu shares": features.cpu_shares,
        "cpuset": features.cpuset,
    }
    if version == 2:
        limits["io.weight"] = features.blkio_weight
        limits["io.weight (per device)"] = features.blkio_weight_device
    rates = {
        ("rbps", "read_bps"): features.blkio_read_bps,
        ("wbps", "write_bps"): features.blkio_write_bps,
        ("riops", "read_iops"): features.blkio_read_iops,
        ("wiops", "write_iops"): features.blkio_write_iops,
    }
    for (second, first), there in rates.items():
        limits[f"io.max ({second})" if version == 2 else f"blkio throttle.{first}_device"] = there
    return (name for name, there in limits.items() if not there)
