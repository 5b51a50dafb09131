"""Forgetting connections: entries of the kernel's connection table that would outlive what they lead to.

Address translation is decided once, by the first packet of a flow, and then read from this table. A UDP
client that keeps sending would reach the address of a container that is gone, or never reach a port that
was published after its first packet. (include/uapi/linux/netfilter/nfnetlink_conntrack.h; filters on
delete since Linux 5.10.)
"""

import errno
import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from scow.linux.netlink import NetlinkSocket, Request, attribute, nested, u8, u32

_CTNETLINK_DELETE = (1 << 8) | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_NFGENMSG = struct.Struct("=BBH")  # family, version, resource

_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY, _CTA_FILTER = 1, 2, 25
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_IP_V4_SRC, _CTA_IP_V6_SRC = 1, 3
_CTA_PROTO_NUM, _CTA_PROTO_DST_PORT = 1, 3
_CTA_FILTER_ORIG_FLAGS, _CTA_FILTER_REPLY_FLAGS = 1, 2
_FILTER_IP_SRC, _FILTER_PROTO_NUM, _FILTER_DST_PORT = 1 << 0, 1 << 3, 1 << 5


def forget_connections_to(address: IPv4Address | IPv6Address) -> Request:
    """Drop every connection that ``address`` answers."""
    source = _CTA_IP_V4_SRC if address.version == 4 else _CTA_IP_V6_SRC
    return _delete(
        socket.AF_INET if address.version == 4 else socket.AF_INET6,
        nested(_CTA_TUPLE_REPLY, nested(_CTA_TUPLE_IP, attribute(source, address.packed))),
        _filter(0, _FILTER_IP_SRC),
        f"IPCTNL_MSG_CT_DELETE to {address}",
    )


def forget_udp_port(port: int, family: int) -> Request:
    """Drop every UDP flow of a family (AF_INET, AF_INET6) that was sent to ``port`` of any address."""
    proto = nested(
        _CTA_TUPLE_PROTO,
        u8(_CTA_PROTO_NUM, socket.IPPROTO_UDP),
        attribute(_CTA_PROTO_DST_PORT, struct.pack("!H", port)),
    )
    return _delete(
        family,
        nested(_CTA_TUPLE_ORIG, proto),
        _filter(_FILTER_PROTO_NUM | _FILTER_DST_PORT, 0),
        f"IPCTNL_MSG_CT_DELETE udp port {port}",
    )


def forget(sock: NetlinkSocket, *requests: Request) -> None:
    """Carry out ``requests`` on a NETLINK_NETFILTER socket; nothing to forget is no error. Raises OSError."""
    for request in requests:
        try:
            sock.execute(request)
        except OSError as exc:
            if exc.errno != errno.ENOENT:
                raise


def _delete(family: int, tuples: bytes, selection: bytes, name: str) -> Request:
    return Request(_CTNETLINK_DELETE, 0, _NFGENMSG.pack(family, 0, 0) + tuples + selection, name)


def _filter(original: int, reply: int) -> bytes:
    return nested(_CTA_FILTER, u32(_CTA_FILTER_ORIG_FLAGS, original), u32(_CTA_FILTER_REPLY_FLAGS, reply))
