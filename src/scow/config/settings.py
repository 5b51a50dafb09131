"""The configuration as the rest of the engine sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scow.config.builder import BuilderSettings
from scow.spec.engine_api.container import Ulimit

STOCK_RUNTIME = "runc"
DEFAULT_BRIDGE = "scow0"
# Those that need no configuration.
BUILT_IN_RUNTIMES = (STOCK_RUNTIME, "crun")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An OCI runtime: a program (a path, or a name to look up in PATH) and arguments put before commands."""

    path: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressPool:
    """A range that networks take their subnets from; ``size`` is a subnet's prefix length."""

    base: str
    size: int


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for ``tcp://`` addresses; with ``verify`` clients need a certificate that ``ca`` signed."""

    ca: Path
    certificate: Path
    key: Path
    verify: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting of one engine. Names are those of daemon.json, units in the name where there is one.

    ``hosts`` are addresses to listen on (``unix://``, ``tcp://``, ``fd://``). ``inherited_sockets`` are
    descriptors that a service manager passed on, by name. ``idle_exit_s`` 0: never. ``seccomp_profile`` is
    "" (the built-in), ``unconfined`` or a profile's JSON. ``default_cgroupns_mode`` "": as the host's version
    of control groups says. ``default_runtime`` "": crun where it runs, else runc. ``bridge`` is the default
    bridge's device, ``none`` for no default bridge.
    """

    data_root: Path
    exec_root: Path
    hosts: tuple[str, ...]
    pidfile: Path
    group: str
    inherited_sockets: Mapping[str, int] = field(default_factory=dict)
    idle_exit_s: float = 0.0
    tls: TlsFiles | None = None

    debug: bool = False
    log_level: str = "info"
    labels: tuple[str, ...] = ()
    experimental: bool = False
    features: Mapping[str, bool] = field(default_factory=dict)
    live_restore: bool = True
    builder: BuilderSettings = field(default_factory=BuilderSettings)

    storage_driver: str | None = None
    storage_opts: tuple[str, ...] = ()

    runtimes: Mapping[str, Runtime] = field(default_factory=lambda: {STOCK_RUNTIME: Runtime(STOCK_RUNTIME)})
    default_runtime: str = ""
    cgroup_parent: str = ""
    init: bool = False
    init_path: str | None = None
    no_new_privileges: bool = False
    seccomp_profile: str = ""
    default_ulimits: tuple[Ulimit, ...] = ()
    default_shm_size_bytes: int = 64 * 1024 * 1024
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""
    default_stop_timeout_s: int = 10
    log_driver: str = "json-file"
    log_opts: Mapping[str, str] = field(default_factory=dict)

    bridge: str = DEFAULT_BRIDGE
    bip: str = ""
    bip6: str = ""
    fixed_cidr: str = ""
    fixed_cidr_v6: str = ""
    default_gateway: str = ""
    default_gateway_v6: str = ""
    ipv6: bool = False
    mtu: int = 1500
    ip: str = "0.0.0.0"
    icc: bool = True
    iptables: bool = True
    ip6tables: bool = True
    ip_forward: bool = True
    ip_masq: bool = True
    userland_proxy: bool = True
    allow_direct_routing: bool = False
    bridge_accept_fwmark: tuple[int, int] | None = None
    """A firewall mark and the mask of the bits that count."""
    default_address_pools: tuple[AddressPool, ...] = ()
    default_network_opts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    host_gateway_ips: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()

    registry_mirrors: tuple[str, ...] = ()
    insecure_registries: tuple[str, ...] = ()
    max_concurrent_downloads: int = 3
    max_concurrent_uploads: int = 5
    max_download_attempts: int = 5
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    shutdown_timeout_s: int = 15

    @property
    def container_root(self) -> Path:
        """A directory for each container: its log, and the files that it is given."""
        return self.data_root / "containers"

    @property
    def bundle_root(self) -> Path:
        """A directory for each running container, as its OCI runtime wants it."""
        return self.exec_root / "bundles"
