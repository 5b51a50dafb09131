"""What may be asked of a container's endpoint on a network, checked as Docker checks it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from scow.engine.networks.ipam_config import joined_problems, parse_address
from scow.engine.networks.record import NetworkRecord, PoolRecord, is_user_defined
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.network import EndpointIPAMConfig, EndpointSettings

SYSCTLS = "com.docker.network.endpoint.sysctls"
INTERFACE_NAME = "com.docker.network.endpoint.ifname"
_MAC = re.compile(r"[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}")
_WORD = re.compile("[A-Za-z0-9_-]+")
# What dev_valid_name() in the kernel takes: bytes, fewer than IFNAMSIZ; its isspace() is Latin-1's.
_INTERFACE = re.compile(rb"(?!\.{1,2}$)[^/:\s\0\xa0]{1,15}")


def check_endpoint(settings: EndpointSettings, name: str, network: NetworkRecord | None) -> None:
    """Raises InvalidArgumentError that names everything that is wrong.

    ``network`` is None where it is not known yet; then nothing can be said of its subnets.
    """
    problems = list(_problems(settings, name, network))
    if problems:
        raise InvalidArgumentError(f"invalid endpoint settings:\n{joined_problems(problems)}")
    check_mac(settings.mac_address)


def check_mac(text: str) -> None:
    """ "" is none asked for. Raises InvalidArgumentError."""
    if text and not _MAC.fullmatch(text):
        raise InvalidArgumentError(f"invalid MAC address {text}")


def _problems(settings: EndpointSettings, name: str, network: NetworkRecord | None) -> Iterator[str]:
    ipam = settings.ipam_config or EndpointIPAMConfig()
    if not is_user_defined(name):
        if ipam.ipv4_address or ipam.ipv6_address:
            yield "user specified IP address is supported on user defined networks only"
        if settings.aliases:
            yield "network-scoped aliases are only supported for user-defined networks"
    yield from _address_problems(ipam)
    if network is not None:
        yield from _range_problem(ipam.ipv4_address, network.pools_of(4))
        yield from _range_problem(ipam.ipv6_address, network.pools_of(6))
    yield from _option_problems(settings.driver_opts or {})


def _address_problems(ipam: EndpointIPAMConfig) -> Iterator[str]:
    for text, version in ((ipam.ipv4_address, 4), (ipam.ipv6_address, 6)):
        if text:
            address = parse_address(text)
            if address is None or address.version != version or address.is_unspecified:
                yield f"invalid IPv{version} address: {text}"
    for text in ipam.link_local_ips:
        address = parse_address(text)
        if address is None or address.is_unspecified:
            yield f"invalid link-local IP address: {text}"


def _range_problem(text: str, pools: Sequence[PoolRecord]) -> Iterator[str]:
    address = parse_address(text) if text else None
    if address is None:
        return
    if not any(pool.given for pool in pools):
        yield (
            "user specified IP address is supported only when connecting to networks "
            "with user configured subnets"
        )
    elif not any(address in pool.network for pool in pools):
        yield f"no configured subnet or ip-range contain the IP address {text}"


def _option_problems(options: dict[str, str]) -> Iterator[str]:
    for sysctl in filter(None, options.get(SYSCTLS, "").split(",")):
        if not is_interface_sysctl(sysctl):
            yield (
                f"unrecognised network interface sysctl '{sysctl}'; represent 'net.X.Y.ethN.Z=V' as "
                "'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
            )
    name = options.get(INTERFACE_NAME, "")
    if name and not _is_interface_name(name):
        yield f"invalid interface name: {name}"


def check_interface_name(text: str) -> None:
    """Raises InvalidArgumentError for what the kernel does not take."""
    if not _is_interface_name(text):
        raise InvalidArgumentError(f"invalid interface name: {text}")


def _is_interface_name(text: str) -> bool:
    return _INTERFACE.fullmatch(text.encode()) is not None


def is_interface_sysctl(text: str) -> bool:
    """``net.ipv4.conf.IFNAME.log_martians=1``: the command line sends it in lower case."""
    name, assigned, _ = text.partition("=")
    parts = name.split(".")
    return (
        bool(assigned)
        and len(parts) == 5
        and all(map(_WORD.fullmatch, parts))
        and parts[0] == "net"
        and parts[1] in ("ipv4", "ipv6", "mpls")
        and parts[3] in ("IFNAME", "ifname")
    )


def interface_sysctls(options: Mapping[str, str]) -> dict[str, str]:
    """Those that an endpoint's options ask for, by name with ``IFNAME`` in it; checked before."""
    pairs = (text.partition("=") for text in options.get(SYSCTLS, "").split(",") if text)
    return {name.replace(".ifname.", ".IFNAME."): value for name, _, value in pairs}
