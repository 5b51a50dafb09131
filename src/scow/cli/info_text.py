"""The page that ``info`` prints."""

from scow.cli.units import bytes_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Info = dict[str, Any]


def client_lines(client: "Info") -> list[str]:
    """About this program."""
    return [
        "Client:",
        f" Version:    {client['Version']}",
        f" Context:    {client['Context']}",
        f" Debug Mode: {_bool(client['Debug'])}",
    ]


def server_lines(info: "Info", *, user: str, debug: bool) -> list[str]:
    """About the engine: ``user`` is logged in at Docker Hub, ``debug`` is this program's own option."""
    return [
        *_object_lines(info),
        *_driver_lines(info),
        *_plugin_lines(info),
        f" Swarm: {(info.get('Swarm') or {}).get('LocalNodeState', '')}",
        *_runtime_lines(info),
        *_security_lines(info),
        *_host_lines(info),
        *_debug_lines(info, debug=debug),
        *_present(info, ("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")),
        *([f" Username: {user}"] if user else []),
        *_section(" Labels:", info.get("Labels")),
        f" Experimental: {_bool(info.get('ExperimentalBuild'))}",
        *_registry_lines(info),
        f" Live Restore Enabled: {_bool(info.get('LiveRestoreEnabled'))}",
        *_present(info, ("Product License", "ProductLicense")),
        *_pool_lines(info),
    ]


def _object_lines(info: "Info") -> list[str]:
    return [
        f" Containers: {info.get('Containers', 0)}",
        f"  Running: {info.get('ContainersRunning', 0)}",
        f"  Paused: {info.get('ContainersPaused', 0)}",
        f"  Stopped: {info.get('ContainersStopped', 0)}",
        f" Images: {info.get('Images', 0)}",
    ]


def _driver_lines(info: "Info") -> list[str]:
    return [
        *_present(info, ("Server Version", "ServerVersion"), ("Storage Driver", "Driver")),
        *(f"  {name}: {value}" for name, value in info.get("DriverStatus") or ()),
        *(f" {name}: {value}" for name, value in info.get("SystemStatus") or ()),
        *_present(
            info,
            ("Logging Driver", "LoggingDriver"),
            ("Cgroup Driver", "CgroupDriver"),
            ("Cgroup Version", "CgroupVersion"),
        ),
    ]


def _plugin_lines(info: "Info") -> list[str]:
    plugins = info.get("Plugins") or {}
    lines = [" Plugins:"]
    for kind in ("Volume", "Network", "Authorization", "Log"):
        names = plugins.get(kind) or []
        if names or kind != "Authorization":
            lines.append(f"  {kind}: {' '.join(names)}")
    lines += _section(" CDI spec directories:", info.get("CDISpecDirs"))
    devices = [f"{device['Source']}: {device['ID']}" for device in info.get("DiscoveredDevices") or ()]
    return lines + _section(" Discovered Devices:", devices)


def _runtime_lines(info: "Info") -> list[str]:
    runtimes = info.get("Runtimes") or {}
    if not runtimes:
        return []
    return [f" Runtimes: {' '.join(sorted(runtimes))}", f" Default Runtime: {info.get('DefaultRuntime', '')}"]


def _security_lines(info: "Info") -> list[str]:
    if info.get("OSType") != "linux":
        return []
    lines = [f" Init Binary: {info.get('InitBinary', '')}"]
    for name in ("containerd", "runc", "init"):
        commit = info.get(f"{name.capitalize()}Commit") or {}
        lines.append(f" {name} version: {commit.get('ID', '')}")
    options = info.get("SecurityOptions") or []
    if options:
        lines.append(" Security Options:")
    for option in options:
        fields = dict(field.partition("=")[::2] for field in option.split(","))
        lines.append(f"  {fields.get('name', option)}")
        if "profile" in fields:
            lines.append(f"   Profile: {fields['profile']}")
    return lines


def _host_lines(info: "Info") -> list[str]:
    return [
        *_present(
            info,
            ("Kernel Version", "KernelVersion"),
            ("Operating System", "OperatingSystem"),
            ("OSType", "OSType"),
            ("Architecture", "Architecture"),
        ),
        f" CPUs: {info.get('NCPU', 0)}",
        f" Total Memory: {bytes_size(info.get('MemTotal') or 0)}",
        *_present(info, ("Name", "Name"), ("ID", "ID")),
        f" Docker Root Dir: {info.get('DockerRootDir', '')}",
        f" Debug Mode: {_bool(info.get('Debug'))}",
    ]


def _debug_lines(info: "Info", *, debug: bool) -> list[str]:
    if not (debug or info.get("Debug")):
        return []
    return [
        f"  File Descriptors: {info.get('NFd', 0)}",
        f"  Goroutines: {info.get('NGoroutines', 0)}",
        f"  System Time: {info.get('SystemTime', '')}",
        f"  EventsListeners: {info.get('NEventsListener', 0)}",
    ]


def _registry_lines(info: "Info") -> list[str]:
    registries = info.get("RegistryConfig") or {}
    insecure = [
        index["Name"] for index in (registries.get("IndexConfigs") or {}).values() if not index.get("Secure")
    ]
    insecure += registries.get("InsecureRegistryCIDRs") or []
    lines = []
    if registries.get("IndexConfigs") or registries.get("InsecureRegistryCIDRs"):
        lines = [" Insecure Registries:", *(f"  {name}" for name in insecure)]
    return lines + _section(" Registry Mirrors:", registries.get("Mirrors"))


def _pool_lines(info: "Info") -> list[str]:
    pools = info.get("DefaultAddressPools") or []
    return _section(
        " Default Address Pools:", [f" Base: {pool['Base']}, Size: {pool['Size']}" for pool in pools]
    )


def _section(heading: str, items: "list[str] | None") -> list[str]:
    return [heading, *(f"  {item}" for item in items)] if items else []


def _present(info: "Info", *rows: tuple[str, str]) -> list[str]:
    """``Label: value`` for each (label, member) that is not empty."""
    return [f" {label}: {info[member]}" for label, member in rows if info.get(member)]


def _bool(value: object) -> str:
    return "true" if value else "false"
