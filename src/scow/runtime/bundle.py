"""The OCI document of a container, from its settings and what is known of the host.

Equal in effect to what Docker writes for the same settings; differences are deliberate and few: capabilities
and hard limits never exceed the engine's own, and the network is a namespace made beforehand, not a hook.
Source: opencontainers/runtime-spec 1.0.2 and the documents that Docker hands to its runtime.
"""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scow.errors import ScowError
from scow.runtime import capabilities, devices, mounts, namespaces, resources, seccomp, ulimits
from scow.runtime.devices import GrantedDevice
from scow.runtime.host_facts import HostFacts
from scow.runtime.mounts import MountSpec
from scow.runtime.namespaces import Namespaces
from scow.runtime.process import console_size, oci_capabilities, oci_user
from scow.runtime.security import BUILTIN, UNCONFINED, SecurityOptions, parse_security_options
from scow.runtime.users import ResolvedUser
from scow.spec.engine_api.container import ContainerConfig, HostConfig, Ulimit
from scow.spec.oci_runtime import OCI_VERSION, Document, Linux, Mount, Process, Resources, Root, Seccomp

CGROUP_PARENT = "/scow"

_MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
_READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
# Both are safe in a network namespace of one's own: echo sockets and low ports for everyone in it.
_NETWORK_SYSCTLS = {
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv4.ip_unprivileged_port_start": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRequest:
    """A container that is about to start; everything that takes I/O has been looked up.

    ``args``, ``env`` and ``cwd`` are final. ``mounts`` are those of the user and the three files of /etc.
    ``devices`` are the nodes behind ``HostConfig.Devices``, or all of the host for a privileged container.
    ``block_devices`` are the numbers of the devices that block I/O limits name. The ``default_*`` fields are
    the engine's settings; ``default_seccomp`` is ``""``, ``unconfined`` or a profile's JSON.
    """

    id: str
    config: ContainerConfig
    host: HostConfig
    args: Sequence[str]
    env: Sequence[str]
    cwd: str
    user: ResolvedUser
    rootfs: str
    hostname: str
    mounts: Sequence[MountSpec] = ()
    namespaces: Namespaces = field(default_factory=Namespaces)
    cgroup_path: str = ""
    devices: Sequence[GrantedDevice] = ()
    block_devices: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    default_ulimits: Sequence[Ulimit] = ()
    default_no_new_privileges: bool = False
    default_seccomp: str = ""
    default_init: bool = False


def build_spec(request: SpecRequest, host: HostFacts) -> Document:
    """The document to write to the bundle. Raises ScowError with Docker's messages."""
    for wanted in request.host.device_requests or ():
        groups = " ".join(f"[{' '.join(group)}]" for group in wanted.capabilities or ())
        raise ScowError(f'could not select device driver "{wanted.driver}" with capabilities: [{groups}]')
    security = parse_security_options(
        request.host.security_opt or (), no_new_privileges=request.default_no_new_privileges
    )
    granted = capabilities.granted(
        request.host.cap_add or (),
        request.host.cap_drop or (),
        privileged=request.host.privileged,
        available=host.capabilities,
    )
    init_path = _init_path(request, host)
    document = Document(
        ociVersion=OCI_VERSION,
        process=_process(request, host, security, granted, init_path),
        root=Root(path=request.rootfs, readonly=request.host.readonly_rootfs),
        mounts=_mounts(request, security, init_path),
        linux=_linux(request, host, security, granted),
    )
    if request.namespaces.uts != namespaces.HOST:
        document["hostname"] = request.hostname
    if annotations := request.host.annotations:
        document["annotations"] = dict(annotations)
    return document


def cgroup_path(container_id: str, *parents: str) -> str:
    """Where the control group of a container is: below the first parent that is given, else Docker's place.

    Always absolute and without ``..``: a client chooses the parent.
    """
    parent = next(filter(None, parents), CGROUP_PARENT)
    return posixpath.normpath(posixpath.join("/", parent.lstrip("/"), container_id))


def masked_paths(host: HostFacts) -> list[str]:
    """What containers cannot read by default."""
    return [*_MASKED_PATHS, *host.thermal_paths]


def read_only_paths() -> list[str]:
    """What containers cannot write by default, though they see it."""
    return list(_READ_ONLY_PATHS)


def _init_path(request: SpecRequest, host: HostFacts) -> str | None:
    """The init program to put in front, which only a process 1 of its own needs."""
    asked = request.host.init
    wanted = asked if isinstance(asked, bool) else request.default_init
    if not wanted or not namespaces.is_private_pid(request.host.pid_mode):
        return None
    if host.init_path is None:
        raise ScowError(
            'exec: "docker-init": executable file not found in $PATH: --init needs the package tini on the '
            "host, or its path as init-path in daemon.json"
        )
    return host.init_path


def _process(
    request: SpecRequest,
    host: HostFacts,
    security: SecurityOptions,
    granted: Sequence[str],
    init_path: str | None,
) -> Process:
    limits = ulimits.merge_ulimits(request.host.ulimits or (), request.default_ulimits)
    process = Process(
        terminal=request.config.tty,
        user=oci_user(request.user),
        args=[mounts.INIT_PATH, "--", *request.args] if init_path else list(request.args),
        env=list(request.env),
        cwd=request.cwd or "/",
        capabilities=oci_capabilities(granted),
        oomScoreAdj=request.host.oom_score_adj,
    )
    if limits:
        process["rlimits"] = ulimits.rlimits(limits, host.hard_limits)
    if security.no_new_privileges:
        process["noNewPrivileges"] = True
    if profile := _apparmor_profile(security, request.host.privileged, host):
        process["apparmorProfile"] = profile
    if request.config.tty and (size := console_size(request.host.console_size)):
        process["consoleSize"] = size
    return process


def _apparmor_profile(security: SecurityOptions, privileged: bool, host: HostFacts) -> str:
    """A profile by name; without AppArmor in the kernel the option has no effect, as in Docker."""
    if not host.machine.apparmor:
        return ""
    return security.apparmor or (UNCONFINED if privileged else host.apparmor_profile)


def _mounts(request: SpecRequest, security: SecurityOptions, init_path: str | None) -> list[Mount]:
    writable_cgroups = security.writable_cgroups
    if writable_cgroups is None:
        writable_cgroups = request.host.privileged
    return mounts.all_mounts(
        request.mounts,
        shm_size_bytes=None if request.host.ipc_mode == "none" else request.host.shm_size,
        writable_sys=request.host.privileged,
        writable_cgroups=writable_cgroups,
        init_path=init_path,
    )


def _linux(request: SpecRequest, host: HostFacts, security: SecurityOptions, granted: Sequence[str]) -> Linux:
    linux = Linux(
        namespaces=namespaces.to_oci(request.namespaces),
        cgroupsPath=request.cgroup_path or cgroup_path(request.id, request.host.cgroup_parent),
        resources=_resources(request),
        sysctl=_sysctls(request, host),
    )
    if request.devices:
        linux["devices"] = [devices.to_oci(device) for device in request.devices]
    if syscall_filter := _seccomp(request, host, security, granted):
        linux["seccomp"] = syscall_filter
    if propagation := mounts.root_propagation(request.mounts):
        linux["rootfsPropagation"] = propagation
    _close_paths(linux, request.host, host)
    return linux


def _close_paths(linux: Linux, settings: HostConfig, host: HostFacts) -> None:
    """Lists that were given count, also for a privileged container; an empty one means none."""
    masked, read_only = settings.masked_paths, settings.readonly_paths
    if not settings.privileged:
        masked = masked_paths(host) if masked is None else masked
        read_only = read_only_paths() if read_only is None else read_only
    if masked:
        linux["maskedPaths"] = list(masked)
    if read_only:
        linux["readonlyPaths"] = list(read_only)


def _resources(request: SpecRequest) -> Resources:
    groups = resources.to_oci(request.host, request.block_devices)
    if (cpu := groups.get("cpu")) and cpu.get("quota", 0) < 0:
        # Unlimited, as without; crun reads it as a number too large.
        del cpu["quota"]
    groups["devices"] = devices.rules(
        request.devices, request.host.device_cgroup_rules or (), request.host.privileged
    )
    return groups


def _sysctls(request: SpecRequest, host: HostFacts) -> dict[str, str]:
    values: dict[str, str] = {}
    if request.config.domainname and request.namespaces.uts != namespaces.HOST:
        # The document has no place for a NIS domain name; the sysctl is setdomainname(2).
        values["kernel.domainname"] = request.config.domainname
    if namespaces.is_private_network(request.host.network_mode):
        values.update(_existing(_NETWORK_SYSCTLS, host.sysctls))
    return values | (request.host.sysctls or {})


def _existing(values: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: values[name] for name in values if name in set(names)}


def _seccomp(
    request: SpecRequest, host: HostFacts, security: SecurityOptions, granted: Sequence[str]
) -> Seccomp | None:
    asked = security.seccomp
    if asked == UNCONFINED or (request.host.privileged and not asked):
        return None
    if not host.machine.seccomp:
        if asked in ("", BUILTIN):
            return None
        raise ScowError("seccomp is not enabled in your kernel, cannot run a custom seccomp profile")
    profile = asked or request.default_seccomp
    target = seccomp.Target(granted, host.architecture, host.kernel)
    if profile == UNCONFINED:
        return None
    if profile in ("", BUILTIN):
        return seccomp.default_filter(target)
    return seccomp.filter_from_json(profile, target)
