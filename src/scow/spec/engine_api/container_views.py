"""Containers as the API shows them: what inspect, list and the rest answer."""

import msgspec

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.container import ContainerConfig, HostConfig, PortBinding
from scow.spec.engine_api.network import EndpointSettings


class ContainerCreated(Body, kw_only=True):
    """The answer to create."""

    id: str
    warnings: list[str] = []


class ProbeResult(Body, kw_only=True):
    """One run of a health check; -1 is the exit code of one that ran too long or could not be run."""

    start: str
    end: str
    exit_code: int
    output: str


class HealthState(Body, kw_only=True):
    """``.State.Health``: ``status`` is starting, healthy or unhealthy; the last results, oldest first."""

    status: str
    failing_streak: int = 0
    log: list[ProbeResult] = []


class HealthSummary(Body, kw_only=True):
    """The sliver of a health that a list shows; ``status`` is ``none`` without a check. Since 1.52."""

    status: str
    failing_streak: int = 0


class ContainerState(Body, kw_only=True):
    """Where a container is in its life. Times are RFC 3339; zero time where there is none."""

    status: str
    running: bool
    paused: bool
    restarting: bool
    oom_killed: bool = msgspec.field(name="OOMKilled")
    dead: bool
    pid: int
    exit_code: int
    error: str
    started_at: str
    finished_at: str
    health: HealthState | msgspec.UnsetType = msgspec.UNSET


class MountPoint(Body, kw_only=True):
    """One mount of a container, as inspect and list show it."""

    type: str
    name: str | msgspec.UnsetType = msgspec.UNSET
    source: str
    destination: str
    driver: str | msgspec.UnsetType = msgspec.UNSET
    mode: str
    rw: bool = msgspec.field(name="RW")
    propagation: str


class NetworkSettings(Body, kw_only=True):
    """Addresses and published ports; the single fields repeat those of the default bridge."""

    bridge: str = ""
    sandbox_id: str = msgspec.field(default="", name="SandboxID")
    sandbox_key: str = ""
    ports: dict[str, list[PortBinding] | None] = {}
    hairpin_mode: bool = False
    link_local_i_pv6_address: str = msgspec.field(default="", name="LinkLocalIPv6Address")
    link_local_i_pv6_prefix_len: int = msgspec.field(default=0, name="LinkLocalIPv6PrefixLen")
    secondary_ip_addresses: None = msgspec.field(default=None, name="SecondaryIPAddresses")
    secondary_ipv6_addresses: None = msgspec.field(default=None, name="SecondaryIPv6Addresses")
    endpoint_id: str = msgspec.field(default="", name="EndpointID")
    gateway: str = ""
    global_ipv6_address: str = msgspec.field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = msgspec.field(default=0, name="GlobalIPv6PrefixLen")
    ip_address: str = msgspec.field(default="", name="IPAddress")
    ip_prefix_len: int = msgspec.field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = msgspec.field(default="", name="IPv6Gateway")
    mac_address: str = ""
    networks: dict[str, EndpointSettings] = {}


class GraphDriver(Body, kw_only=True):
    """The storage driver's view of a layer: paths by name."""

    name: str
    data: dict[str, str] | None


class ContainerInspect(Body, kw_only=True):
    """The answer of ``GET /containers/{id}/json``."""

    id: str
    created: str
    path: str
    args: list[str]
    state: ContainerState
    image: str
    resolv_conf_path: str
    hostname_path: str
    hosts_path: str
    log_path: str
    name: str
    restart_count: int
    driver: str
    platform: str
    mount_label: str
    process_label: str
    app_armor_profile: str
    exec_i_ds: list[str] | None = msgspec.field(name="ExecIDs")
    host_config: HostConfig
    graph_driver: GraphDriver
    size_rw: int | msgspec.UnsetType = msgspec.UNSET
    size_root_fs: int | msgspec.UnsetType = msgspec.UNSET
    mounts: list[MountPoint]
    config: ContainerConfig
    network_settings: NetworkSettings


class Port(Body, kw_only=True):
    """A port in a container list; the public half only when it is published."""

    ip: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="IP")
    private_port: int
    public_port: int | msgspec.UnsetType = msgspec.UNSET
    type: str


class SummaryHostConfig(Body, kw_only=True):
    """The sliver of ``HostConfig`` that a list shows."""

    network_mode: str
    annotations: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class SummaryNetworkSettings(Body, kw_only=True):
    """The sliver of ``NetworkSettings`` that a list shows."""

    networks: dict[str, EndpointSettings]


class ContainerSummary(Body, kw_only=True):
    """One item of ``GET /containers/json``; ``created`` in Unix seconds."""

    id: str
    names: list[str]
    image: str
    image_id: str = msgspec.field(name="ImageID")
    command: str
    created: int
    ports: list[Port]
    size_rw: int | msgspec.UnsetType = msgspec.UNSET
    size_root_fs: int | msgspec.UnsetType = msgspec.UNSET
    labels: dict[str, str]
    state: str
    status: str
    health: HealthSummary | msgspec.UnsetType = msgspec.UNSET
    host_config: SummaryHostConfig
    network_settings: SummaryNetworkSettings
    mounts: list[MountPoint]


class ContainerUpdated(Body, kw_only=True):
    """The answer to update."""

    warnings: list[str] | None = None


class ContainersPruned(Body, kw_only=True):
    """The answer of ``POST /containers/prune``: ids, ``null`` for none, and bytes."""

    containers_deleted: list[str] | None = None
    space_reclaimed: int = 0


class ContainerTop(Body, kw_only=True):
    """The answer of ``top``: a table from ps."""

    titles: list[str]
    processes: list[list[str]]


class WaitError(Body, kw_only=True):
    """Why a wait failed."""

    message: str


class WaitResult(Body, kw_only=True):
    """The answer of ``wait``."""

    status_code: int
    error: WaitError | msgspec.UnsetType = msgspec.UNSET
