"""Containers as clients ask for them: the bodies of create and update. Answers: ``container_views``."""

from typing import Any

import msgspec

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.network import NetworkingConfig

Empty = dict[str, Any]
"""The API writes sets as objects with empty objects as values."""


class HealthConfig(Body, kw_only=True, omit_defaults=True):
    """A health check; times in nanoseconds, 0 means inherit or default."""

    test: list[str] = []
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class ContainerConfig(Body, kw_only=True):
    """What runs: the portable half of a container's settings, and the config of an image."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, Empty] | msgspec.UnsetType = msgspec.UNSET
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] | None = None
    cmd: list[str] | str | None = None
    healthcheck: HealthConfig | msgspec.UnsetType = msgspec.UNSET
    args_escaped: bool | msgspec.UnsetType = msgspec.UNSET
    image: str = ""
    volumes: dict[str, Empty] | None = None
    working_dir: str = ""
    entrypoint: list[str] | str | None = None
    network_disabled: bool | msgspec.UnsetType = msgspec.UNSET
    mac_address: str | msgspec.UnsetType = msgspec.UNSET
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | msgspec.UnsetType = msgspec.UNSET
    stop_timeout: int | msgspec.UnsetType = msgspec.UNSET
    shell: list[str] | msgspec.UnsetType = msgspec.UNSET


class PortBinding(Body, kw_only=True):
    """Where on the host a container port is published; an empty port is chosen by the engine."""

    host_ip: str = ""
    host_port: str = ""


class RestartPolicy(Body, kw_only=True):
    """``name`` is ``""``, ``no``, ``always``, ``unless-stopped`` or ``on-failure``."""

    name: str = ""
    maximum_retry_count: int = 0


class LogConfig(Body, kw_only=True):
    """A log driver's name and options."""

    type: str = ""
    config: dict[str, str] = {}


class DeviceMapping(Body, kw_only=True):
    """A host device given to a container; permissions are letters of ``rwm``."""

    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = "rwm"


class DeviceRequest(Body, kw_only=True):
    """A request to a device driver (``--gpus``)."""

    driver: str = ""
    count: int = 0
    device_i_ds: list[str] | None = msgspec.field(default=None, name="DeviceIDs")
    capabilities: list[list[str]] | None = None
    options: dict[str, str] = {}


class Ulimit(Body, kw_only=True):
    """One resource limit; -1 is unlimited."""

    name: str = ""
    hard: int = 0
    soft: int = 0


class WeightDevice(Body, kw_only=True):
    """Block I/O weight of one device."""

    path: str = ""
    weight: int = 0


class ThrottleDevice(Body, kw_only=True):
    """Block I/O rate limit of one device, in bytes or operations a second."""

    path: str = ""
    rate: int = 0


class BindOptions(Body, kw_only=True, omit_defaults=True):
    """Options of a bind mount."""

    propagation: str = ""
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


class VolumeDriverConfig(Body, kw_only=True, omit_defaults=True):
    """The driver that makes a volume on first use."""

    name: str = ""
    options: dict[str, str] = {}


class VolumeOptions(Body, kw_only=True, omit_defaults=True):
    """Options of a volume mount."""

    no_copy: bool = False
    labels: dict[str, str] = {}
    driver_config: VolumeDriverConfig | None = None
    subpath: str = ""


class TmpfsOptions(Body, kw_only=True, omit_defaults=True):
    """Options of a tmpfs mount; ``mode`` is a number of permission bits."""

    size_bytes: int = 0
    mode: int = 0
    options: list[list[str]] = []


class ImageOptions(Body, kw_only=True, omit_defaults=True):
    """Options of an image mount."""

    subpath: str = ""


class Mount(Body, kw_only=True, omit_defaults=True):
    """One ``--mount``; ``type`` is bind, volume, tmpfs, image, npipe or cluster."""

    type: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    image_options: ImageOptions | None = None
    tmpfs_options: TmpfsOptions | None = None


class Resources(Body, kw_only=True):
    """Limits: the part of ``HostConfig`` that ``update`` can change. Bytes, nanocpus, microseconds."""

    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_i_ops: list[ThrottleDevice] | None = msgspec.field(
        default=None, name="BlkioDeviceReadIOps"
    )
    blkio_device_write_i_ops: list[ThrottleDevice] | None = msgspec.field(
        default=None, name="BlkioDeviceWriteIOps"
    )
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: list[str] | None = None
    device_requests: list[DeviceRequest] | None = None
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] | None = None
    # Of Windows; Docker on Linux takes them, and shows them again.
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_i_ops: int = msgspec.field(default=0, name="IOMaximumIOps")
    io_maximum_bandwidth: int = msgspec.field(default=0, name="IOMaximumBandwidth")


class HostConfig(Resources, kw_only=True):
    """How it runs on this host: the other half of a container's settings."""

    binds: list[str] | None = None
    container_id_file: str = msgspec.field(default="", name="ContainerIDFile")
    log_config: LogConfig = msgspec.field(default_factory=LogConfig)
    network_mode: str = ""
    port_bindings: dict[str, list[PortBinding]] | None = None
    restart_policy: RestartPolicy = msgspec.field(default_factory=RestartPolicy)
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: list[str] | None = None
    mounts: list[Mount] | msgspec.UnsetType = msgspec.UNSET
    console_size: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    annotations: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    cap_add: list[str] | None = None
    cap_drop: list[str] | None = None
    cgroupns_mode: str = ""
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: list[str] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    tmpfs: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    uts_mode: str = msgspec.field(default="", name="UTSMode")
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    runtime: str = ""
    isolation: str = ""
    masked_paths: list[str] | None = None
    readonly_paths: list[str] | None = None
    init: bool | msgspec.UnsetType = msgspec.UNSET


class ContainerCreate(ContainerConfig, kw_only=True):
    """The body of ``POST /containers/create``."""

    host_config: HostConfig = msgspec.field(default_factory=HostConfig)
    networking_config: NetworkingConfig = msgspec.field(default_factory=NetworkingConfig)


class ContainerUpdate(Resources, kw_only=True):
    """The body of ``POST /containers/{id}/update``: what is empty stays as it is."""

    kernel_memory: int = 0
    restart_policy: RestartPolicy = msgspec.field(default_factory=RestartPolicy)
