"""The subnets that a user asks for: checked as Docker checks them. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence

from scow.errors import InvalidArgumentError
from scow.network.ipam import IPAddress, IPNetwork
from scow.spec.engine_api.network import IPAMPool


def check_pools(pools: Sequence[IPAMPool], *, ipv6: bool) -> list[IPAMPool]:
    """The pools that count, in normal form: those of IPv6 only where it is on.

    Raises InvalidArgumentError that names everything that is wrong.
    """
    wrong = [problem for pool in pools for problem in _problems(pool, ipv6=ipv6)]
    if wrong:
        raise InvalidArgumentError(f"invalid network config:\n{joined_problems(wrong)}")
    return [pool for pool in map(_normal, pools) if ipv6 or ipaddress.ip_network(pool.subnet).version == 4]


def joined_problems(problems: Sequence[str]) -> str:
    """Several of them as a list, as Docker shows them."""
    if len(problems) == 1:
        return problems[0]
    return "* " + "\n* ".join(problems)


def _problems(pool: IPAMPool, *, ipv6: bool) -> Iterator[str]:
    subnet = _parse_interface(pool.subnet)
    if subnet is None:
        yield f"invalid subnet {pool.subnet}: invalid CIDR block notation"
        return
    if subnet.version == 6 and not ipv6:
        return
    if subnet.ip != subnet.network.network_address:
        yield f"invalid subnet {pool.subnet}: it should be {subnet.network}"
    if pool.ip_range:
        yield from _range_problems(pool.ip_range, subnet.network)
    if pool.gateway and (problem := _address_problem(pool.gateway, subnet.network)):
        yield f"invalid gateway {pool.gateway}: {problem}"
    for name, text in pool.auxiliary_addresses.items():
        if problem := _address_problem(text, subnet.network):
            yield f"invalid auxiliary address {name}: {problem}"


def _range_problems(text: str, subnet: IPNetwork) -> Iterator[str]:
    found = _parse_interface(text)
    if found is None:
        yield f"invalid ip-range {text}: invalid CIDR block notation"
        return
    if found.version != subnet.version:
        yield f"invalid ip-range {text}: parent subnet is an IPv{subnet.version} block"
        return
    if found.network.prefixlen < subnet.prefixlen:
        yield f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}"
    if found.ip != found.network.network_address:
        yield f"invalid ip-range {text}: it should be {found.network}"
    if not subnet.overlaps(found.network):
        yield f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range"


def _address_problem(text: str, subnet: IPNetwork) -> str:
    address = parse_address(text)
    if address is None:
        return "invalid address"
    if address.version != subnet.version:
        return f"parent subnet is an IPv{subnet.version} block"
    if address not in subnet:
        return f"parent subnet {subnet} doesn't contain this address"
    return ""


def parse_address(text: str) -> IPAddress | None:
    """An address without a zone; one of IPv4 inside IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def _parse_interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    # Python takes an address alone, and a netmask for a prefix length.
    _, slash, length = text.partition("/")
    if not (slash and length.isascii() and length.isdecimal()):
        return None
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _normal(pool: IPAMPool) -> IPAMPool:
    return IPAMPool(
        subnet=str(ipaddress.ip_network(pool.subnet, strict=False)),
        ip_range=str(ipaddress.ip_network(pool.ip_range, strict=False)) if pool.ip_range else "",
        gateway=str(parse_address(pool.gateway)) if pool.gateway else "",
        auxiliary_addresses={
            name: str(parse_address(text)) for name, text in pool.auxiliary_addresses.items()
        },
    )
