"""Who gives a network's containers their addresses: the engine, or nobody (``null``). Pure.

Without addresses of the engine's a container asks for one itself, by DHCP on a macvlan network; a bridge
cannot be without (moby: libnetwork/ipams/null and the drivers' CreateNetwork).
"""

from collections.abc import Sequence

from scow.engine.networks.record import NetworkRecord
from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.engine_api.network import IPAMPool

DEFAULT = "default"
NULL = "null"


def check_ipam_driver(record: NetworkRecord, asked: Sequence[IPAMPool]) -> None:
    """That it is there, and can do what was asked. Raises NotFoundError, InvalidArgumentError."""
    if record.ipam_driver not in (DEFAULT, NULL):
        raise NotFoundError(f'plugin "{record.ipam_driver}" not found')
    if record.ipam_driver == NULL and any(_counts(record, pool) for pool in asked):
        raise InvalidArgumentError("null ipam driver does not handle specific address pool requests")


def check_families(record: NetworkRecord) -> None:
    """Each IP version that is on has addresses, and a bridge has one of them. Raises InvalidArgumentError."""
    if record.driver == "bridge" and not (record.enable_ipv4 or record.enable_ipv6):
        raise InvalidArgumentError("IPv4 or IPv6 must be enabled")
    if record.ipam_driver != NULL:
        return
    for version, enabled in ((4, record.enable_ipv4), (6, record.enable_ipv6)):
        if enabled:
            raise InvalidArgumentError(f"ipv{version} pool is empty")


def _counts(record: NetworkRecord, pool: IPAMPool) -> bool:
    return record.enable_ipv6 if ":" in pool.subnet else record.enable_ipv4
