"""Links, addresses, routes and neighbours of a network namespace (rtnetlink(7)).

Functions named after an object build a request, which ``NetlinkSocket.execute`` sends, several at a time;
functions that take a socket read. A whole veth pair, a port of a bridge, its far end named and in another
namespace, is one message: every further one waits for the kernel's one lock again.

``delete_link`` waits for an RCU grace period (some 30 ms): a link in a namespace that is about to die is
better left to die with it.
"""

import errno
import ipaddress
import socket
import struct
from dataclasses import dataclass

from scow.linux.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkSocket,
    Request,
    attribute,
    nested,
    parse_attributes,
    text,
    u8,
    u32,
)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_INDEX = 1  # of every network namespace: include/net/net_namespace.h, LOOPBACK_IFINDEX

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK, _RTM_SETLINK = 16, 17, 18, 19
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_GETROUTE = 24, 25, 26
_RTM_NEWNEIGH = 28

_IFF_UP = 0x1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_PROTINFO, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 12, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_VETH_INFO_PEER = 1
_MACVLAN_MODE = 1
_VLAN_ID = 1
MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
_IFLA_BRPORT_STATE, _IFLA_BRPORT_MODE, _IFLA_BRPORT_FLUSH, _IFLA_BRPORT_ISOLATED = 1, 4, 24, 33
_BR_STATE_DISABLED = 0
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_IFA_F_NODAD = 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_RT_TABLE_MAIN, _RTPROT_BOOT, _RTN_UNICAST = 254, 3, 1
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_REACHABLE = 0x02

_IFINFOMSG = struct.Struct("=BxHiII")  # family, type, index, flags, change
_IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, index
_RTMSG = struct.Struct("=BBBBBBBBI")  # family, dst/src length, tos, table, protocol, scope, type, flags
_NDMSG = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type


@dataclass(frozen=True, slots=True)
class Link:
    """A network device. ``kind`` is "" for hardware; ``peer_index`` is a veth's other end, 0 for most."""

    index: int
    name: str
    kind: str
    mac: str
    mtu: int
    is_up: bool
    master_index: int
    peer_index: int


@dataclass(frozen=True, slots=True)
class Address:
    """An address on the device ``index``."""

    index: int
    interface: IPInterface


@dataclass(frozen=True, slots=True)
class Route:
    """A route; the default route has a destination of prefix length 0."""

    index: int
    table: int
    destination: IPNetwork
    gateway: IPAddress | None


@dataclass(frozen=True, slots=True)
class VethPair:
    """A veth pair to make: ``name`` here, a port of ``master_index``; ``peer_name`` in ``peer_netns_fd``."""

    name: str
    master_index: int
    peer_name: str
    peer_netns_fd: int
    peer_mac: str
    mtu: int


def links(sock: NetlinkSocket) -> list[Link]:
    """Every device of the socket's namespace. Raises OSError."""
    request = Request(_RTM_GETLINK, 0, _link_header(0), "RTM_GETLINK")
    return [_parse_link(payload) for payload in sock.dump(request)]


def find_link(sock: NetlinkSocket, name: str) -> Link | None:
    """The device called ``name``; none has one that the kernel does not take (ERANGE). Raises OSError."""
    payload = _link_header(0) + text(_IFLA_IFNAME, name)
    try:
        return _parse_link(sock.get(Request(_RTM_GETLINK, 0, payload, f"RTM_GETLINK {name}")))
    except OSError as exc:
        if exc.errno in (errno.ENODEV, errno.ERANGE):
            return None
        raise


def settle_link(sock: NetlinkSocket, index: int) -> None:
    """Make a device that was just set up carry packets now, and a bridge pass them to it.

    The kernel does so some milliseconds later by itself; asked about the device, it does so first (Linux 6.8;
    rtnl_getlink in net/core/rtnetlink.c). Raises OSError.
    """
    sock.get(Request(_RTM_GETLINK, 0, _link_header(index), f"RTM_GETLINK {index}"))


def addresses(sock: NetlinkSocket, family: int = socket.AF_UNSPEC) -> list[Address]:
    """Every address of the socket's namespace, or those of one family. Raises OSError."""
    request = Request(_RTM_GETADDR, 0, _IFADDRMSG.pack(family, 0, 0, 0, 0), "RTM_GETADDR")
    return [_parse_address(payload) for payload in sock.dump(request)]


def routes(sock: NetlinkSocket, family: int) -> list[Route]:
    """Unicast routes of all tables for AF_INET or AF_INET6. Raises OSError."""
    request = Request(_RTM_GETROUTE, 0, _RTMSG.pack(family, *[0] * 8), "RTM_GETROUTE")
    found = [_parse_route(payload) for payload in sock.dump(request)]
    return [route for route in found if route is not None]


def bridge(name: str, *, mac: str) -> Request:
    """Make the bridge ``name``, set up. EEXIST if there is a device of that name.

    A bridge without a MAC address of its own takes its lowest port's, and changes it as ports come and go;
    so it does with its MTU until ``link_mtu`` changes that.
    """
    payload = _link_header(0, up=True) + text(_IFLA_IFNAME, name) + attribute(_IFLA_ADDRESS, _mac_bytes(mac))
    payload += nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge"))
    return Request(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWLINK bridge {name}")


def veth(pair: VethPair) -> Request:
    """Make ``pair``, this end up: the far one cannot be before both exist. EEXIST if either name is taken."""
    peer = _link_header(0) + text(_IFLA_IFNAME, pair.peer_name) + u32(_IFLA_MTU, pair.mtu)
    peer += attribute(_IFLA_ADDRESS, _mac_bytes(pair.peer_mac)) + u32(_IFLA_NET_NS_FD, pair.peer_netns_fd)
    payload = _link_header(0, up=True) + text(_IFLA_IFNAME, pair.name) + u32(_IFLA_MTU, pair.mtu)
    payload += u32(_IFLA_MASTER, pair.master_index)
    payload += nested(
        _IFLA_LINKINFO,
        text(_IFLA_INFO_KIND, "veth"),
        nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer)),
    )
    return Request(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWLINK veth {pair.name}")


def loose_pair(name: str, peer_name: str) -> Request:
    """Make a veth pair with both ends here and down. EEXIST if either name is taken."""
    peer = _link_header(0) + text(_IFLA_IFNAME, peer_name)
    payload = _link_header(0) + text(_IFLA_IFNAME, name)
    payload += nested(
        _IFLA_LINKINFO,
        text(_IFLA_INFO_KIND, "veth"),
        nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer)),
    )
    return Request(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWLINK veth {name}")


def vlan(name: str, parent_index: int, vlan_id: int) -> Request:
    """Make the VLAN device ``name``, set up. EOPNOTSUPP from a kernel that has no VLANs."""
    payload = _link_header(0, up=True) + text(_IFLA_IFNAME, name) + u32(_IFLA_LINK, parent_index)
    payload += nested(
        _IFLA_LINKINFO,
        text(_IFLA_INFO_KIND, "vlan"),
        nested(_IFLA_INFO_DATA, attribute(_VLAN_ID, struct.pack("=H", vlan_id))),
    )
    return Request(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWLINK vlan {name}")


@dataclass(frozen=True, slots=True)
class Macvlan:
    """A macvlan device to make in ``netns_fd``, on ``parent_index`` here; ``mode`` is of MACVLAN_MODES.

    Without ``mac`` the kernel chooses one. An ``mtu`` of 0 is the parent's.
    """

    name: str
    parent_index: int
    mode: str
    netns_fd: int
    mac: str
    mtu: int


def macvlan(device: Macvlan) -> Request:
    """Make ``device``. EEXIST if the name is taken there, EBUSY if the parent has another use."""
    payload = _link_header(0) + text(_IFLA_IFNAME, device.name) + u32(_IFLA_LINK, device.parent_index)
    payload += u32(_IFLA_NET_NS_FD, device.netns_fd) + attribute(_IFLA_ADDRESS, _mac_bytes(device.mac))
    if device.mtu:
        payload += u32(_IFLA_MTU, device.mtu)
    payload += nested(
        _IFLA_LINKINFO,
        text(_IFLA_INFO_KIND, "macvlan"),
        nested(_IFLA_INFO_DATA, u32(_MACVLAN_MODE, MACVLAN_MODES[device.mode])),
    )
    return Request(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWLINK macvlan {device.name}")


def link_up(index: int) -> Request:
    """Set a device up; no error if it is."""
    return Request(_RTM_NEWLINK, 0, _link_header(index, up=True), f"RTM_NEWLINK up {index}")


def link_mtu(index: int, mtu: int) -> Request:
    """Set a device's MTU in bytes."""
    return Request(_RTM_NEWLINK, 0, _link_header(index) + u32(_IFLA_MTU, mtu), f"RTM_NEWLINK mtu {index}")


def bridge_port(index: int, *, hairpin: bool, isolated: bool) -> Request:
    """How a bridge treats its port: frames may go back where they came from; isolated ports do not meet."""
    port = nested(_IFLA_PROTINFO, u8(_IFLA_BRPORT_MODE, hairpin), u8(_IFLA_BRPORT_ISOLATED, isolated))
    payload = _link_header(index, family=socket.AF_BRIDGE) + port
    return Request(_RTM_SETLINK, 0, payload, f"RTM_SETLINK bridge port {index}")


def bridge_port_off(index: int) -> Request:
    """Cut a port off its bridge and forget what was learnt through it: at once, unlike taking it down."""
    port = nested(
        _IFLA_PROTINFO, u8(_IFLA_BRPORT_STATE, _BR_STATE_DISABLED), attribute(_IFLA_BRPORT_FLUSH, b"")
    )
    payload = _link_header(index, family=socket.AF_BRIDGE) + port
    return Request(_RTM_SETLINK, 0, payload, f"RTM_SETLINK bridge port {index} off")


def delete_link(index: int) -> Request:
    """Delete a device and, of a veth, both ends. Blocks for some 30 ms."""
    return Request(_RTM_DELLINK, 0, _link_header(index), f"RTM_DELLINK {index}")


def address(index: int, interface: IPInterface) -> Request:
    """Give a device an address; the route to its subnet comes with it. EEXIST if it has it."""
    payload = _address_payload(index, interface)
    return Request(_RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWADDR {interface}")


def delete_address(index: int, interface: IPInterface) -> Request:
    """Take an address from a device. EADDRNOTAVAIL if it does not have it."""
    return Request(_RTM_DELADDR, 0, _address_payload(index, interface), f"RTM_DELADDR {interface}")


def default_route(gateway: IPAddress) -> Request:
    """Send everything else to ``gateway``, on a subnet of the namespace. EEXIST if there is such a route."""
    header = _RTMSG.pack(_family(gateway), 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, 0, _RTN_UNICAST, 0)
    payload = header + attribute(_RTA_GATEWAY, gateway.packed)
    return Request(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, payload, f"RTM_NEWROUTE default via {gateway}")


def delete_default_route(gateway: IPAddress) -> Request:
    """ESRCH if there is none by this gateway."""
    header = _RTMSG.pack(_family(gateway), 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, 0, _RTN_UNICAST, 0)
    payload = header + attribute(_RTA_GATEWAY, gateway.packed)
    return Request(_RTM_DELROUTE, 0, payload, f"RTM_DELROUTE default via {gateway}")


def neighbour(index: int, ip: IPAddress, mac: str) -> Request:
    """Enter a neighbour's link address as just confirmed; it ages like one that was asked for."""
    header = _NDMSG.pack(_family(ip), index, _NUD_REACHABLE, 0, 0)
    payload = header + attribute(_NDA_DST, ip.packed) + attribute(_NDA_LLADDR, _mac_bytes(mac))
    return Request(_RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, payload, f"RTM_NEWNEIGH {ip}")


def _link_header(index: int, *, up: bool = False, family: int = socket.AF_UNSPEC) -> bytes:
    flags = _IFF_UP if up else 0
    return _IFINFOMSG.pack(family, 0, index, flags, flags)


def _address_payload(index: int, interface: IPInterface) -> bytes:
    network = interface.network
    # IPv6: the address is ours alone, so there is no second of waiting for somebody to object.
    flags = _IFA_F_NODAD if interface.version == 6 else 0
    header = _IFADDRMSG.pack(_family(interface), network.prefixlen, flags, 0, index)
    payload = header + attribute(_IFA_LOCAL, interface.packed) + attribute(_IFA_ADDRESS, interface.packed)
    if network.version == 4 and network.prefixlen < 31:
        payload += attribute(_IFA_BROADCAST, network.broadcast_address.packed)
    return payload


def _parse_link(payload: bytes) -> Link:
    _family, _type, index, flags, _change = _IFINFOMSG.unpack_from(payload)
    found = parse_attributes(payload[_IFINFOMSG.size :])
    info = parse_attributes(found.get(_IFLA_LINKINFO, b""))
    return Link(
        index=index,
        name=_text(found.get(_IFLA_IFNAME, b"")),
        kind=_text(info.get(_IFLA_INFO_KIND, b"")),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=_number(found.get(_IFLA_MTU)),
        is_up=bool(flags & _IFF_UP),
        master_index=_number(found.get(_IFLA_MASTER)),
        peer_index=_number(found.get(_IFLA_LINK)),
    )


def _parse_address(payload: bytes) -> Address:
    _family, prefix_length, _flags, _scope, index = _IFADDRMSG.unpack_from(payload)
    found = parse_attributes(payload[_IFADDRMSG.size :])
    # IFA_ADDRESS is the other end on point-to-point devices; IFA_LOCAL is missing for most of IPv6.
    own = ipaddress.ip_address(found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b"")))
    return Address(index, ipaddress.ip_interface((own, prefix_length)))


def _parse_route(payload: bytes) -> Route | None:
    family, length, _source, _tos, table, _protocol, _scope, kind, _flags = _RTMSG.unpack_from(payload)
    if kind != _RTN_UNICAST:
        return None
    found = parse_attributes(payload[_RTMSG.size :])
    destination = found.get(_RTA_DST, bytes(4 if family == socket.AF_INET else 16))
    gateway = found.get(_RTA_GATEWAY)
    return Route(
        index=_number(found.get(_RTA_OIF)),
        table=_number(found.get(_RTA_TABLE)) or table,
        destination=ipaddress.ip_network((destination, length)),
        gateway=None if gateway is None else ipaddress.ip_address(gateway),
    )


def _family(value: IPAddress | IPInterface) -> int:
    return socket.AF_INET if value.version == 4 else socket.AF_INET6


def _mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _number(data: bytes | None) -> int:
    return int.from_bytes(data, "little" if struct.pack("=H", 1)[0] else "big") if data else 0


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")
