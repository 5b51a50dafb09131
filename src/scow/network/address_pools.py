"""The addresses of one network's endpoints, of both families. Not thread-safe, and never waits."""

import ipaddress
import logging
from collections.abc import Iterable

from scow.errors import InvalidArgumentError, ScowError
from scow.network.endpoint import ConnectRequest, Endpoint
from scow.network.ipam import AddressPool, IPAddress, Subnet

_log = logging.getLogger(__name__)


class AddressPools:
    """One pool for each subnet of a network."""

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
            for pool in self._pools:
                if pool.subnet.version == 4:
                    endpoint.address = str(_take(pool, request.address, request.avoid))
                    endpoint.prefix_len = pool.subnet.prefixlen
                else:
                    endpoint.address6 = str(_take(pool, request.address6, request.avoid))
                    endpoint.prefix_len6 = pool.subnet.prefixlen
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

    def _pool_of(self, address: IPAddress) -> AddressPool | None:
        """None where the default bridge has been set up with other IP versions since."""
        return next((pool for pool in self._pools if pool.subnet.version == address.version), None)


def mac_for(endpoint: Endpoint) -> str:
    """Docker's: the same address always has the same MAC, so no neighbour's ARP entry is ever wrong."""
    if not endpoint.address:
        return "02:42:" + ipaddress.ip_address(endpoint.address6).packed[-4:].hex(":")
    return "02:42:" + ipaddress.ip_address(endpoint.address).packed.hex(":")


def _take(pool: AddressPool, asked: str | None, avoid: Iterable[str]) -> IPAddress:
    if not asked:
        return pool.allocate({ipaddress.ip_address(text) for text in avoid})
    try:
        address = ipaddress.ip_address(asked)
    except ValueError:
        raise InvalidArgumentError(f"invalid IPv{pool.subnet.version} address: {asked}")
    if address.version != pool.subnet.version:
        raise InvalidArgumentError(f"invalid IPv{pool.subnet.version} address: {asked}")
    pool.claim(address)
    return address


def _addresses(endpoint: Endpoint) -> list[IPAddress]:
    return [ipaddress.ip_address(text) for text in (endpoint.address, endpoint.address6) if text]
