"""The device pair between a bridge and a container's namespace: made, cut off, removed.

Functions block on the kernel's netlink lock and raise OSError.
"""

import errno
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Collection

from scow.errors import ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.bridge_device import BridgeDevice
from scow.network.endpoint import Endpoint
from scow.network.ipam import IPAddress, IPInterface

_DEFAULT = "default"
_NAME = re.compile("veth[0-9a-f]{8}")


def attach(
    netns_fd: int,
    endpoint: Endpoint,
    device: BridgeDevice,
    *,
    mtu: int,
    isolated: bool,
    default_route: bool,
) -> None:
    """Connect a namespace to the bridge; packets pass both ways when this returns.

    ``isolated`` ports of a bridge reach the bridge but not each other.
    """
    with enter_netns(netns_fd):
        _no_ipv6_on_new_devices()
        inside = NetlinkSocket(NETLINK_ROUTE)
    with inside, NetlinkSocket(NETLINK_ROUTE) as host:
        pair = rtnetlink.VethPair(
            name=endpoint.host_interface,
            master_index=device.index,
            peer_name=endpoint.interface,
            peer_netns_fd=netns_fd,
            peer_mac=endpoint.mac,
            mtu=mtu,
        )
        host.execute(rtnetlink.veth(pair))
        eth = rtnetlink.find_link(inside, endpoint.interface)
        if eth is None:
            raise ScowError(f"{endpoint.interface} went away while it was set up")
        if endpoint.address6:
            with enter_netns(netns_fd):
                _ipv6_on(endpoint.interface)
        inside.execute(
            rtnetlink.link_up(rtnetlink.LOOPBACK_INDEX),
            rtnetlink.link_up(eth.index),
            *(rtnetlink.address(eth.index, interface) for interface in _interfaces(endpoint)),
        )
        gateways = [it.ip for it in device.interfaces if it.version == 4]
        if default_route:
            inside.execute(*map(rtnetlink.default_route, _gateways(endpoint)))
        inside.execute(
            *(rtnetlink.neighbour(eth.index, it, device.mac) for it in gateways if it.version == 4)
        )
        host.execute(
            # Without it a bridge that filters drops what a container sends to its own published port.
            rtnetlink.bridge_port(eth.peer_index, hairpin=True, isolated=isolated),
            *(
                rtnetlink.neighbour(device.index, interface.ip, endpoint.mac)
                for interface in _interfaces(endpoint)
                if interface.version == 4
            ),
        )
        rtnetlink.settle_link(inside, eth.index)
        rtnetlink.settle_link(host, eth.peer_index)


def set_default_route(netns_fd: int, endpoint: Endpoint | None, family: int) -> None:
    """Make ``endpoint`` the way out of a namespace, for 4 or 6; ``None`` leaves it none. Raises OSError."""
    with enter_netns(netns_fd):
        inside = NetlinkSocket(NETLINK_ROUTE)
    with inside:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        for route in rtnetlink.routes(inside, kind):
            if not route.destination.prefixlen and route.gateway is not None:
                inside.execute(rtnetlink.delete_default_route(route.gateway))
        if endpoint is not None:
            inside.execute(
                *(rtnetlink.default_route(it) for it in _gateways(endpoint) if it.version == family)
            )


def _interfaces(endpoint: Endpoint) -> list[IPInterface]:
    own = ((endpoint.address, endpoint.prefix_len), (endpoint.address6, endpoint.prefix_len6))
    found = [ipaddress.ip_interface(f"{address}/{length}") for address, length in own if address]
    for text in endpoint.link_local:
        address = ipaddress.ip_address(text)
        found.append(ipaddress.ip_interface(f"{address}/{16 if address.version == 4 else 64}"))
    return found


def _gateways(endpoint: Endpoint) -> list[IPAddress]:
    return [ipaddress.ip_address(text) for text in (endpoint.gateway, endpoint.gateway6) if text]


def cut_off(endpoint: Endpoint) -> None:
    """Take the port off the bridge at once; no error if it is gone.

    The namespace goes by itself, but until the kernel has taken it apart it answers for an address that
    may be somebody else's by then.
    """
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, endpoint.host_interface)
        if link is None:
            return
        try:
            sock.execute(rtnetlink.bridge_port_off(link.index))
        except OSError as exc:
            if exc.errno not in (errno.ENODEV, errno.EOPNOTSUPP):  # gone meanwhile, or no port any more
                raise


def remove(endpoint: Endpoint) -> None:
    """Delete both ends; no error if they are gone. Blocks for some 30 ms."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, endpoint.host_interface)
        if link is not None:
            _delete(sock, link)


def remove_unknown(sock: NetlinkSocket, device: BridgeDevice, known: Collection[str]) -> None:
    """Delete the pairs on a bridge that an earlier daemon made and no document tells of.

    Those of others stay: they are told by their names.
    """
    for link in rtnetlink.links(sock):
        if link.master_index == device.index and _NAME.fullmatch(link.name) and link.name not in known:
            _delete(sock, link)


def fresh_name() -> str:
    """For the host's end of a pair."""
    return f"veth{secrets.token_hex(4)}"


def _delete(sock: NetlinkSocket, link: rtnetlink.Link) -> None:
    try:
        sock.execute(rtnetlink.delete_link(link.index))
    except OSError as exc:
        if exc.errno != errno.ENODEV:
            raise


def _no_ipv6_on_new_devices() -> None:
    """In the calling thread's namespace. Loopback, which is there already, keeps ::1 as in Docker 26."""
    _write_sysctl(_DEFAULT, "1")


def _ipv6_on(device: str) -> None:
    """In the calling thread's namespace."""
    _write_sysctl(device, "0")


def _write_sysctl(device: str, value: str) -> None:
    try:
        fd = os.open(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # no IPv6 in this kernel
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
