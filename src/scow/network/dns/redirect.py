"""How port 53 of the name server's address leads to the port that its sockets have.

A container may run a name server of its own on port 53 of all its addresses, so ours cannot be bound there.
Two rules in the container's namespace rewrite the port of questions on their way out and of answers on
theirs, without connection tracking. Answers are rewritten before a container's own tracking would see them
and questions after it, so that to rules of the container both look as if port 53 was served.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from scow.linux import nf_rules
from scow.linux.namespaces import enter_netns
from scow.linux.netlink import NETLINK_NETFILTER, NetlinkSocket, Request
from scow.linux.nf_rules import DESTINATION_ADDRESS, DESTINATION_PORT, SOURCE_ADDRESS, SOURCE_PORT
from scow.linux.nf_tables import SUBSYSTEM

_TABLE = "scow_dns"
_QUESTIONS, _ANSWERS = "questions", "answers"
# After what a container may filter (0), and before its connection tracking (-200).
_AFTER_ALL, _BEFORE_ALL = 300, -300
# The sockets die with the engine and the rules do not: the next one binds the same ports.
_NOTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class ServedPorts:
    """The ports of a name server's sockets."""

    udp: int
    tcp: int


def led_to(netns_fd: int) -> ServedPorts | None:
    """What an earlier ``lead_to`` set in a namespace. Raises OSError."""
    with _socket_in(netns_fd) as sock:
        note = nf_rules.table_note(sock, _TABLE)
    return ServedPorts(*_NOTE.unpack(note)) if note is not None and len(note) == _NOTE.size else None


def lead_to(netns_fd: int, address: IPv4Address, port: int, served: ServedPorts, *, anew: bool) -> None:
    """In a namespace, let ``port`` of ``address`` be served by other ports. Raises OSError.

    ``anew`` replaces what an earlier call has set, which takes some 15 ms.
    """
    table = nf_rules.table(_TABLE, _NOTE.pack(served.udp, served.tcp))
    with _socket_in(netns_fd) as sock:
        sock.execute_batch(
            SUBSYSTEM,
            *((table, nf_rules.delete_table(_TABLE)) if anew else ()),
            table,
            nf_rules.chain(_TABLE, _QUESTIONS, hook=nf_rules.HOOK_OUTPUT, priority=_AFTER_ALL),
            nf_rules.chain(_TABLE, _ANSWERS, hook=nf_rules.HOOK_OUTPUT, priority=_BEFORE_ALL),
            *_rules(address, port, socket.IPPROTO_UDP, served.udp),
            *_rules(address, port, socket.IPPROTO_TCP, served.tcp),
        )


def _socket_in(netns_fd: int) -> NetlinkSocket:
    with enter_netns(netns_fd):
        return NetlinkSocket(NETLINK_NETFILTER)


def _rules(address: IPv4Address, port: int, protocol: int, served_by: int) -> tuple[Request, Request]:
    return (
        nf_rules.rule(
            _TABLE,
            _QUESTIONS,
            nf_rules.address_is(DESTINATION_ADDRESS, address),
            nf_rules.protocol_is(protocol),
            nf_rules.port_is(DESTINATION_PORT, port),
            nf_rules.set_port(DESTINATION_PORT, served_by, protocol),
        ),
        nf_rules.rule(
            _TABLE,
            _ANSWERS,
            nf_rules.address_is(SOURCE_ADDRESS, address),
            nf_rules.protocol_is(protocol),
            nf_rules.port_is(SOURCE_PORT, served_by),
            nf_rules.set_port(SOURCE_PORT, port, protocol),
        ),
    )
