"""From a network's document to the driver that keeps it in the kernel."""

from collections.abc import Iterable
from dataclasses import dataclass

from scow.engine.networks.bridge_options import MTU, bridge_settings, driver_mtu, gateway_mode
from scow.engine.networks.record import NetworkRecord
from scow.errors import NotFoundError, PermissionDeniedError, UnsupportedError
from scow.network.bridge import BridgeDriver
from scow.network.driver import NetworkDriver
from scow.network.host import HostNetwork
from scow.network.macvlan import PARENT, MacvlanDriver, MacvlanSettings, parent_and_mode
from scow.network.macvlan_parent import own_segment

_ONE_ONLY = ("host", "null")
_BUILT_IN = ("bridge", "macvlan")


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
        if record.driver == "macvlan":
            return MacvlanDriver(_macvlan_settings(record))
        return BridgeDriver(bridge_settings(record, ip_forward=self.ip_forward), self.host)


def _macvlan_settings(record: NetworkRecord) -> MacvlanSettings:
    _, mode = parent_and_mode(record.options)
    pool4, pool6 = record.pool(4), record.pool(6)
    return MacvlanSettings(
        network_id=record.id,
        parent=macvlan_parent(record),
        mode=mode,
        ipv4=pool4.settings() if pool4 else None,
        ipv6=pool6.settings() if pool6 else None,
        internal=record.internal or not record.options.get(PARENT),
        mtu=driver_mtu(record.options) if MTU in record.options else 0,
        made_parent=record.made_parent,
    )


def macvlan_parent(record: NetworkRecord) -> str:
    """The interface that a macvlan network is on; one of its own where nobody named one."""
    return record.options.get(PARENT) or own_segment(record.id)


def check_driver(name: str) -> None:
    """Raises PermissionDeniedError and NotFoundError in Docker's words for a driver that cannot be had."""
    if name in _ONE_ONLY:
        raise PermissionDeniedError(f'only one instance of "{name}" network is allowed')
    if name == "overlay":
        raise PermissionDeniedError(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
            "to connect this node to swarm and try again."
        )
    if name == "ipvlan":
        raise UnsupportedError("ipvlan networks are not supported; macvlan ones are")
    if name not in _BUILT_IN:
        raise NotFoundError(f'plugin "{name}" not found')


def check_options(record: NetworkRecord) -> None:
    """Before subnets are chosen. Raises InvalidArgumentError, ScowError."""
    if record.driver == "macvlan":
        _macvlan_settings(record)
        return
    for version in (4, 6):
        gateway_mode(record, version)
    bridge_settings(record, ip_forward=False)


def check_names(record: NetworkRecord, others: Iterable[NetworkRecord]) -> None:
    """Two networks cannot have one bridge, nor one parent. Raises PermissionDeniedError."""
    if record.driver == "macvlan":
        parent = macvlan_parent(record)
        for other in others:
            if other.driver == "macvlan" and macvlan_parent(other) == parent:
                raise PermissionDeniedError(
                    f"network {own_segment(other.id)} is already using parent interface {parent}"
                )
        return
    name = bridge_settings(record, ip_forward=False).name
    for other in others:
        if _bridge_name(other) == name:
            raise PermissionDeniedError(
                f"cannot create network {record.id} ({name}): conflicts with network {other.id} ({name}): "
                "networks have same bridge name"
            )


def _bridge_name(record: NetworkRecord) -> str:
    return bridge_settings(record, ip_forward=False).name if record.driver == "bridge" else ""
