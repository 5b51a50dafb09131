"""Addresses: which subnet a network takes, and which address of it an endpoint. Pure.

An address is given out once until it is released. The lowest free one comes first, as in Docker: people and
scripts rely on the first container of an idle engine being ``172.17.0.2``. Reuse at once is safe because a
disconnected endpoint is cut off its bridge, and connections to it are forgotten, before its address is free.
"""

import ipaddress
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scow.errors import InvalidArgumentError, PermissionDeniedError, ScowError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class NoAddressError(ScowError):
    """All addresses of a subnet are taken."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet of a network. ``gateway`` is the bridge's own address, ``auxiliary`` are never given out.

    ``gateway`` is ``None`` where the network has none (``gateway_mode=isolated``). ``router`` is where
    containers send what is not for their neighbours, if that is not the bridge.
    """

    network: IPNetwork
    gateway: IPAddress | None
    ip_range: IPNetwork | None = None
    auxiliary: tuple[IPAddress, ...] = ()
    router: IPAddress | None = None

    @property
    def interface(self) -> IPInterface | None:
        """The bridge's address with its prefix length."""
        if self.gateway is None:
            return None
        return ipaddress.ip_interface(f"{self.gateway}/{self.network.prefixlen}")

    @property
    def reserved(self) -> tuple[IPAddress, ...]:
        """Addresses that no container gets."""
        return self.auxiliary if self.gateway is None else (self.gateway, *self.auxiliary)


# A pool of IPv6 has more subnets than can be tried.
_MOST_SUBNETS = 1 << 16


@dataclass(frozen=True, slots=True)
class SubnetPool:
    """A range to cut subnets of ``prefix_length`` from."""

    base: IPNetwork
    prefix_length: int

    def subnets(self) -> Iterator[IPNetwork]:
        """In order; there may be more than anybody can count."""
        return self.base.subnets(new_prefix=self.prefix_length)


def _pool(base: str, prefix_length: int) -> SubnetPool:
    return SubnetPool(ipaddress.IPv4Network(base), prefix_length)


# libnetwork/ipamutils: localScopeDefaultNetworks, in this order
DEFAULT_POOLS = (
    _pool("172.17.0.0/16", 16),
    _pool("172.18.0.0/16", 16),
    _pool("172.19.0.0/16", 16),
    _pool("172.20.0.0/14", 16),
    _pool("172.24.0.0/14", 16),
    _pool("172.28.0.0/14", 16),
    _pool("192.168.0.0/16", 20),
)


def choose_subnet(pools: Sequence[SubnetPool], in_use: Iterable[IPNetwork], *, version: int = 4) -> IPNetwork:
    """The first subnet of ``pools`` that shares no address with ``in_use``. Raises ScowError if none is left.

    Default routes do not count as use: they are the rest of the world, private ranges included.
    """
    taken = [net for net in in_use if net.version == version and net.prefixlen > 0]
    for pool in pools:
        if pool.base.version != version:
            continue
        for subnet in itertools.islice(pool.subnets(), _MOST_SUBNETS):
            if not any(_overlap(subnet, net) for net in taken):
                return subnet
    raise ScowError(
        f"could not find an available, non-overlapping IPv{version} address pool"
        " among the defaults to assign to the network"
    )


def _overlap(one: IPNetwork, other: IPNetwork) -> bool:
    return int(one[0]) <= int(other[-1]) and int(other[0]) <= int(one[-1])


class AddressPool:
    """The addresses of one subnet. ``ip_range`` limits what ``allocate`` chooses from."""

    def __init__(
        self, subnet: IPNetwork, *, ip_range: IPNetwork | None = None, reserved: Iterable[IPAddress] = ()
    ) -> None:
        """``reserved`` addresses are never given out. Raises InvalidArgumentError for a range outside."""
        self.subnet = subnet
        chosen = ip_range or subnet
        if (
            chosen.version != subnet.version
            or int(chosen[0]) < int(subnet[0])
            or int(chosen[-1]) > int(subnet[-1])
        ):
            raise InvalidArgumentError(f"invalid pool: {ip_range} is not within {subnet}")
        self._make = type(subnet.network_address)
        self._first, self._last = int(chosen[0]), int(chosen[-1])
        self._reserved = {int(address) for address in reserved} | _unusable(subnet)
        self._taken: set[int] = set()
        # No free address is below it.
        self._lowest = self._first

    def allocate(self, avoid: Collection[IPAddress] = ()) -> IPAddress:
        """Take the lowest free address; one of ``avoid`` only when there is no other.

        Raises NoAddressError when all are taken.
        """
        number = self._lowest = self._free_from(self._lowest)
        avoided = {int(address) for address in avoid if address in self.subnet}
        while number in avoided:
            number = self._free_from(number + 1)
        if number > self._last:
            number = self._lowest
        if number > self._last:
            raise NoAddressError(
                f"no available IPv{self.subnet.version} addresses on this network's address pools"
            )
        self._taken.add(number)
        return self._make(number)

    def _free_from(self, number: int) -> int:
        """The first free number from this one on; beyond the last when there is none."""
        while number <= self._last and (number in self._taken or number in self._reserved):
            number += 1
        return number

    def claim(self, address: IPAddress) -> None:
        """Take this one. Raises InvalidArgumentError outside the subnet, PermissionDeniedError if taken."""
        if address not in self.subnet:
            raise InvalidArgumentError(f"no configured subnet contains IP address {address}")
        if int(address) in self._taken or int(address) in self._reserved:
            raise PermissionDeniedError("Address already in use")
        self._taken.add(int(address))

    def release(self, address: IPAddress) -> None:
        """Give an address back; no error if it is free."""
        number = int(address)
        self._taken.discard(number)
        if self._first <= number < self._lowest:
            self._lowest = number


def _unusable(subnet: IPNetwork) -> set[int]:
    """The network's own address and, in IPv4, the broadcast address; a /31 has neither (RFC 3021)."""
    if subnet.max_prefixlen - subnet.prefixlen < 2:
        return set()
    return {int(subnet[0]), int(subnet[-1])} if subnet.version == 4 else {int(subnet[0])}
