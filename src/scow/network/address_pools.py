"""The addresses of one network's endpoints, of both families. Not thread-safe, and never waits."""

import ipaddress
import logging
import secrets
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from scow.errors import InvalidArgumentError, ScowError
from scow.network.endpoint import ConnectRequest, Endpoint
from scow.network.ipam import AddressPool, IPAddress, IPInterface, NoAddressError, Subnet

_log = logging.getLogger(__name__)


class AddressPools:
    """One pool for each subnet of a network; an endpoint has an address of each family that has any."""

    def __init__(self, *subnets: Subnet | None) -> None:
        """Raises InvalidArgumentError for a range outside its subnet."""
        self._pools = [
            AddressPool(subnet.network, ip_range=subnet.ip_range, reserved=subnet.reserved)
            for subnet in subnets
            if subnet is not None
        ]

    def assign(self, endpoint: Endpoint, request: ConnectRequest) -> None:
        """Give an endpoint its addresses, and a MAC if it has none: all or nothing.

        Raises ScowError when none is left, PermissionDeniedError and InvalidArgumentError for one that was
        asked for and cannot be had.
        """
        try:
            if pools := self._of(4):
                taken = _take(pools, request.address, request.avoid)
                endpoint.address, endpoint.prefix_len = str(taken.ip), taken.network.prefixlen
            if pools := self._of(6):
                taken = _take(pools, request.address6, request.avoid)
                endpoint.address6, endpoint.prefix_len6 = str(taken.ip), taken.network.prefixlen
        except BaseException:
            self.release(endpoint)
            raise
        endpoint.mac = request.mac or mac_for(endpoint)

    def claim_again(self, endpoint: Endpoint) -> None:
        """Failures are only told: the container has the address, whatever we think."""
        for address in _addresses(endpoint):
            try:
                if (pool := self._pool_of(address)) is not None:
                    pool.claim(address)
            except ScowError as exc:
                _log.warning("address %s of a running container: %s", address, exc)

    def release(self, endpoint: Endpoint) -> None:
        """Give back what an endpoint has; no error for what is free."""
        for address in _addresses(endpoint):
            if (pool := self._pool_of(address)) is not None:
                pool.release(address)

    def _of(self, version: int) -> list[AddressPool]:
        return [pool for pool in self._pools if pool.subnet.version == version]

    def _pool_of(self, address: IPAddress) -> AddressPool | None:
        """None where the default bridge has been set up with other IP versions since."""
        pools = self._of(address.version)
        return _containing(pools, address) if pools else None


def mac_for(endpoint: Endpoint) -> str:
    """Docker's: the same address always has the same MAC, so no neighbour's ARP entry is ever wrong.

    Without an address it is by chance.
    """
    if not endpoint.address and not endpoint.address6:
        return "02:42:" + secrets.token_bytes(4).hex(":")
    if not endpoint.address:
        return "02:42:" + ipaddress.ip_address(endpoint.address6).packed[-4:].hex(":")
    return "02:42:" + ipaddress.ip_address(endpoint.address).packed.hex(":")


def _take(pools: Sequence[AddressPool], asked: str | None, avoid: Iterable[str]) -> IPInterface:
    """An address of one family's pools, with its prefix length. Raises what ``AddressPool`` raises."""
    version = pools[0].subnet.version
    if not asked:
        return _allocated(pools, {ipaddress.ip_address(text) for text in avoid})
    try:
        address = ipaddress.ip_address(asked)
    except ValueError:
        raise InvalidArgumentError(f"invalid IPv{version} address: {asked}")
    if address.version != version:
        raise InvalidArgumentError(f"invalid IPv{version} address: {asked}")
    pool = _containing(pools, address)
    pool.claim(address)
    return _interface(address, pool)


def _allocated(pools: Sequence[AddressPool], avoid: Collection[IPAddress]) -> IPInterface:
    """From the first that has one left."""
    for pool in pools[:-1]:
        with suppress(NoAddressError):
            return _interface(pool.allocate(avoid), pool)
    return _interface(pools[-1].allocate(avoid), pools[-1])


def _containing(pools: Sequence[AddressPool], address: IPAddress) -> AddressPool:
    """The pool of an address; the first for one of none, to say so."""
    return next((pool for pool in pools if address in pool.subnet), pools[0])


def _interface(address: IPAddress, pool: AddressPool) -> IPInterface:
    return ipaddress.ip_interface(f"{address}/{pool.subnet.prefixlen}")


def _addresses(endpoint: Endpoint) -> list[IPAddress]:
    return [ipaddress.ip_address(text) for text in (endpoint.address, endpoint.address6) if text]
