"""``/version`` and ``/info``: what this engine is, what runs on it, what the host can do."""

import asyncio
import ipaddress
import os
import platform
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scow import __version__
from scow.config import Config
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.host_warnings import host_warnings
from scow.engine.programs import Programs
from scow.engine.reload import reload_attributes, reloaded
from scow.engine.timestamps import rfc3339
from scow.image.store import ImageStore
from scow.linux.cgroup_features import CgroupFeatures
from scow.linux.cgroups import CgroupHost
from scow.linux.sysinfo import MachineFacts
from scow.logs.drivers import DRIVERS
from scow.spec.api_version import MAX_API_VERSION, MIN_API_VERSION
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(slots=True)
class System:
    """What ``/info`` is made of. ``config`` changes with ``reload``."""

    config: Config
    engine_id: str
    machine: MachineFacts
    cgroups: CgroupHost
    features: CgroupFeatures
    containers: Containers
    images: ImageStore
    programs: Programs
    bus: EventBus
    volume_drivers: Callable[[], list[str]]

    @property
    def builder_version(self) -> str:
        """BuildKit's unless ``features`` of daemon.json has it off."""
        return "2" if self.config.features.get("buildkit", True) else "1"

    async def version(self) -> dict[str, Any]:
        """The answer of ``/version``."""
        arch = _GO_ARCHITECTURES.get(self.machine.architecture, self.machine.architecture)
        python = f"Python {platform.python_version()}"
        details = {
            "ApiVersion": str(MAX_API_VERSION),
            "Arch": arch,
            "BuildTime": "",
            "Experimental": str(self.config.experimental).lower(),
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
                *await self._components(),
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

    async def _components(self) -> list[dict[str, Any]]:
        """The programs that containers are run with, as far as they are there."""
        name, init = self.config.default_runtime, self.programs.init_path
        found = [(name, await self.programs.runtime(name))]
        if init:
            found.append((os.path.basename(init), await self.programs.init()))
        return [
            {"Name": name, "Version": program.version, "Details": {"GitCommit": program.commit}}
            for name, program in found
        ]

    def reload(self, read: Config) -> None:
        """Take over the settings of ``read`` that can change while the engine runs, and tell of it."""
        self.config = reloaded(self.config, read)
        attributes = {**reload_attributes(self.config), "name": self.machine.hostname}
        self.bus.publish("daemon", "reload", self.engine_id, attributes)

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Past and coming events. Raises InvalidArgumentError."""
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
            "NGoroutines": len(asyncio.all_tasks()),
            "Debug": self.config.debug,
            "ExperimentalBuild": self.config.experimental,
            "LiveRestoreEnabled": self.config.live_restore,
            "Labels": list(self.config.labels),
            "Isolation": "",
            **self._host(),
            **self._limits(),
            **self._plug_ins(),
            **await self._run_by(),
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
            "Images": len(self.images.shown()),
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
                "Volume": self.volume_drivers(),
                "Network": ["bridge", "host", "macvlan", "null"],
                "Authorization": None,
                "Log": sorted(DRIVERS.keys() - {"none"}),
            },
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
            "HttpProxy": _without_password(config.http_proxy),
            "HttpsProxy": _without_password(config.https_proxy),
            "NoProxy": config.no_proxy,
            "GenericResources": None,
            "CDISpecDirs": [],
            **_address_pools(config),
        }

    async def _run_by(self) -> dict[str, Any]:
        """The programs between the engine and a container's process. There is no containerd."""
        runtime = (await self.programs.runtime(self.config.default_runtime)).commit or "N/A"
        init = (await self.programs.init()).commit or "N/A"
        return {
            "Runtimes": await self.programs.runtimes(),
            "DefaultRuntime": self.config.default_runtime,
            "InitBinary": os.path.basename(self.programs.init_path or ""),
            "ContainerdCommit": {"ID": "N/A", "Expected": "N/A"},
            "RuncCommit": {"ID": runtime, "Expected": runtime},
            "InitCommit": {"ID": init, "Expected": init},
            **({"FirewallBackend": {"Driver": "nftables"}} if self.config.iptables else {}),
        }

    def _warnings(self) -> list[str]:
        forwards = _is_on("/proc/sys/net/ipv4/ip_forward")
        return host_warnings(self.features, self.cgroups.version, self.config.hosts, ipv4_forwarding=forwards)


def _address_pools(config: Config) -> dict[str, Any]:
    """Those of the configuration; without any the member is not there, as in Docker."""
    pools = [{"Base": pool.base, "Size": pool.size} for pool in config.default_address_pools]
    return {"DefaultAddressPools": pools} if pools else {}


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


def _without_password(proxy: str) -> str:
    """As Docker shows a proxy's address: names and passwords are nobody's business."""
    scheme, separator, rest = proxy.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}xxxxx:xxxxx@{host}" if at and user else proxy


def _is_network(name: str) -> bool:
    try:
        ipaddress.ip_network(name)
    except ValueError:
        return False
    return "/" in name
