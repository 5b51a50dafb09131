"""The bridge that every engine has: its subnet is what the flags say, what it has, or what is free."""

import ipaddress
import socket
from pathlib import Path

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.ipam import IPNetwork, Subnet, SubnetPool, choose_subnet

_RESOLV_CONF = Path("/etc/resolv.conf")


def default_subnet(name: str, *, bip: str, fixed_cidr: str, pools: tuple[SubnetPool, ...]) -> Subnet:
    """The subnet of bridge ``name``. Blocks. Raises InvalidArgumentError, ScowError if none is free."""
    if bip:
        interface = parse_bip(bip)
    else:
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            interface = _present_interface(sock, name) or _first_of_free_subnet(sock, name, pools)
    return Subnet(interface.network, interface.ip, _parse_range(fixed_cidr))


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


def parse_bip(text: str) -> ipaddress.IPv4Interface:
    """``--bip``: the bridge's own address. Raises InvalidArgumentError."""
    try:
        interface = ipaddress.IPv4Interface(text)
    except ValueError:
        raise InvalidArgumentError(f"invalid CIDR address: {text}")
    if interface.network.prefixlen > 30 or interface.ip in (
        interface.network.network_address,
        interface.network.broadcast_address,
    ):
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


def _parse_range(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False) if text else None
    except ValueError:
        raise InvalidArgumentError(f"invalid CIDR address: {text}")


def _present_interface(sock: NetlinkSocket, name: str) -> ipaddress.IPv4Interface | None:
    link = rtnetlink.find_link(sock, name)
    if link is None:
        return None
    found = [it.interface for it in rtnetlink.addresses(sock, socket.AF_INET) if it.index == link.index]
    return next((it for it in found if isinstance(it, ipaddress.IPv4Interface)), None)


def _first_of_free_subnet(
    sock: NetlinkSocket, name: str, pools: tuple[SubnetPool, ...]
) -> ipaddress.IPv4Interface:
    subnet = choose_subnet(pools, networks_in_use(sock, but_for=name))
    if not isinstance(subnet, ipaddress.IPv4Network):
        raise ScowError("the default bridge needs an IPv4 address pool")
    return ipaddress.IPv4Interface((subnet.network_address + 1, subnet.prefixlen))
