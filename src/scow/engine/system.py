"""``/version`` and ``/info``: what this engine is, what runs on it, what the host can do."""

import ipaddress
import os
import platform
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scow import __version__
from scow.config import Config
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.timestamps import rfc3339
from scow.image.store import ImageStore
from scow.linux.cgroup_features import CgroupFeatures
from scow.linux.cgroups import CgroupHost
from scow.linux.sysinfo import MachineFacts
from scow.logs.drivers import DRIVERS
from scow.runtime.oci_runtime import OciRuntime
from scow.spec.api_version import MAX_API_VERSION, MIN_API_VERSION
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class System:
    """What ``/info`` is made of."""

    config: Config
    engine_id: str
    machine: MachineFacts
    cgroups: CgroupHost
    features: CgroupFeatures
    containers: Containers
    images: ImageStore
    runtimes: dict[str, OciRuntime]
    bus: EventBus

    async def version(self) -> dict[str, Any]:
        """The answer of ``/version``."""
        runtime = await self._runtime_version()
        arch = _GO_ARCHITECTURES.get(self.machine.architecture, self.machine.architecture)
        python = f"Python {platform.python_version()}"
        details = {
            "ApiVersion": str(MAX_API_VERSION),
            "Arch": arch,
            "BuildTime": "",
            "Experimental": "false",
            "GitCommit": "",
            "GoVersion": python,
            "KernelVersion": self.machine.kernel_version,
            "MinAPIVersion": str(MIN_API_VERSION),
            "Os": "linux",
        }
        return {
            "Platform": {"Name": "scow"},
            "Components": [
                {"Name": "Engine", "Version": __version__, "Details": details},
                {"Name": self.config.default_runtime, "Version": runtime, "Details": {}},
            ],
            "Version": __version__,
            "ApiVersion": str(MAX_API_VERSION),
            "MinAPIVersion": str(MIN_API_VERSION),
            "GitCommit": "",
            # Clients assert that the field is there; it names the language the engine is written in.
            "GoVersion": python,
            "Os": "linux",
            "Arch": arch,
            "KernelVersion": self.machine.kernel_version,
            "BuildTime": "",
        }

    async def _runtime_version(self) -> str:
        runtime = self.runtimes.get(self.config.default_runtime)
        return await runtime.version() if runtime else ""

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Events of this life of the engine. Raises InvalidArgumentError."""
        return await self.bus.events(since, until, filters)

    async def info(self) -> dict[str, Any]:
        """The answer of ``/info``."""
        return {
            "ID": self.engine_id,
            "Name": self.machine.hostname,
            "ServerVersion": __version__,
            **self._counts(),
            "Driver": self.images.driver_name,
            "DriverStatus": [list(item) for item in self.images.driver_status()],
            "DockerRootDir": str(self.config.data_root),
            "SystemTime": rfc3339(time.time_ns()),
            "LoggingDriver": self.config.log_driver,
            "NEventsListener": self.bus.followers,
            "NFd": len(os.listdir("/proc/self/fd")),
            "NGoroutines": 1,
            "Debug": self.config.debug,
            "ExperimentalBuild": self.config.experimental,
            "LiveRestoreEnabled": True,
            "Labels": list(self.config.labels),
            "Isolation": "",
            **self._host(),
            **self._limits(),
            **self._plug_ins(),
            "Warnings": self._warnings() or None,
        }

    def _counts(self) -> dict[str, int]:
        by_status = Counter(live.doc.state.status for live in self.containers)
        running = by_status[Status.RUNNING] + by_status[Status.RESTARTING]
        paused = by_status[Status.PAUSED]
        return {
            "Containers": len(self.containers),
            "ContainersRunning": running,
            "ContainersPaused": paused,
            "ContainersStopped": len(self.containers) - running - paused,
            "Images": len(self.images.all()),
        }

    def _host(self) -> dict[str, Any]:
        machine = self.machine
        return {
            "KernelVersion": machine.kernel_version,
            "OperatingSystem": machine.os_name,
            "OSVersion": machine.os_version,
            "OSType": "linux",
            "Architecture": machine.architecture,
            "NCPU": machine.cpu_count,
            "MemTotal": machine.memory_bytes,
            "CgroupDriver": "cgroupfs",
            "CgroupVersion": str(self.cgroups.version),
            "SecurityOptions": self._security_options(),
            "BridgeNfIptables": Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists(),
            "BridgeNfIp6tables": Path("/proc/sys/net/bridge/bridge-nf-call-ip6tables").exists(),
            "IPv4Forwarding": _is_on("/proc/sys/net/ipv4/ip_forward"),
        }

    def _security_options(self) -> list[str]:
        options = []
        if self.machine.apparmor:
            options.append("name=apparmor")
        if self.machine.seccomp:
            options.append("name=seccomp,profile=builtin")
        if self.cgroups.version == 2:
            options.append("name=cgroupns")
        return options

    def _limits(self) -> dict[str, bool]:
        features = self.features
        return {
            "MemoryLimit": features.memory_limit,
            "SwapLimit": features.swap_limit,
            "KernelMemory": features.kernel_memory,
            "KernelMemoryTCP": features.kernel_memory_tcp,
            "CpuCfsPeriod": features.cpu_cfs,
            "CpuCfsQuota": features.cpu_cfs,
            "CPUShares": features.cpu_shares,
            "CPUSet": features.cpuset,
            "PidsLimit": features.pids_limit,
            "OomKillDisable": features.oom_kill_disable,
        }

    def _plug_ins(self) -> dict[str, Any]:
        config = self.config
        return {
            "Plugins": {
                "Volume": ["local"],
                "Network": ["bridge", "host", "null"],
                "Authorization": None,
                "Log": sorted(DRIVERS),
            },
            "Runtimes": {name: {"path": runtime.program} for name, runtime in self.runtimes.items()},
            "DefaultRuntime": config.default_runtime,
            "InitBinary": config.init_path or "",
            "ContainerdCommit": {"ID": "", "Expected": ""},
            "RuncCommit": {"ID": "", "Expected": ""},
            "InitCommit": {"ID": "", "Expected": ""},
            "Swarm": {
                "NodeID": "",
                "NodeAddr": "",
                "LocalNodeState": "inactive",
                "ControlAvailable": False,
                "Error": "",
                "RemoteManagers": None,
            },
            "RegistryConfig": _registry_config(config),
            "IndexServerAddress": "https://index.docker.io/v1/",
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "GenericResources": None,
            "CDISpecDirs": [],
            "DefaultAddressPools": [
                {"Base": pool.base, "Size": pool.size} for pool in config.default_address_pools
            ],
        }

    def _warnings(self) -> list[str]:
        features = self.features
        missing = {
            "memory limit": features.memory_limit,
            "swap limit": features.swap_limit,
            "cpu cfs quota": features.cpu_cfs,
            "cpu cfs period": features.cpu_cfs,
            "cpu shares": features.cpu_shares,
            "cpuset": features.cpuset,
        }
        warnings = [f"WARNING: No {name} support" for name, there in missing.items() if not there]
        if not _is_on("/proc/sys/net/ipv4/ip_forward"):
            warnings.append("WARNING: IPv4 forwarding is disabled")
        return warnings


def _is_on(path: str) -> bool:
    try:
        return Path(path).read_text().strip() == "1"
    except OSError:
        return False


def _registry_config(config: Config) -> dict[str, Any]:
    """Registries by how they are reached; loopback ones may always be plain HTTP."""
    mirrors = [mirror.rstrip("/") + "/" for mirror in config.registry_mirrors]
    networks = [name for name in config.insecure_registries if _is_network(name)]
    hosts = [name for name in config.insecure_registries if not _is_network(name)]
    indexes = {name: {"Name": name, "Mirrors": [], "Secure": False, "Official": False} for name in hosts}
    hub = {"Name": "docker.io", "Mirrors": mirrors, "Secure": True, "Official": True}
    return {
        "AllowNondistributableArtifactsCIDRs": [],
        "AllowNondistributableArtifactsHostnames": [],
        "InsecureRegistryCIDRs": [*networks, "127.0.0.0/8", "::1/128"],
        "IndexConfigs": {**indexes, "docker.io": hub},
        "Mirrors": mirrors,
    }


def _is_network(name: str) -> bool:
    try:
        ipaddress.ip_network(name)
    except ValueError:
        return False
    return "/" in name
