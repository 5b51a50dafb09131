"""The document of one network, and the names that every engine has. Pure."""

import ipaddress
from typing import Final

import msgspec

from scow.network.ipam import IPNetwork, Subnet
from scow.spec.engine_api.network import IPAMPool

KIND = "network"
PREDEFINED: Final = {"bridge": "bridge", "host": "host", "none": "null"}
"""Networks that every engine has, with their drivers."""
ROUTERS: Final = {4: "DefaultGatewayIPv4", 6: "DefaultGatewayIPv6"}
"""Auxiliary addresses that containers send to what is not for their neighbours, by IP version."""
_NOT_MADE_BY_USERS = frozenset({*PREDEFINED, "default"})


def is_predefined(name: str) -> bool:
    """Whether nobody may create or remove a network of this name."""
    return name in _NOT_MADE_BY_USERS


def is_user_defined(name: str) -> bool:
    """Whether containers on the network of this name find each other by name."""
    return name not in _NOT_MADE_BY_USERS and not name.startswith("container:")


class PoolRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One subnet that a network has. ``given``: by the user, who may then ask for addresses in it.

    ``gateway`` is "" where the network has none (``gateway_mode=isolated``).
    """

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    auxiliary: dict[str, str] = {}
    given: bool = False

    @property
    def network(self) -> IPNetwork:
        """The subnet as a value."""
        return ipaddress.ip_network(self.subnet)

    def settings(self) -> Subnet:
        """The subnet as a driver takes it."""
        return Subnet(
            self.network,
            ipaddress.ip_address(self.gateway) if self.gateway else None,
            ipaddress.ip_network(self.ip_range) if self.ip_range else None,
            tuple(map(ipaddress.ip_address, self.auxiliary.values())),
            ipaddress.ip_address(router) if (router := self.auxiliary.get(self._router_name)) else None,
        )

    @property
    def _router_name(self) -> str:
        return ROUTERS[self.network.version]

    def view(self) -> IPAMPool:
        """As inspect shows it."""
        return IPAMPool(
            subnet=self.subnet,
            ip_range=self.ip_range,
            gateway=self.gateway,
            auxiliary_addresses=self.auxiliary,
        )


class NetworkRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The document of one network: what was asked for, and the subnets that it got.

    ``given_bridge``: its bridge was there before, and stays when it goes. ``made_parent``: the parent of a
    macvlan network was made for networks, and goes with the last. ``ipam_driver``: see ``ipam_drivers``.
    ``config_only``: a template, that no container can be on; ``config_from`` names the one it was made from.
    """

    id: str
    name: str
    driver: str
    created: str
    internal: bool = False
    attachable: bool = False
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    ipam_driver: str = "default"
    ipam_options: dict[str, str] | None = None
    pools: list[PoolRecord] = []
    given_bridge: bool = False
    made_parent: bool = False
    config_only: bool = False
    config_from: str = ""

    def pools_of(self, version: int) -> list[PoolRecord]:
        """The subnets of IPv4 or IPv6: one, but for macvlan networks."""
        return [it for it in self.pools if it.network.version == version]

    def pool(self, version: int) -> PoolRecord | None:
        """The first subnet of IPv4 or IPv6, if there is one."""
        return next(iter(self.pools_of(version)), None)

    def leads_out(self, version: int) -> bool:
        """Whether a container on it has a way to the rest of the world in IPv4 or IPv6."""
        pool = self.pool(version)
        return not self.internal and pool is not None and bool(pool.gateway)
