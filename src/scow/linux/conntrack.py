"""Forgetting connections: entries of the kernel's connection table that would outlive what they lead to.

Address translation is decided once, by the first packet of a flow, and then read from this table. A client
that keeps sending would reach the address of a container that is gone, and whoever has it next, or never
reach a port that was published after its first packet. Each request makes the kernel look at the whole table:
half a millisecond when that is large and empty. (include/uapi/linux/netfilter/nfnetlink_conntrack.h; filters
on delete since Linux 5.10.)
"""

import errno
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from scow.linux.netlink import NetlinkSocket, Request, attribute, nested, u8, u32

_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_CTNETLINK_DELETE = (1 << 8) | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_NFGENMSG = struct.Struct("=BBH")  # family, version, resource

_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY, _CTA_FILTER = 1, 2, 25
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_IP_V4_SRC, _CTA_IP_V6_SRC = 1, 3
_CTA_PROTO_NUM, _CTA_PROTO_SRC_PORT, _CTA_PROTO_DST_PORT = 1, 2, 3
_CTA_FILTER_ORIG_FLAGS, _CTA_FILTER_REPLY_FLAGS = 1, 2
_FILTER_IP_SRC, _FILTER_PROTO_NUM, _FILTER_SRC_PORT, _FILTER_DST_PORT = 1 << 0, 1 << 3, 1 << 4, 1 << 5


@dataclass(frozen=True, slots=True)
class Target:
    """What answers the flows to a port: ``protocol`` is a number (IPPROTO_TCP …)."""

    protocol: int
    address: IPv4Address | IPv6Address
    port: int


def forget_address(address: IPv4Address | IPv6Address) -> list[Request]:
    """Drop every connection that ``address`` began, and every one that it answers."""
    family, kind = _source_of(address)
    source = nested(_CTA_TUPLE_IP, attribute(kind, address.packed))
    name = f"IPCTNL_MSG_CT_DELETE of {address}"
    return [
        _delete(family, nested(_CTA_TUPLE_ORIG, source), _filter(_FILTER_IP_SRC, 0), name),
        _delete(family, nested(_CTA_TUPLE_REPLY, source), _filter(0, _FILTER_IP_SRC), name),
    ]


def is_empty() -> bool:
    """Whether nothing is in the table of the calling thread's namespace, or there is no such table."""
    try:
        return _COUNT.read_text().strip() == "0"
    except FileNotFoundError:
        return True


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


def forget_port(port: int, target: Target) -> Request:
    """Drop every flow that was sent to ``port`` of any address and that ``target`` answers."""
    family, kind = _source_of(target.address)
    sent_to = nested(
        _CTA_TUPLE_PROTO,
        u8(_CTA_PROTO_NUM, target.protocol),
        attribute(_CTA_PROTO_DST_PORT, struct.pack("!H", port)),
    )
    answered_by = nested(_CTA_TUPLE_IP, attribute(kind, target.address.packed)) + nested(
        _CTA_TUPLE_PROTO,
        u8(_CTA_PROTO_NUM, target.protocol),
        attribute(_CTA_PROTO_SRC_PORT, struct.pack("!H", target.port)),
    )
    return _delete(
        family,
        nested(_CTA_TUPLE_ORIG, sent_to) + nested(_CTA_TUPLE_REPLY, answered_by),
        _filter(_FILTER_PROTO_NUM | _FILTER_DST_PORT, _FILTER_IP_SRC | _FILTER_PROTO_NUM | _FILTER_SRC_PORT),
        f"IPCTNL_MSG_CT_DELETE port {port} of {target}",
    )


def forget(sock: NetlinkSocket, *requests: Request) -> None:
    """Carry out ``requests`` on a NETLINK_NETFILTER socket; nothing to forget is no error. Raises OSError."""
    for request in requests:
        try:
            sock.execute(request)
        except OSError as exc:
            if exc.errno != errno.ENOENT:
                raise


def _source_of(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """The family of an address, and the attribute that a source address is."""
    if address.version == 4:
        return socket.AF_INET, _CTA_IP_V4_SRC
    return socket.AF_INET6, _CTA_IP_V6_SRC


def _delete(family: int, tuples: bytes, selection: bytes, name: str) -> Request:
    return Request(_CTNETLINK_DELETE, 0, _NFGENMSG.pack(family, 0, 0) + tuples + selection, name)


def _filter(original: int, reply: int) -> bytes:
    return nested(_CTA_FILTER, u32(_CTA_FILTER_ORIG_FLAGS, original), u32(_CTA_FILTER_REPLY_FLAGS, reply))
