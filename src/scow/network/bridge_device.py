"""The bridge device itself: found or made, with its address and the kernel settings around it."""

import errno
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scow.errors import ScowError
from scow.linux import rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.linux.rtnetlink import Link
from scow.network.ipam import IPInterface

_SYSCTL = Path("/proc/sys/net")


@dataclass(frozen=True, slots=True)
class BridgeDevice:
    """A bridge that is up, with its own addresses."""

    index: int
    name: str
    mac: str
    interfaces: tuple[IPInterface, ...]


def ensure_bridge(
    sock: NetlinkSocket, name: str, mtu: int, interfaces: Sequence[IPInterface], *, keep_ipv4: bool = False
) -> BridgeDevice:
    """The bridge called ``name`` with these addresses, made if there is none.

    Other addresses go, but for link-local ones and, with ``keep_ipv4``, those of IPv4. Raises ScowError if
    the name is another kind of device's, OSError.
    """
    link = rtnetlink.find_link(sock, name) or _make(sock, name)
    if link.kind != "bridge":
        raise ScowError(f"existing interface {name} is not a bridge")
    sock.execute(rtnetlink.link_up(link.index), rtnetlink.link_mtu(link.index, mtu))
    present = [it.interface for it in rtnetlink.addresses(sock) if it.index == link.index]
    for other in present:
        kept = other.ip.is_link_local or (keep_ipv4 and other.version == 4)
        if other not in interfaces and not kept:
            sock.execute(rtnetlink.delete_address(link.index, other))
    for interface in interfaces:
        if interface not in present:
            sock.execute(rtnetlink.address(link.index, interface))
    return BridgeDevice(link.index, name, link.mac, tuple(interfaces))


def device_exists(name: str) -> bool:
    """Whether the host has a network device of this name. Raises OSError."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        return rtnetlink.find_link(sock, name) is not None


def remove_bridge(sock: NetlinkSocket, name: str) -> None:
    """Delete the bridge; no error if there is none. Raises OSError."""
    link = rtnetlink.find_link(sock, name)
    if link is None or link.kind != "bridge":
        return
    try:
        sock.execute(rtnetlink.delete_link(link.index))
    except OSError as exc:
        if exc.errno != errno.ENODEV:
            raise


def remove_idle_bridge(name: str) -> None:
    """Delete the bridge if nothing is connected to it: a port may be somebody else's. Raises OSError."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, name)
        if link is not None and not any(it.master_index == link.index for it in rtnetlink.links(sock)):
            remove_bridge(sock, name)


def set_sysctls(name: str, *, ip_forward: bool, ipv6: bool, route_localnet: bool) -> None:
    """What routing between the bridge, the host's loopback and the world needs. Raises OSError.

    ``route_localnet`` lets the host reach published ports at 127.0.0.1. Only a firewall closes the other
    direction: without it containers would reach what listens there on the host.
    """
    if ip_forward:
        _write_if_different(_SYSCTL / "ipv4/ip_forward", "1")
    _write_if_different(_SYSCTL / f"ipv4/conf/{name}/route_localnet", str(int(route_localnet)))
    try:
        _write_if_different(_SYSCTL / f"ipv6/conf/{name}/accept_ra", "0")
        if ipv6:
            _write_if_different(_SYSCTL / f"ipv6/conf/{name}/disable_ipv6", "0")
            if ip_forward:
                _write_if_different(_SYSCTL / "ipv6/conf/all/forwarding", "1")
    except FileNotFoundError:
        if ipv6:
            raise


def filters_bridged_packets() -> bool:
    """Whether packets from port to port pass the firewall too (br_netfilter is loaded and on)."""
    try:
        return (_SYSCTL / "bridge/bridge-nf-call-iptables").read_text().strip() == "1"
    except FileNotFoundError:
        return False


def _make(sock: NetlinkSocket, name: str) -> Link:
    mac = "02:42:" + secrets.token_bytes(4).hex(":")
    try:
        sock.execute(rtnetlink.bridge(name, mac=mac))
    except OSError as exc:
        if exc.errno != errno.EEXIST:
            raise
    link = rtnetlink.find_link(sock, name)
    if link is None:
        raise ScowError(f"bridge {name} was removed while it was set up")
    return link


def _write_if_different(path: Path, value: str) -> None:
    """Reading first keeps a daemon working where somebody set the value and /proc/sys is read-only."""
    if path.read_text().strip() == value:
        return
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
