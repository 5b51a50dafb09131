"""The inside of a container's namespace: its device set up, with addresses and routes.

Functions block on the kernel's netlink lock and raise OSError.
"""

import ipaddress
import os
import socket

from scow.errors import ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.linux.rtnetlink import Link
from scow.network.endpoint import Endpoint
from scow.network.ipam import IPAddress, IPInterface

_DEFAULT = "default"


def open_inside(netns_fd: int) -> NetlinkSocket:
    """A socket in a namespace, whose devices to come have no IPv6 until they are given an address."""
    with enter_netns(netns_fd):
        _no_ipv6_on_new_devices()
        return NetlinkSocket(NETLINK_ROUTE)


def set_up(inside: NetlinkSocket, netns_fd: int, endpoint: Endpoint, *, default_route: bool) -> Link:
    """Addresses, loopback and the way out, with a device that is there. Raises ScowError if it is not."""
    device = rtnetlink.find_link(inside, endpoint.interface)
    if device is None:
        raise ScowError(f"{endpoint.interface} went away while it was set up")
    if endpoint.address6:
        with enter_netns(netns_fd):
            _ipv6_on(endpoint.interface)
    inside.execute(
        rtnetlink.link_up(rtnetlink.LOOPBACK_INDEX),
        rtnetlink.link_up(device.index),
        *(rtnetlink.address(device.index, interface) for interface in interfaces(endpoint)),
    )
    if default_route:
        inside.execute(*map(rtnetlink.default_route, _gateways(endpoint)))
    return device


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


def interfaces(endpoint: Endpoint) -> list[IPInterface]:
    """All addresses of an endpoint with their prefix lengths."""
    own = ((endpoint.address, endpoint.prefix_len), (endpoint.address6, endpoint.prefix_len6))
    found = [ipaddress.ip_interface(f"{address}/{length}") for address, length in own if address]
    for text in endpoint.link_local:
        address = ipaddress.ip_address(text)
        found.append(ipaddress.ip_interface(f"{address}/{16 if address.version == 4 else 64}"))
    return found


def _gateways(endpoint: Endpoint) -> list[IPAddress]:
    return [ipaddress.ip_address(text) for text in (endpoint.gateway, endpoint.gateway6) if text]


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
