"""From a network's document to the driver that keeps it in the kernel."""

from collections.abc import Iterable
from dataclasses import dataclass

from scow.engine.networks.bridge_options import bridge_settings, gateway_mode
from scow.engine.networks.record import NetworkRecord
from scow.errors import NotFoundError, PermissionDeniedError
from scow.network.bridge import BridgeDriver
from scow.network.driver import NetworkDriver
from scow.network.host import HostNetwork

_ONE_ONLY = ("host", "null")
_BUILT_IN = ("bridge",)


@dataclass(frozen=True, slots=True)
class Drivers:
    """Makes drivers. ``bridge`` is that of the default network, None without it."""

    host: HostNetwork
    bridge: BridgeDriver | None
    ip_forward: bool

    def make(self, record: NetworkRecord) -> NetworkDriver | None:
        """Of a network, not started; None where there is nothing to drive. Raises InvalidArgumentError."""
        if record.name == "bridge":
            return self.bridge
        if record.driver in _ONE_ONLY or record.config_only:
            return None
        return BridgeDriver(bridge_settings(record, ip_forward=self.ip_forward), self.host)


def check_driver(name: str) -> None:
    """Raises PermissionDeniedError and NotFoundError in Docker's words for a driver that cannot be had."""
    if name in _ONE_ONLY:
        raise PermissionDeniedError(f'only one instance of "{name}" network is allowed')
    if name == "overlay":
        raise PermissionDeniedError(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
            "to connect this node to swarm and try again."
        )
    if name not in _BUILT_IN:
        raise NotFoundError(f'plugin "{name}" not found')


def check_options(record: NetworkRecord) -> None:
    """Before subnets are chosen. Raises InvalidArgumentError, ScowError."""
    for version in (4, 6):
        gateway_mode(record, version)
    bridge_settings(record, ip_forward=False)


def check_names(record: NetworkRecord, others: Iterable[NetworkRecord]) -> None:
    """Two networks cannot have one bridge. Raises PermissionDeniedError."""
    name = bridge_settings(record, ip_forward=False).name
    for other in others:
        if _bridge_name(other) == name:
            raise PermissionDeniedError(
                f"cannot create network {record.id} ({name}): conflicts with network {other.id} ({name}): "
                "networks have same bridge name"
            )


def _bridge_name(record: NetworkRecord) -> str:
    return bridge_settings(record, ip_forward=False).name if record.driver == "bridge" else ""
