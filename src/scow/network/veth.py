"""The device pair between a bridge and a container's namespace: made, cut off, removed.

Functions block on the kernel's netlink lock and raise OSError.
"""

import errno
import re
import secrets
from collections.abc import Collection

from scow.linux import rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket, Request
from scow.linux.rtnetlink import Link
from scow.network import bandwidth
from scow.network.bandwidth import Limits
from scow.network.bridge_device import BridgeDevice
from scow.network.container_side import interfaces, open_inside, set_up
from scow.network.endpoint import Endpoint

_NAME = re.compile("veth[0-9a-f]{8}")


def attach(
    netns_fd: int,
    endpoint: Endpoint,
    device: BridgeDevice,
    *,
    mtu: int,
    isolated: bool,
    default_route: bool,
    limits: Limits,
) -> None:
    """Connect a namespace to the bridge; packets pass both ways when this returns.

    ``isolated`` ports of a bridge reach the bridge but not each other.
    """
    inside = open_inside(netns_fd)
    with inside, NetlinkSocket(NETLINK_ROUTE) as host:
        _make_pair(host, netns_fd, endpoint, device, mtu)
        eth = set_up(inside, netns_fd, endpoint, default_route=default_route)
        # Both sides know the other's MAC address: nobody has to ask for the first packet.
        inside.execute(*_bridge_as_neighbour(eth, device))
        host.execute(
            # Without hairpin a bridge that filters drops what a container sends to its own published port.
            rtnetlink.bridge_port(eth.peer_index, hairpin=True, isolated=isolated),
            *_container_as_neighbour(device, endpoint),
        )
        bandwidth.limit_sending(inside, eth.index, limits.egress_bytes_per_s, mtu)
        bandwidth.limit_sending(host, eth.peer_index, limits.ingress_bytes_per_s, mtu)
        rtnetlink.settle_link(inside, eth.index)
        rtnetlink.settle_link(host, eth.peer_index)
        # The first port of a bridge is what brings it up.
        rtnetlink.settle_link(host, device.index)


def _make_pair(
    host: NetlinkSocket, netns_fd: int, endpoint: Endpoint, device: BridgeDevice, mtu: int
) -> None:
    pair = rtnetlink.VethPair(
        name=endpoint.host_interface,
        master_index=device.index,
        peer_name=endpoint.interface,
        peer_netns_fd=netns_fd,
        peer_mac=endpoint.mac,
        mtu=mtu,
    )
    host.execute(rtnetlink.veth(pair))


def _bridge_as_neighbour(eth: Link, device: BridgeDevice) -> list[Request]:
    gateways = [it.ip for it in device.interfaces if it.version == 4]
    return [rtnetlink.neighbour(eth.index, address, device.mac) for address in gateways]


def _container_as_neighbour(device: BridgeDevice, endpoint: Endpoint) -> list[Request]:
    own = [it.ip for it in interfaces(endpoint) if it.version == 4]
    return [rtnetlink.neighbour(device.index, address, endpoint.mac) for address in own]


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


def _delete(sock: NetlinkSocket, link: Link) -> None:
    try:
        sock.execute(rtnetlink.delete_link(link.index))
    except OSError as exc:
        if exc.errno != errno.ENODEV:
            raise
