"""Changes to the kernel's packet filter as netlink messages: elements of sets, and who changed a table.

Tables, chains and rules are written as nft(8) text (``linux.nftables``). Elements come and go with
containers, and one costs 50 microseconds this way, without a process and without a library in this one.
(include/uapi/linux/netfilter/nf_tables.h)
"""

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from scow.linux.netlink import (
    NETLINK_NETFILTER,
    NFGENMSG_BYTES,
    NLM_F_CREATE,
    Notice,
    NoticeSocket,
    Request,
    attribute,
    nested,
    parse_attributes,
    text,
)

SUBSYSTEM: Final = 10
_NFNLGRP_NFTABLES = 7
_FAMILIES = {"inet": 1, "ip": 2, "bridge": 7}

_NEWSETELEM, _DELSETELEM = 12, 14
_DELTABLE, _DELCHAIN, _DELRULE, _DELSET = 2, 5, 8, 11
_TAKES_AWAY = {_DELTABLE, _DELCHAIN, _DELRULE, _DELSET, _DELSETELEM}
_TABLE_NAME = 1  # the first attribute of every object that belongs to a table

_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_LIST_ELEM = 1
_ELEM_KEY, _ELEM_DATA, _ELEM_KEY_END = 1, 2, 10
_DATA_VALUE = 1
_IFNAMSIZ = 16
# An attribute's length is 16 bits; an element takes some 100 bytes.
_MOST_IN_A_MESSAGE = 200

_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}


@dataclass(frozen=True, slots=True)
class Device:
    """``ifname``: a network device by its name."""

    name: str

    def __str__(self) -> str:
        return f'"{self.name}"'


@dataclass(frozen=True, slots=True)
class Mac:
    """``ether_addr``, with colons."""

    address: str

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class Protocol:
    """``inet_proto``: "tcp", "udp" or "sctp"."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RawAddress6:
    """An IPv6 address where nft knows no more than that there are 128 bits."""

    address: IPv6Address

    def __str__(self) -> str:
        return f"{int(self.address):#034x}"


# A port is an int, ``inet_service``; a network needs a set that has intervals.
Field = Device | Mac | Protocol | RawAddress6 | int | IPv4Address | IPv6Address | IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the set ``set_name`` of a table of ``family`` ("inet", "ip", "bridge").

    ``value`` is for maps. ``str`` is nft's text for it.
    """

    family: str
    set_name: str
    key: tuple[Field, ...]
    value: tuple[Field, ...] = ()

    def __str__(self) -> str:
        key = " . ".join(map(str, self.key))
        return f"{key} : {' . '.join(map(str, self.value))}" if self.value else key


def add_elements(table: str, elements: Iterable[Element]) -> list[Request]:
    """For ``execute_batch``. What is there already is no error; EEXIST if it has another value."""
    return _changes(_NEWSETELEM, NLM_F_CREATE, table, elements)


def delete_elements(table: str, elements: Iterable[Element]) -> list[Request]:
    """For ``execute_batch``. ENOENT if one is not there."""
    return _changes(_DELSETELEM, 0, table, elements)


def _changes(kind: int, flags: int, table: str, elements: Iterable[Element]) -> list[Request]:
    by_set: dict[tuple[str, str], list[bytes]] = {}
    for element in elements:
        encoded = _encoded(element, with_value=kind == _NEWSETELEM)
        by_set.setdefault((element.family, element.set_name), []).append(encoded)
    return [
        Request(
            SUBSYSTEM << 8 | kind,
            flags,
            header(family)
            + text(_LIST_TABLE, table)
            + text(_LIST_SET, name)
            + nested(_LIST_ELEMENTS, *encoded[at : at + _MOST_IN_A_MESSAGE]),
            f"{'NFT_MSG_NEWSETELEM' if flags else 'NFT_MSG_DELSETELEM'} {family} {table} {name}",
        )
        for (family, name), encoded in by_set.items()
        for at in range(0, len(encoded), _MOST_IN_A_MESSAGE)
    ]


def header(family: str) -> bytes:
    """What every message of nf_tables begins with."""
    return struct.pack("=BBH", _FAMILIES[family], 0, 0)


def _encoded(element: Element, *, with_value: bool) -> bytes:
    parts = [nested(_ELEM_KEY, attribute(_DATA_VALUE, concatenated(element.key)))]
    if any(isinstance(it, IPv4Network | IPv6Network) for it in element.key):
        parts.append(nested(_ELEM_KEY_END, attribute(_DATA_VALUE, concatenated(element.key, last=True))))
    if element.value and with_value:
        parts.append(nested(_ELEM_DATA, attribute(_DATA_VALUE, concatenated(element.value))))
    return nested(_LIST_ELEM, *parts)


def concatenated(fields: Sequence[Field], *, last: bool = False) -> bytes:
    """Fields as they stand in registers of 4 bytes; ``last``: the upper end of networks."""
    encoded = (_bytes(it, last=last) for it in fields)
    if len(fields) == 1:
        return next(encoded)
    return b"".join(it + bytes(-len(it) % 4) for it in encoded)


def _bytes(value: Field, *, last: bool) -> bytes:
    match value:
        case int():
            return value.to_bytes(2, "big")
        case Device(name):
            return name.encode().ljust(_IFNAMSIZ, b"\0")
        case Mac(octets):
            return bytes.fromhex(octets.replace(":", ""))
        case RawAddress6(address):
            return address.packed
        case Protocol(name):
            return bytes((_PROTOCOLS[name],))
        case IPv4Network() | IPv6Network():
            return (value[-1] if last else value[0]).packed
        case _:
            return value.packed


class TableWatch:
    """Hears when something is taken out of tables of one name, and who did it, in one network namespace."""

    def __init__(self, table: str, *, but_for: int) -> None:
        """Listen in the calling thread's namespace; changes by the socket ``but_for`` wake nobody.

        Raises OSError.
        """
        self._table = table.encode()
        self._socket = NoticeSocket(NETLINK_NETFILTER, _NFNLGRP_NFTABLES, but_for=but_for)

    def fileno(self) -> int:
        """Readable when there is news."""
        return self._socket.fileno()

    def culprits(self) -> set[int]:
        """Ports of netlink sockets that took something out of the table since the last call; never waits.

        0 stands for news that were lost.
        """
        notices, lost = self._socket.read()
        found = {notice.port for notice in notices if self._is_loss(notice)}
        return found | {0} if lost else found

    def close(self) -> None:
        """May be called twice."""
        self._socket.close()

    def _is_loss(self, notice: Notice) -> bool:
        if notice.kind >> 8 != SUBSYSTEM or notice.kind & 0xFF not in _TAKES_AWAY:
            return False
        name = parse_attributes(notice.payload[NFGENMSG_BYTES:]).get(_TABLE_NAME, b"")
        return name.rstrip(b"\0") == self._table
