"""The options that ``run`` and ``create`` share, in the groups that Docker's sources have."""

from scow.cli.flags import (
    BOOL,
    DURATION,
    INT,
    LIST,
    STRING,
    UINT16,
    UINT64,
    Flag,
    Kind,
    list_of,
    map_of,
)
from scow.cli.options import addresses, devices, environment, gpus, mounts, networks, security, sizes, ulimits
from scow.cli.units import ram_in_bytes
from scow.errors import InvalidArgumentError

_STREAMS = ("stdin", "stdout", "stderr")


def _validate_attach(text: str) -> str:
    stream = text.lower()
    if stream not in _STREAMS:
        raise InvalidArgumentError("valid streams are STDIN, STDOUT and STDERR")
    return stream


def _zero() -> int:
    return 0


BYTES = Kind("bytes", ram_in_bytes, zero=_zero)
SWAP_BYTES = Kind("bytes", sizes.parse_swap_size, zero=_zero)
CPUS = Kind("decimal", sizes.parse_cpus, zero=_zero)
_ENV = list_of(environment.validate_env)
_LABELS = list_of(environment.validate_label)
_MOUNTS = list_of(mounts.parse_mount, name="mount", warning=mounts.mount_warning)
_NETWORKS = list_of(networks.parse_network, name="network")
_GPUS = list_of(gpus.parse_gpus, name="gpu-request")
_ULIMITS = list_of(ulimits.parse_ulimit, name="ulimit", empty_text="[]")
_BYTE_RATES = list_of(devices.parse_byte_rate, empty_text="[]")
_OPERATION_RATES = list_of(devices.parse_operation_rate, empty_text="[]")
_WEIGHTS = list_of(devices.parse_weight, empty_text="[]")

_PROCESS = (
    Flag("attach", list_of(_validate_attach), "Attach to STDIN, STDOUT or STDERR", short="a"),
    Flag(
        "device-cgroup-rule",
        list_of(devices.validate_cgroup_rule),
        "Add a rule to the cgroup allowed devices list",
    ),
    Flag("device", LIST, "Add a host device to the container"),
    Flag("gpus", _GPUS, "GPU devices to add to the container ('all' to pass all GPUs)", since="1.40"),
    Flag("env", _ENV, "Set environment variables", short="e"),
    Flag("env-file", LIST, "Read in a file of environment variables"),
    Flag("entrypoint", STRING, "Overwrite the default ENTRYPOINT of the image"),
    Flag("group-add", LIST, "Add additional groups to join"),
    Flag("hostname", STRING, "Container host name", short="h"),
    Flag("domainname", STRING, "Container NIS domain name"),
    Flag("interactive", BOOL, "Keep STDIN open even if not attached", short="i"),
    Flag("label", _LABELS, "Set meta data on a container", short="l"),
    Flag("label-file", LIST, "Read in a line delimited file of labels"),
    Flag("read-only", BOOL, "Mount the container's root filesystem as read only"),
    Flag("restart", STRING, "Restart policy to apply when a container exits", default="no"),
    Flag("stop-signal", STRING, "Signal to stop the container"),
    Flag("stop-timeout", INT, "Timeout (in seconds) to stop a container", since="1.25"),
    Flag("sysctl", map_of(security.validate_sysctl), "Sysctl options"),
    Flag("tty", BOOL, "Allocate a pseudo-TTY", short="t"),
    Flag("ulimit", _ULIMITS, "Ulimit options"),
    Flag("user", STRING, "Username or UID (format: <name|uid>[:<group|gid>])", short="u"),
    Flag("workdir", STRING, "Working directory inside the container", short="w"),
    Flag("rm", BOOL, "Automatically remove the container and its associated anonymous volumes when it exits"),
)

_SECURITY = (
    Flag("cap-add", LIST, "Add Linux capabilities"),
    Flag("cap-drop", LIST, "Drop Linux capabilities"),
    Flag("privileged", BOOL, "Give extended privileges to this container"),
    Flag("security-opt", LIST, "Security Options"),
    Flag("userns", STRING, "User namespace to use"),
    Flag(
        "cgroupns",
        STRING,
        "Cgroup namespace to use (host|private)\n"
        "'host':    Run the container in the Docker host's cgroup namespace\n"
        "'private': Run the container in its own private cgroup namespace\n"
        "'':        Use the cgroup namespace as configured by the\n"
        "           default-cgroupns-mode option on the daemon (default)",
        since="1.41",
    ),
)

_NETWORK = (
    Flag("add-host", list_of(addresses.validate_extra_host), "Add a custom host-to-IP mapping (host:ip)"),
    Flag("dns", list_of(addresses.validate_ip), "Set custom DNS servers"),
    Flag("dns-option", LIST, "Set DNS options"),
    Flag("dns-opt", LIST, "Set DNS options", dest="dns-option", hidden=True),
    Flag("dns-search", list_of(addresses.validate_dns_search), "Set custom DNS search domains"),
    Flag("expose", LIST, "Expose a port or a range of ports"),
    Flag("ip", STRING, "IPv4 address (e.g., 172.30.100.104)"),
    Flag("ip6", STRING, "IPv6 address (e.g., 2001:db8::33)"),
    Flag("link", list_of(addresses.validate_link), "Add link to another container"),
    Flag("link-local-ip", LIST, "Container IPv4/IPv6 link-local addresses"),
    Flag("mac-address", STRING, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    Flag("publish", LIST, "Publish a container's port(s) to the host", short="p"),
    Flag("publish-all", BOOL, "Publish all exposed ports to random ports", short="P"),
    Flag("network", _NETWORKS, "Connect a container to a network"),
    Flag("net", _NETWORKS, "Connect a container to a network", dest="network", hidden=True),
    Flag("network-alias", LIST, "Add network-scoped alias for the container"),
    Flag("net-alias", LIST, "", dest="network-alias", hidden=True),
)

_STORAGE = (
    Flag("log-driver", STRING, "Logging driver for the container"),
    Flag("log-opt", LIST, "Log driver options"),
    Flag("volume-driver", STRING, "Optional volume driver for the container"),
    Flag("storage-opt", LIST, "Storage driver options for the container"),
    Flag("tmpfs", LIST, "Mount a tmpfs directory"),
    Flag("volumes-from", LIST, "Mount volumes from the specified container(s)"),
    Flag("volume", LIST, "Bind mount a volume", short="v"),
    Flag("mount", _MOUNTS, "Attach a filesystem mount to the container"),
)

_HEALTH = (
    Flag("health-cmd", STRING, "Command to run to check health"),
    Flag("health-interval", DURATION, "Time between running the check (ms|s|m|h) (default 0s)"),
    Flag("health-retries", INT, "Consecutive failures needed to report unhealthy"),
    Flag("health-timeout", DURATION, "Maximum time to allow one check to run (ms|s|m|h) (default 0s)"),
    Flag(
        "health-start-period",
        DURATION,
        "Start period for the container to initialize before starting health-retries countdown "
        "(ms|s|m|h) (default 0s)",
        since="1.29",
    ),
    Flag(
        "health-start-interval",
        DURATION,
        "Time between running the check during the start period (ms|s|m|h) (default 0s)",
        since="1.44",
    ),
    Flag("no-healthcheck", BOOL, "Disable any container-specified HEALTHCHECK"),
)

_RESOURCES = (
    Flag(
        "blkio-weight",
        UINT16,
        "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
    ),
    Flag("blkio-weight-device", _WEIGHTS, "Block IO weight (relative device weight)"),
    Flag("cidfile", STRING, "Write the container ID to the file"),
    Flag("cpuset-cpus", STRING, "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", STRING, "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("cpu-count", INT, "CPU count (Windows only)", server_os="windows"),
    Flag("cpu-percent", INT, "CPU percent (Windows only)", server_os="windows"),
    Flag("cpu-period", INT, "Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", INT, "Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-rt-period", INT, "Limit CPU real-time period in microseconds", since="1.25"),
    Flag("cpu-rt-runtime", INT, "Limit CPU real-time runtime in microseconds", since="1.25"),
    Flag("cpu-shares", INT, "CPU shares (relative weight)", short="c"),
    Flag("cpus", CPUS, "Number of CPUs", since="1.25"),
    Flag("device-read-bps", _BYTE_RATES, "Limit read rate (bytes per second) from a device"),
    Flag("device-read-iops", _OPERATION_RATES, "Limit read rate (IO per second) from a device"),
    Flag("device-write-bps", _BYTE_RATES, "Limit write rate (bytes per second) to a device"),
    Flag("device-write-iops", _OPERATION_RATES, "Limit write rate (IO per second) to a device"),
    Flag(
        "io-maxbandwidth",
        BYTES,
        "Maximum IO bandwidth limit for the system drive (Windows only)",
        server_os="windows",
    ),
    Flag(
        "io-maxiops",
        UINT64,
        "Maximum IOps limit for the system drive (Windows only)",
        server_os="windows",
    ),
    Flag("kernel-memory", BYTES, "Kernel memory limit"),
    Flag("memory", BYTES, "Memory limit", short="m"),
    Flag("memory-reservation", BYTES, "Memory soft limit"),
    Flag(
        "memory-swap",
        SWAP_BYTES,
        "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
    ),
    Flag("memory-swappiness", INT, "Tune container memory swappiness (0 to 100)", default=-1),
    Flag("oom-kill-disable", BOOL, "Disable OOM Killer"),
    Flag("oom-score-adj", INT, "Tune host's OOM preferences (-1000 to 1000)"),
    Flag("pids-limit", INT, "Tune container pids limit (set -1 for unlimited)"),
)

_LOW_LEVEL = (
    Flag("cgroup-parent", STRING, "Optional parent cgroup for the container"),
    Flag("ipc", STRING, "IPC mode to use"),
    Flag("isolation", STRING, "Container isolation technology"),
    Flag("pid", STRING, "PID namespace to use"),
    Flag("shm-size", BYTES, "Size of /dev/shm"),
    Flag("uts", STRING, "UTS namespace to use"),
    Flag("runtime", STRING, "Runtime to use for this container"),
    Flag(
        "init",
        BOOL,
        "Run an init inside the container that forwards signals and reaps processes",
        since="1.25",
    ),
    Flag(
        "annotation",
        map_of(),
        "Add an annotation to the container (passed through to the OCI runtime)",
        since="1.43",
    ),
)

CONTAINER_FLAGS = _PROCESS + _SECURITY + _NETWORK + _STORAGE + _HEALTH + _RESOURCES + _LOW_LEVEL


def creation_flags(before: str, missing: str) -> tuple[Flag, ...]:
    """All options of a command that creates a container.

    ``before`` is what the image is pulled before, ``missing`` how its help page writes that word.
    """
    return (
        *CONTAINER_FLAGS,
        Flag("name", STRING, "Assign a name to the container"),
        Flag("pull", STRING, f'Pull image before {before} ("always", {missing}, "never")', default="missing"),
        Flag("quiet", BOOL, "Suppress the pull output", short="q"),
        Flag("use-api-socket", BOOL, "Bind mount Docker API socket and required auth"),
        Flag("platform", STRING, "Set platform if server is multi-platform capable", since="1.32"),
        Flag("disable-content-trust", BOOL, "Skip image verification", default=True),
    )
