"""The OCI runtime configuration (``config.json``) as typed dictionaries.

A document is a plain dict, written to the bundle as JSON; these types only name its members. Members that a
document need not have are absent, never ``None``. Source: opencontainers/runtime-spec 1.0.2, config.md and
config-linux.md.
"""

from typing import Literal, NotRequired, TypedDict

OCI_VERSION = "1.0.2"

NamespaceType = Literal["mount", "network", "uts", "pid", "ipc", "cgroup", "user"]


class Box(TypedDict):
    """A terminal's size in characters."""

    height: int
    width: int


class User(TypedDict):
    """Who the process is; ``additionalGids`` are its supplementary groups."""

    uid: int
    gid: int
    additionalGids: NotRequired[list[int]]


class Capabilities(TypedDict):
    """Capability sets, names with their ``CAP_`` prefix."""

    bounding: list[str]
    effective: list[str]
    permitted: list[str]


class Rlimit(TypedDict):
    """One resource limit; ``type`` is ``RLIMIT_NOFILE`` and the like, 2**64-1 is unlimited."""

    type: str
    soft: int
    hard: int


class Process(TypedDict):
    """The program of a container or of an exec."""

    terminal: bool
    consoleSize: NotRequired[Box]
    user: User
    args: list[str]
    env: list[str]
    cwd: str
    capabilities: Capabilities
    rlimits: NotRequired[list[Rlimit]]
    noNewPrivileges: NotRequired[bool]
    apparmorProfile: NotRequired[str]
    selinuxLabel: NotRequired[str]
    oomScoreAdj: NotRequired[int]


class Root(TypedDict):
    """The root file system of the container."""

    path: str
    readonly: NotRequired[bool]


class Mount(TypedDict):
    """One mount, made in the order of the list."""

    destination: str
    type: str
    source: str
    options: list[str]


class Namespace(TypedDict):
    """A namespace to make, or, with ``path``, to join."""

    type: NamespaceType
    path: NotRequired[str]


class Device(TypedDict):
    """A device node to make inside. ``fileMode`` is the permission bits."""

    path: str
    type: str
    major: int
    minor: int
    fileMode: int
    uid: int
    gid: int


class DeviceRule(TypedDict):
    """One entry of the device control group; a missing or -1 number stands for all."""

    allow: bool
    type: NotRequired[str]
    major: NotRequired[int]
    minor: NotRequired[int]
    access: str


class Memory(TypedDict, total=False):
    """Memory limits in bytes; ``swap`` counts memory and swap together."""

    limit: int
    reservation: int
    swap: int
    swappiness: int
    disableOOMKiller: bool


class CPU(TypedDict, total=False):
    """CPU limits; periods and quotas in microseconds."""

    shares: int
    quota: int
    period: int
    realtimeRuntime: int
    realtimePeriod: int
    cpus: str
    mems: str


class Pids(TypedDict):
    """The number of tasks; -1 is unlimited."""

    limit: int


class WeightDevice(TypedDict):
    """Block I/O weight of one device."""

    major: int
    minor: int
    weight: int


class ThrottleDevice(TypedDict):
    """Block I/O rate of one device, in bytes or operations a second."""

    major: int
    minor: int
    rate: int


class BlockIO(TypedDict, total=False):
    """Block I/O limits."""

    weight: int
    weightDevice: list[WeightDevice]
    throttleReadBpsDevice: list[ThrottleDevice]
    throttleWriteBpsDevice: list[ThrottleDevice]
    throttleReadIOPSDevice: list[ThrottleDevice]
    throttleWriteIOPSDevice: list[ThrottleDevice]


class Resources(TypedDict, total=False):
    """Everything a control group limits."""

    devices: list[DeviceRule]
    memory: Memory
    cpu: CPU
    pids: Pids
    blockIO: BlockIO


class SyscallArg(TypedDict):
    """A condition on argument ``index`` of a system call; ``valueTwo`` only for ``SCMP_CMP_MASKED_EQ``."""

    index: int
    value: int
    valueTwo: NotRequired[int]
    op: str


class Syscall(TypedDict):
    """What to do on some system calls, if all ``args`` hold."""

    names: list[str]
    action: str
    errnoRet: NotRequired[int]
    args: NotRequired[list[SyscallArg]]


class Seccomp(TypedDict):
    """A system call filter."""

    defaultAction: str
    defaultErrnoRet: NotRequired[int]
    architectures: NotRequired[list[str]]
    flags: NotRequired[list[str]]
    listenerPath: NotRequired[str]
    listenerMetadata: NotRequired[str]
    syscalls: list[Syscall]


class Linux(TypedDict):
    """The Linux half of a document."""

    namespaces: list[Namespace]
    devices: NotRequired[list[Device]]
    cgroupsPath: str
    resources: Resources
    sysctl: dict[str, str]
    seccomp: NotRequired[Seccomp]
    rootfsPropagation: NotRequired[str]
    maskedPaths: NotRequired[list[str]]
    readonlyPaths: NotRequired[list[str]]
    mountLabel: NotRequired[str]


class Document(TypedDict):
    """A whole ``config.json``."""

    ociVersion: str
    process: Process
    root: Root
    hostname: NotRequired[str]
    mounts: list[Mount]
    annotations: NotRequired[dict[str, str]]
    linux: Linux
