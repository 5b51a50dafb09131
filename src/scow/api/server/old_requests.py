"""Bodies from older clients: what their version did not know is dropped, what it took for granted filled in.

A field that came with a later version means nothing in a request of an earlier one, whatever is in it.
Source: api/docs/CHANGELOG.md of the Docker engine, "Engine API version history".
"""

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.api_version import MAX_API_VERSION, ApiVersion
from scow.spec.engine_api.container import ContainerCreate, ContainerUpdate, Mount
from scow.spec.engine_api.exec import ExecCreate, ExecStart
from scow.spec.engine_api.network import EndpointSettings, NetworkCreate


def adapt_create(body: ContainerCreate, version: ApiVersion) -> ContainerCreate:
    """``body`` as the newest version would have it, changed in place. Raises InvalidArgumentError."""
    if version >= (1, 52):
        body.mac_address = msgspec.UNSET
    if version == MAX_API_VERSION:
        return body
    _adapt_host_config(body, version)
    _adapt_endpoints(body, version)
    for mount in body.host_config.mounts or ():
        _refuse_what_must_not_be_ignored(mount, version)
        _adapt_mount(mount, version)
    if version < (1, 44) and body.healthcheck is not msgspec.UNSET:
        body.healthcheck.start_interval = 0
    return body


def _adapt_host_config(body: ContainerCreate, version: ApiVersion) -> None:
    host = body.host_config
    if version < (1, 43):
        host.annotations = msgspec.UNSET
    if version < (1, 42):
        host.console_size = [0, 0]
    if version < (1, 41):
        host.cgroupns_mode = host.cgroupns_mode or "host"
    if version < (1, 40):
        host.ipc_mode = host.ipc_mode or "shareable"


def _adapt_endpoints(body: ContainerCreate, version: ApiVersion) -> None:
    endpoints = body.networking_config.endpoints_config
    if version < (1, 48):
        for endpoint in endpoints.values():
            endpoint.gw_priority = 0
    if version < (1, 44):
        if len(endpoints) > 1:
            names = ", ".join(endpoints)
            raise InvalidArgumentError(
                f"Container cannot be created with multiple network endpoints: {names}"
            )
        for endpoint in endpoints.values():
            endpoint.mac_address = ""


def _refuse_what_must_not_be_ignored(mount: Mount, version: ApiVersion) -> None:
    """Options that narrow what a container may see; a client that sends them relies on them."""
    bind, volume = mount.bind_options, mount.volume_options
    if version < (1, 44) and mount.type == "bind" and bind is not None and bind.read_only_force_recursive:
        raise InvalidArgumentError("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
    if version < (1, 45) and volume is not None and volume.subpath:
        raise InvalidArgumentError("VolumeOptions.Subpath needs API v1.45 or newer")
    if version < (1, 48) and mount.type == "image":
        raise InvalidArgumentError('Mount type "Image" needs API v1.48 or newer')


def _adapt_mount(mount: Mount, version: ApiVersion) -> None:
    if version < (1, 46) and mount.tmpfs_options is not None:
        mount.tmpfs_options.options = []
    if (bind := mount.bind_options) is not None:
        if version < (1, 44):
            bind.read_only_non_recursive = False
        if version < (1, 42):
            bind.create_mountpoint = False
        if version < (1, 40):
            bind.non_recursive = False
    if version < (1, 42):
        _drop_foreign_options(mount)


def _drop_foreign_options(mount: Mount) -> None:
    """Options of another type of mount are refused since 1.42; before, they were let pass unread."""
    if mount.type != "bind":
        mount.bind_options = None
    if mount.type != "volume":
        mount.volume_options = None
    if mount.type != "tmpfs":
        mount.tmpfs_options = None


def adapt_update(body: ContainerUpdate, version: ApiVersion) -> ContainerUpdate:
    """Limits of processes came with 1.40, those of devices with 1.55."""
    if version < (1, 40):
        body.pids_limit = None
    if version < (1, 55):
        body.blkio_weight_device = None
        body.blkio_device_read_bps = body.blkio_device_write_bps = None
        body.blkio_device_read_i_ops = body.blkio_device_write_i_ops = None
    return body


def adapt_exec_create(body: ExecCreate, version: ApiVersion) -> ExecCreate:
    """Window sizes came with 1.42."""
    if version < (1, 42):
        body.console_size = []
    return body


def adapt_exec_start(body: ExecStart, version: ApiVersion) -> ExecStart:
    """Window sizes came with 1.42, and mean nothing without a terminal."""
    if version < (1, 42) or not body.tty:
        body.console_size = []
    return body


def adapt_network_create(body: NetworkCreate, version: ApiVersion) -> NetworkCreate:
    """``EnableIPv4`` came with 1.48."""
    if version < (1, 48):
        body.enable_ipv4 = None
    return body


def adapt_endpoint(settings: EndpointSettings, version: ApiVersion) -> EndpointSettings:
    """Of a connect: priorities came with 1.48."""
    if version < (1, 48):
        settings.gw_priority = 0
    return settings
