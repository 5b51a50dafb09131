"""Rules of the kernel's packet filter as netlink messages, for the few that are made by the container.

nft(8) writes tables for people to read, and takes milliseconds as a process of its own; what is put into
every new network namespace is made here, in one message batch. A rule is a list of expressions that pass
values in a register; one that does not match ends the rule. (include/uapi/linux/netfilter/nf_tables.h)
"""

import socket
import struct
from ipaddress import IPv4Address

from scow.linux.netlink import (
    NFGENMSG_BYTES,
    NLM_F_CREATE,
    NetlinkSocket,
    Request,
    attribute,
    nested,
    parse_attributes,
    text,
)
from scow.linux.nf_tables import SUBSYSTEM, header

_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE = 0, 1, 2, 3, 6
_NLM_F_APPEND = 0x800

_TABLE_NAME, _TABLE_USERDATA = 1, 6
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_TYPE = 1, 3, 4, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_LIST_ELEM = 1
_EXPR_NAME, _EXPR_DATA = 1, 2
_DATA_VALUE = 1

_REGISTER = 1
_META_DREG, _META_KEY, _META_L4PROTO = 1, 2, 16
_CMP_SREG, _CMP_OP, _CMP_DATA = 1, 2, 3
_IMMEDIATE_DREG, _IMMEDIATE_DATA = 1, 2
_PAYLOAD_DREG, _PAYLOAD_BASE, _PAYLOAD_OFFSET, _PAYLOAD_LEN, _PAYLOAD_SREG = 1, 2, 3, 4, 5
_PAYLOAD_CSUM_TYPE, _PAYLOAD_CSUM_OFFSET = 6, 7
_CSUM_INET = 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_CHECKSUM_AT = {socket.IPPROTO_TCP: 16, socket.IPPROTO_UDP: 6}

HOOK_OUTPUT = 3
SOURCE_ADDRESS, DESTINATION_ADDRESS = 12, 16
SOURCE_PORT, DESTINATION_PORT = 0, 2


def table(name: str, note: bytes = b"") -> Request:
    """Make an IPv4 table; no error if there is one. ``note`` is kept with it for ``table_note``."""
    payload = text(_TABLE_NAME, name) + (attribute(_TABLE_USERDATA, note) if note else b"")
    return _request(_NEWTABLE, NLM_F_CREATE, payload, f"NFT_MSG_NEWTABLE {name}")


def table_note(sock: NetlinkSocket, name: str) -> bytes | None:
    """The note of an IPv4 table; ``None`` if there is no such table. Raises OSError."""
    try:
        found = sock.get(_request(_GETTABLE, 0, text(_TABLE_NAME, name), f"NFT_MSG_GETTABLE {name}"))
    except FileNotFoundError:
        return None
    return parse_attributes(found[NFGENMSG_BYTES:]).get(_TABLE_USERDATA, b"")


def delete_table(name: str) -> Request:
    """Delete an IPv4 table with all that is in it. Waits for some 15 ms, as all that takes rules away."""
    return _request(_DELTABLE, 0, text(_TABLE_NAME, name), f"NFT_MSG_DELTABLE {name}")


def chain(table_name: str, name: str, *, hook: int, priority: int) -> Request:
    """A base chain of type "filter"."""
    place = nested(_CHAIN_HOOK, _u32(_HOOK_NUMBER, hook), _u32(_HOOK_PRIORITY, priority & 0xFFFFFFFF))
    payload = text(_CHAIN_TABLE, table_name) + text(_CHAIN_NAME, name) + place + text(_CHAIN_TYPE, "filter")
    return _request(_NEWCHAIN, NLM_F_CREATE, payload, f"NFT_MSG_NEWCHAIN {name}")


def rule(table_name: str, chain_name: str, *expressions: bytes) -> Request:
    """A rule at the end of a chain."""
    payload = text(_RULE_TABLE, table_name) + text(_RULE_CHAIN, chain_name)
    payload += nested(_RULE_EXPRESSIONS, *expressions)
    return _request(_NEWRULE, NLM_F_CREATE | _NLM_F_APPEND, payload, f"NFT_MSG_NEWRULE {chain_name}")


def protocol_is(number: int) -> bytes:
    """Goes on with packets of this transport protocol."""
    load = _expression("meta", _u32(_META_DREG, _REGISTER), _u32(_META_KEY, _META_L4PROTO))
    return load + _equal(bytes((number,)))


def address_is(offset: int, address: IPv4Address) -> bytes:
    """Goes on if the address at ``offset`` of the IPv4 header (``SOURCE_ADDRESS`` …) is this one."""
    return _load(_NETWORK_HEADER, offset, 4) + _equal(address.packed)


def port_is(offset: int, port: int) -> bytes:
    """Goes on if the port at ``offset`` of the transport header (``SOURCE_PORT`` …) is this one."""
    return _load(_TRANSPORT_HEADER, offset, 2) + _equal(port.to_bytes(2, "big"))


def set_port(offset: int, port: int, protocol: int) -> bytes:
    """Write a port, and put the checksum right."""
    value = nested(_IMMEDIATE_DATA, attribute(_DATA_VALUE, port.to_bytes(2, "big")))
    return _expression("immediate", _u32(_IMMEDIATE_DREG, _REGISTER), value) + _expression(
        "payload",
        _u32(_PAYLOAD_SREG, _REGISTER),
        _u32(_PAYLOAD_BASE, _TRANSPORT_HEADER),
        _u32(_PAYLOAD_OFFSET, offset),
        _u32(_PAYLOAD_LEN, 2),
        _u32(_PAYLOAD_CSUM_TYPE, _CSUM_INET),
        _u32(_PAYLOAD_CSUM_OFFSET, _CHECKSUM_AT[protocol]),
    )


def _load(base: int, offset: int, length: int) -> bytes:
    return _expression(
        "payload",
        _u32(_PAYLOAD_DREG, _REGISTER),
        _u32(_PAYLOAD_BASE, base),
        _u32(_PAYLOAD_OFFSET, offset),
        _u32(_PAYLOAD_LEN, length),
    )


def _equal(value: bytes) -> bytes:
    data = nested(_CMP_DATA, attribute(_DATA_VALUE, value))
    return _expression("cmp", _u32(_CMP_SREG, _REGISTER), _u32(_CMP_OP, 0), data)


def _expression(name: str, *attributes: bytes) -> bytes:
    return nested(_LIST_ELEM, text(_EXPR_NAME, name), nested(_EXPR_DATA, *attributes))


def _u32(kind: int, value: int) -> bytes:
    """nf_tables has its numbers in network byte order."""
    return attribute(kind, struct.pack("!I", value))


def _request(kind: int, flags: int, payload: bytes, name: str) -> Request:
    return Request(SUBSYSTEM << 8 | kind, flags, header("ip") + payload, name)
