"""A made-up machine for tests of what depends on one: two CPUs, every limit there is, every capability."""

from typing import Any

from scow.linux.capabilities import CAPABILITIES
from scow.linux.cgroup_features import CgroupFeatures
from scow.linux.sysinfo import MachineFacts
from scow.runtime.host_facts import HostFacts

FEATURES = CgroupFeatures(
    memory_limit=True,
    swap_limit=True,
    memory_reservation=True,
    oom_kill_disable=True,
    memory_swappiness=True,
    cpu_shares=True,
    cpu_cfs=True,
    cpu_realtime=True,
    blkio_weight=True,
    blkio_weight_device=True,
    blkio_read_bps=True,
    blkio_write_bps=True,
    blkio_read_iops=True,
    blkio_write_iops=True,
    cpuset=True,
    cpuset_cpus="0-1",
    cpuset_mems="0",
    pids_limit=True,
    devices=True,
    freezer=True,
)
MACHINE = MachineFacts(
    memory_bytes=8 << 30,
    swap_bytes=0,
    cpu_count=2,
    kernel_version="6.1.0-13-amd64",
    architecture="x86_64",
    os_name="Debian GNU/Linux 12 (bookworm)",
    os_version="12",
    hostname="machine",
    seccomp=True,
    apparmor=False,
    selinux=False,
    cgroup_namespaces=True,
    ipv4_forwarding=True,
)


def host_facts(**changes: Any) -> HostFacts:
    """The facts of that machine, with ``changes``."""
    facts: dict[str, Any] = {
        "machine": MACHINE,
        "cgroup_version": 1,
        "features": FEATURES,
        "capabilities": frozenset(CAPABILITIES),
        "init_path": "/usr/bin/docker-init",
    }
    return HostFacts(**(facts | changes))
