"""The bridge device itself: found or made, with its address and the kernel settings around it."""

import errno
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.netlink import NetlinkSocket
from scow.linux.rtnetlink import Link
from scow.network.ipam import IPNetwork, SubnetPool, choose_subnet

_SYSCTL = Path("/proc/sys/net")
_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class BridgeDevice:
    """A bridge that is up; ``interface`` is its address with the subnet."""

    index: int
    name: str
    mac: str
    interface: ipaddress.IPv4Interface


def ensure_bridge(
    sock: NetlinkSocket, name: str, *, bip: str, mtu: int, pools: tuple[SubnetPool, ...]
) -> BridgeDevice:
    """The bridge called ``name``, made if there is none.

    Its address is ``bip``, else the one it has, else the first of a subnet that the host has no route to.
    Raises InvalidArgumentError, ScowError, OSError.
    """
    wanted = _parse_bip(bip) if bip else None
    link = rtnetlink.find_link(sock, name) or _make(sock, name, mtu)
    if link.kind != "bridge":
        raise InvalidArgumentError(f"{name} is a {link.kind or 'network'} device, not a bridge")
    sock.execute(rtnetlink.link_up(link.index), rtnetlink.link_mtu(link.index, mtu))
    present = _ipv4_interfaces(sock, link.index)
    interface = wanted or (present[0] if present else _first_of_free_subnet(sock, link.index, pools))
    for other in present:
        if wanted and other != wanted:
            sock.execute(rtnetlink.delete_address(link.index, other))
    if interface not in present:
        sock.execute(rtnetlink.address(link.index, interface))
    return BridgeDevice(link.index, name, link.mac, interface)


def set_sysctls(name: str, *, ip_forward: bool) -> None:
    """What routing between the bridge, the host's loopback and the world needs. Raises OSError.

    route_localnet lets the host reach published ports at 127.0.0.1; the firewall closes the other direction.
    """
    if ip_forward:
        _write_if_different(_SYSCTL / "ipv4/ip_forward", "1")
    _write_if_different(_SYSCTL / f"ipv4/conf/{name}/route_localnet", "1")
    try:
        _write_if_different(_SYSCTL / f"ipv6/conf/{name}/accept_ra", "0")
    except FileNotFoundError:
        pass  # no IPv6 in this kernel


def filters_bridged_packets() -> bool:
    """Whether packets from port to port pass the firewall too (br_netfilter is loaded and on)."""
    try:
        return (_SYSCTL / "bridge/bridge-nf-call-iptables").read_text().strip() == "1"
    except FileNotFoundError:
        return False


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


def _parse_bip(text: str) -> ipaddress.IPv4Interface:
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


def _make(sock: NetlinkSocket, name: str, mtu: int) -> Link:
    mac = "02:42:" + secrets.token_bytes(4).hex(":")
    try:
        sock.execute(rtnetlink.bridge(name, mac=mac, mtu=mtu))
    except OSError as exc:
        if exc.errno != errno.EEXIST:
            raise
    link = rtnetlink.find_link(sock, name)
    if link is None:
        raise ScowError(f"bridge {name} was removed while it was set up")
    return link


def _ipv4_interfaces(sock: NetlinkSocket, index: int) -> list[ipaddress.IPv4Interface]:
    found = [item.interface for item in rtnetlink.addresses(sock, socket.AF_INET) if item.index == index]
    return [interface for interface in found if isinstance(interface, ipaddress.IPv4Interface)]


def _first_of_free_subnet(
    sock: NetlinkSocket, index: int, pools: tuple[SubnetPool, ...]
) -> ipaddress.IPv4Interface:
    """What the host can reach by another device, or asks for names, must stay reachable."""
    routed = [route.destination for route in rtnetlink.routes(sock, socket.AF_INET) if route.index != index]
    addressed = [item.interface.network for item in rtnetlink.addresses(sock, socket.AF_INET)]
    asked = nameservers(_RESOLV_CONF.read_text()) if _RESOLV_CONF.exists() else []
    subnet = choose_subnet(pools, [*routed, *addressed, *asked])
    return ipaddress.IPv4Interface((subnet.network_address + 1, subnet.prefixlen))


def _write_if_different(path: Path, value: str) -> None:
    """Reading first keeps a daemon working where somebody set the value and /proc/sys is read-only."""
    if path.read_text().strip() == value:
        return
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
