"""The bridge that every engine has: its subnet is what the flags say, what it has, or what is free."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.ipam import IPInterface, IPNetwork, Subnet, SubnetPool, choose_subnet

_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class AskedSubnet:
    """What the flags say of one IP version of the default bridge; "" is what they leave open.

    ``bip`` is the bridge's own address, containers get theirs from ``fixed_cidr`` and send what is not for
    their neighbours to ``default_gateway``.
    """

    version: int
    bip: str = ""
    fixed_cidr: str = ""
    default_gateway: str = ""


def default_subnet(name: str, asked: AskedSubnet, pools: tuple[SubnetPool, ...]) -> Subnet:
    """The subnet of bridge ``name``. Blocks. Raises InvalidArgumentError, ScowError if none is free."""
    chosen = _parse_range(asked.fixed_cidr)
    if asked.bip:
        interface = parse_bip(asked.bip)
    else:
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            interface = (
                _present_interface(sock, name, asked.version, chosen)
                or (chosen and _first_of(chosen))
                or _first_of(_free_subnet(sock, name, asked.version, pools))
            )
    router = ipaddress.ip_address(asked.default_gateway) if asked.default_gateway else None
    if router is not None and router not in interface.network:
        raise InvalidArgumentError(f"default gateway {router} is not within {interface.network}")
    return Subnet(interface.network, interface.ip, chosen, (router,) if router else (), router)


def default_options(name: str, *, icc: bool, masquerade: bool, ip: str, mtu: int) -> dict[str, str]:
    """The driver options that inspect of the default bridge shows."""
    prefix = "com.docker.network"
    return {
        f"{prefix}.bridge.default_bridge": "true",
        f"{prefix}.bridge.enable_icc": str(icc).lower(),
        f"{prefix}.bridge.enable_ip_masquerade": str(masquerade).lower(),
        f"{prefix}.bridge.host_binding_ipv4": ip,
        f"{prefix}.bridge.name": name,
        f"{prefix}.driver.mtu": str(mtu),
    }


def parse_bip(text: str) -> IPInterface:
    """``--bip``, ``--bip6``: the bridge's own address. Raises InvalidArgumentError."""
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise InvalidArgumentError(f"invalid CIDR address: {text}")
    network = interface.network
    if network.num_addresses < 4 or interface.ip in (network[0], network[-1]):
        raise InvalidArgumentError(f"invalid bridge address: {text} leaves no address for containers")
    return interface


def host_networks() -> list[IPNetwork]:
    """``networks_in_use`` of all devices. Blocks. Raises OSError."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        return networks_in_use(sock)


def networks_in_use(sock: NetlinkSocket, *, but_for: str = "") -> list[IPNetwork]:
    """What the host can reach by a device other than ``but_for``, has addresses of, or asks for names."""
    link = rtnetlink.find_link(sock, but_for) if but_for else None
    own = link.index if link else -1
    routed = [it.destination for it in rtnetlink.routes(sock, socket.AF_INET) if it.index != own]
    routed += [it.destination for it in rtnetlink.routes(sock, socket.AF_INET6) if it.index != own]
    addressed = [it.interface.network for it in rtnetlink.addresses(sock) if it.index != own]
    asked = nameservers(_RESOLV_CONF.read_text()) if _RESOLV_CONF.exists() else []
    return [*routed, *addressed, *asked]


def nameservers(resolv_conf: str) -> list[IPNetwork]:
    """The name servers of a resolv.conf(5) text, each as a network of one address."""
    found: list[IPNetwork] = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found.append(ipaddress.ip_network(words[1].partition("%")[0]))
            except ValueError:
                continue
    return found


def _parse_range(text: str) -> IPNetwork | None:
    try:
        return ipaddress.ip_network(text, strict=False) if text else None
    except ValueError:
        raise InvalidArgumentError(f"invalid CIDR address: {text}")


def _present_interface(
    sock: NetlinkSocket, name: str, version: int, chosen: IPNetwork | None
) -> IPInterface | None:
    """The address that the bridge has, unless it cannot be where ``chosen`` addresses are.

    The network grows when containers are to have addresses of a larger one.
    """
    link = rtnetlink.find_link(sock, name)
    if link is None:
        return None
    found = [
        it.interface
        for it in rtnetlink.addresses(sock)
        if it.index == link.index and it.interface.version == version and not it.interface.ip.is_link_local
    ]
    if chosen is None:
        return next(iter(found), None)
    for interface in found:
        if chosen.network_address in interface.network or interface.ip in chosen:
            length = min(chosen.prefixlen, interface.network.prefixlen)
            return ipaddress.ip_interface(f"{interface.ip}/{length}")
    return None


def _free_subnet(sock: NetlinkSocket, name: str, version: int, pools: tuple[SubnetPool, ...]) -> IPNetwork:
    try:
        return choose_subnet(pools, networks_in_use(sock, but_for=name), version=version)
    except ScowError as exc:
        raise ScowError(f"the default bridge: {exc.message}") from exc


def _first_of(network: IPNetwork) -> IPInterface:
    """The bridge has the first address that containers could have."""
    return ipaddress.ip_interface(f"{network[1]}/{network.prefixlen}")
