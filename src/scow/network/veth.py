"""The device pair between a bridge and a container's namespace: made, cut off, removed.

Functions block on the kernel's netlink lock and raise OSError.
"""

import errno
import ipaddress
import os

from scow.errors import ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.bridge_device import BridgeDevice
from scow.network.endpoint import Endpoint


def attach(netns_fd: int, endpoint: Endpoint, device: BridgeDevice, *, mtu: int, isolated: bool) -> None:
    """Connect a namespace to the bridge; packets pass both ways when this returns.

    ``isolated`` ports of a bridge reach the bridge but not each other.
    """
    interface = ipaddress.IPv4Interface(f"{endpoint.address}/{endpoint.prefix_len}")
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
        inside.execute(
            rtnetlink.link_up(rtnetlink.LOOPBACK_INDEX),
            rtnetlink.link_up(eth.index),
            rtnetlink.address(eth.index, interface),
            rtnetlink.default_route(device.interface.ip),
            rtnetlink.neighbour(eth.index, device.interface.ip, device.mac),
        )
        host.execute(
            # Without it a bridge that filters drops what a container sends to its own published port.
            rtnetlink.bridge_port(eth.peer_index, hairpin=True, isolated=isolated),
            rtnetlink.neighbour(device.index, interface.ip, endpoint.mac),
        )
        rtnetlink.settle_link(inside, eth.index)
        rtnetlink.settle_link(host, eth.peer_index)


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
        if link is None:
            return
        try:
            sock.execute(rtnetlink.delete_link(link.index))
        except OSError as exc:
            if exc.errno != errno.ENODEV:
                raise


def _no_ipv6_on_new_devices() -> None:
    """In the calling thread's namespace. Loopback, which is there already, keeps ::1 as in Docker 26."""
    try:
        fd = os.open("/proc/sys/net/ipv6/conf/default/disable_ipv6", os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # no IPv6 in this kernel
    try:
        os.write(fd, b"1")
    finally:
        os.close(fd)
