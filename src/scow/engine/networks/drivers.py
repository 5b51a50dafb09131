"""From a network's document to the driver that keeps it in the kernel."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scow.engine.networks.bridge_options import (
    MTU,
    bridge_has_gateway,
    bridge_settings,
    driver_mtu,
    gateway_mode,
)
from scow.engine.networks.record import NetworkRecord
from scow.errors import NotFoundError, PermissionDeniedError, ScowError, UnsupportedError
from scow.network.bridge import BridgeDriver
from scow.network.driver import NetworkDriver
from scow.network.host import HostNetwork
from scow.network.macvlan import PARENT, PASSTHRU, MacvlanDriver, MacvlanSettings, parent_and_mode
from scow.network.macvlan_parent import MadeParents, own_segment

_ONE_ONLY = ("host", "null")
_BUILT_IN = ("bridge", "macvlan")


@dataclass(frozen=True, slots=True)
class Drivers:
    """Makes drivers. ``bridge`` is that of the default network, None without it."""

    host: HostNetwork
    bridge: BridgeDriver | None
    ip_forward: bool
    made_parents: MadeParents = field(default_factory=MadeParents)

    def make(self, record: NetworkRecord) -> NetworkDriver | None:
        """Of a network, not started; None where there is nothing to drive. Raises InvalidArgumentError."""
        if record.name == "bridge":
            return self.bridge
        if record.driver in _ONE_ONLY or record.config_only:
            return None
        if record.driver == "macvlan":
            return MacvlanDriver(_macvlan_settings(record), self.made_parents)
        return BridgeDriver(bridge_settings(record, ip_forward=self.ip_forward), self.host)


def _macvlan_settings(record: NetworkRecord) -> MacvlanSettings:
    _, mode = parent_and_mode(record.options)
    return MacvlanSettings(
        network_id=record.id,
        parent=macvlan_parent(record),
        mode=mode,
        subnets=tuple(pool.settings() for pool in record.pools),
        internal=leads_nowhere(record),
        mtu=driver_mtu(record.options) if MTU in record.options else 0,
        made_parent=record.made_parent,
    )


def has_gateway(record: NetworkRecord, version: int) -> bool:
    """Whether an address of IPv4 or IPv6 is kept for the way out."""
    return not leads_nowhere(record) if record.driver == "macvlan" else bridge_has_gateway(record, version)


def leads_nowhere(record: NetworkRecord) -> bool:
    """Whether a macvlan network is for its containers alone."""
    return record.internal or not record.options.get(PARENT)


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
    """Two networks cannot have one bridge, nor one parent that passes all through to its container.

    Raises PermissionDeniedError, ScowError.
    """
    if record.driver == "macvlan":
        _check_parent(record, others)
        return
    name = bridge_settings(record, ip_forward=False).name
    for other in others:
        if _bridge_name(other) == name:
            raise PermissionDeniedError(
                f"cannot create network {record.id} ({name}): conflicts with network {other.id} ({name}): "
                "networks have same bridge name"
            )


def _check_parent(record: NetworkRecord, others: Iterable[NetworkRecord]) -> None:
    parent, mode = macvlan_parent(record), parent_and_mode(record.options)[1]
    for other in others:
        if other.driver != "macvlan" or macvlan_parent(other) != parent:
            continue
        used = f"macvlan network {other.id} is already using parent interface {parent}"
        if mode == PASSTHRU:
            raise ScowError(f"cannot use mode {PASSTHRU}, {used}")
        if parent_and_mode(other.options)[1] == PASSTHRU:
            raise ScowError(f"{used} in mode {PASSTHRU}")


def _bridge_name(record: NetworkRecord) -> str:
    return bridge_settings(record, ip_forward=False).name if record.driver == "bridge" else ""
