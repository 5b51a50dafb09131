"""Which subnets a new network gets: those asked for, or free ones of the default pools. Pure.

Chosen ones share no address with another network, with the host's routes, addresses and name servers; those
that a user asks for share none with another network.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence

from scow.engine.networks.record import PoolRecord
from scow.errors import InvalidArgumentError, PermissionDeniedError, ScowError
from scow.network.ipam import DEFAULT_POOLS, AddressPool, IPNetwork, SubnetPool, choose_subnet
from scow.spec.engine_api.network import IPAMPool

_NO_MORE = "all predefined address pools have been fully subnetted"


def default_pools(engine_id: str, configured: Sequence[SubnetPool] = ()) -> tuple[SubnetPool, ...]:
    """Where subnets are cut from. Without configured ones for IPv6 it is this engine's own ULA prefix.

    The 40 bits of RFC 4193 come from the engine's id, so that they are the same at every start.
    """
    pools = tuple(configured) or DEFAULT_POOLS
    if any(pool.base.version == 6 for pool in pools):
        return pools
    digest = hashlib.sha256(engine_id.encode()).digest()
    base = ipaddress.IPv6Network((b"\xfd" + digest[:5] + bytes(10), 48))
    return (*pools, SubnetPool(base, 64))


def asked_pool(asked: IPAMPool, taken: Iterable[IPNetwork], *, gateway: bool = True) -> PoolRecord:
    """A subnet that the user chose. Without ``gateway`` it gets one only if the user chose that, too.

    Raises PermissionDeniedError for one that overlaps with another network's.
    """
    network = ipaddress.ip_network(asked.subnet)
    if any(network.version == other.version and network.overlaps(other) for other in taken):
        raise PermissionDeniedError(
            "invalid pool request: Pool overlaps with other one on this address space"
        )
    record = PoolRecord(
        subnet=asked.subnet,
        gateway=asked.gateway,
        ip_range=asked.ip_range,
        auxiliary=asked.auxiliary_addresses,
        given=True,
    )
    if gateway and not record.gateway:
        record.gateway = _first_address(record)
    _check_auxiliary(record)
    return record


def _check_auxiliary(record: PoolRecord) -> None:
    """They come after the gateway, and there is each once; Docker looks inside the range only."""
    subnet = record.settings()
    seen = {subnet.gateway}
    for name, address in zip(record.auxiliary, subnet.auxiliary, strict=True):
        if address in seen and address in (subnet.ip_range or subnet.network):
            raise PermissionDeniedError(
                f"failed to allocate secondary ip address ({name}:{address}): Address already in use"
            )
        seen.add(address)


def chosen_pool(
    pools: Sequence[SubnetPool], taken: Iterable[IPNetwork], version: int, *, gateway: bool = True
) -> PoolRecord:
    """A free subnet of IPv4 or IPv6. Raises InvalidArgumentError when there is none."""
    try:
        record = PoolRecord(subnet=str(choose_subnet(pools, taken, version=version)))
    except ScowError as exc:
        raise InvalidArgumentError(_NO_MORE) from exc
    if gateway:
        record.gateway = _first_address(record)
    return record


def _first_address(record: PoolRecord) -> str:
    """The gateway is the first address that containers could have. Raises ScowError if there is none."""
    subnet = record.settings()
    try:
        return str(AddressPool(subnet.network, ip_range=subnet.ip_range).allocate())
    except ScowError as exc:
        raise ScowError(f"failed to allocate gateway (): {exc.message}") from exc
