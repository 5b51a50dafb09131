"""What the engine knows of its host when it checks a container's settings and writes its document.

Everything that needs a look at the machine is gathered here once, so that the rest of document building is
plain functions of values.
"""

import os
import resource
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from scow.linux import capabilities, cgroups
from scow.linux.cgroup_features import CgroupFeatures, read_features
from scow.linux.sysinfo import MachineFacts, read_machine_facts

# uname -m → Go's name, which Docker's profiles, API and messages use.
_GO_ARCHITECTURES = {
    "x86_64": "amd64",
    "i686": "386",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "loongarch64": "loong64",
}
_APPARMOR_PROFILE = "docker-default"
_INIT_NAMES = ("docker-init", "tini-static", "tini")
# Set for every container with a network of its own, where the kernel has them.
_DEFAULT_SYSCTLS = ("net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start")
# mount_setattr(2) came with Linux 5.12; a runtime says by its features whether it uses it.
_RECURSIVE_READ_ONLY_KERNEL = (5, 12)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The host, as far as containers depend on it.

    ``capabilities`` are the engine's own: no container gets more. ``hard_limits`` are the engine's own hard
    resource limits by name (``nofile``), and only filled when it lacks CAP_SYS_RESOURCE and so cannot raise
    them. ``sysctls`` are those of the default ones that exist. ``thermal_paths`` are masked in containers.
    ``apparmor_profile`` is the default profile, "" if none is loaded.
    """

    machine: MachineFacts
    cgroup_version: int
    features: CgroupFeatures
    capabilities: frozenset[str]
    hard_limits: Mapping[str, int] = field(default_factory=dict)
    recursive_read_only: bool = False
    init_path: str | None = None
    sysctls: frozenset[str] = frozenset(_DEFAULT_SYSCTLS)
    thermal_paths: tuple[str, ...] = ()
    apparmor_profile: str = ""

    @property
    def hostname(self) -> str:
        """The host's own name, which containers in its UTS namespace have."""
        return self.machine.hostname

    @property
    def architecture(self) -> str:
        """The CPU by Go's name: ``amd64``."""
        return _GO_ARCHITECTURES.get(self.machine.architecture, self.machine.architecture)

    @property
    def kernel(self) -> tuple[int, int]:
        """Major and minor version of the kernel."""
        return parse_kernel_version(self.machine.kernel_version)


def read_host_facts(init_path: str | None = None, mount_options: Collection[str] = ()) -> HostFacts:
    """Look at this machine.

    ``init_path`` is a configured init program, else the usual places are searched; ``mount_options`` are
    those that the default runtime says it knows (``runc features``).
    """
    machine = read_machine_facts()
    host = cgroups.detect()
    own = capabilities.effective()
    newer = parse_kernel_version(machine.kernel_version) >= _RECURSIVE_READ_ONLY_KERNEL
    return HostFacts(
        machine=machine,
        cgroup_version=host.version,
        features=read_features(host),
        capabilities=own,
        hard_limits={} if "CAP_SYS_RESOURCE" in own else _own_hard_limits(),
        recursive_read_only=newer and "rro" in mount_options,
        init_path=init_path or next(filter(None, map(shutil.which, _INIT_NAMES)), None),
        sysctls=frozenset(n for n in _DEFAULT_SYSCTLS if os.path.exists("/proc/sys/" + n.replace(".", "/"))),
        thermal_paths=_thermal_paths(),
        apparmor_profile=_APPARMOR_PROFILE if _is_loaded(_APPARMOR_PROFILE) else "",
    )


def parse_kernel_version(release: str) -> tuple[int, int]:
    """``6.1.0-13-amd64`` → ``(6, 1)``. Raises ``ValueError`` for what does not start with two numbers."""
    major, minor = release.replace("-", ".").split(".")[:2]
    return int(major), int(minor)


def _own_hard_limits() -> dict[str, int]:
    names = {
        name.removeprefix("RLIMIT_").lower(): name for name in dir(resource) if name.startswith("RLIMIT_")
    }
    hard = {short: resource.getrlimit(getattr(resource, name))[1] for short, name in names.items()}
    return {name: value for name, value in hard.items() if value != resource.RLIM_INFINITY}


def _thermal_paths() -> tuple[str, ...]:
    """Each CPU's thermal throttling counters, a side channel (Docker advisory GHSA-6fw5-f8r9-fgfm)."""
    places = (f"/sys/devices/system/cpu/cpu{n}/thermal_throttle" for n in range(os.cpu_count() or 1))
    return tuple(path for path in places if os.path.exists(path))


def _is_loaded(profile: str) -> bool:
    """Whether AppArmor knows ``profile``: a container with one that it does not know would not start."""
    try:
        with open("/sys/kernel/security/apparmor/profiles", encoding="utf-8", errors="replace") as file:
            return any(line.startswith(f"{profile} ") for line in file)
    except OSError:
        return False
