"""Ethernet frames as a container with CAP_NET_RAW may send them, and what arrives at another's device."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from scow.linux.namespaces import enter_netns

_ALL, _IPV4, _ARP, _IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
BROADCAST = "ff:ff:ff:ff:ff:ff"


@contextmanager
def wire(netns_fd: int, device: str = "eth0") -> Iterator[socket.socket]:
    """A socket that sends and receives whole frames at a device."""
    with enter_netns(netns_fd):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    with sock:
        sock.bind((device, _ALL))
        yield sock


def ethernet(target: str, source: str, protocol: int, payload: bytes) -> bytes:
    """A frame."""
    return _mac(target) + _mac(source) + protocol.to_bytes(2, "big") + payload


def arp_reply(mac: str, address: str, *, to: str = BROADCAST, target: str = "0.0.0.0") -> bytes:
    """Tells everybody, or ``to``, that ``address`` is at ``mac``."""
    return ethernet(to, mac, _ARP, _arp(2, mac, address, target))


def arp_request(mac: str, address: str, target: str) -> bytes:
    """Asks for ``target``."""
    return ethernet(BROADCAST, mac, _ARP, _arp(1, mac, address, target))


def udp(mac: str, source: str, target: str, *, to: str, port: int = 9, payload: bytes = b"spoofed") -> bytes:
    """A datagram to ``port`` in an IPv4 packet."""
    data = struct.pack("!4H", 1234, port, 8 + len(payload), 0) + payload
    head = struct.pack("!2B3H2BH", 0x45, 0, 20 + len(data), 1, 0, 64, socket.IPPROTO_UDP, 0)
    head += ip_address(source).packed + ip_address(target).packed
    return ethernet(to, mac, _IPV4, head[:10] + _checksum(head) + head[12:] + data)


def advertisement(mac: str, source: str, about: str) -> bytes:
    """An IPv6 neighbour advertisement to all nodes (RFC 4861, 4.4): ``about`` is at ``mac``."""
    message = struct.pack("!2BHI", 136, 0, 0, 0x20000000) + ip_address(about).packed + b"\2\1" + _mac(mac)
    target = ip_address("ff02::1").packed
    pseudo = ip_address(source).packed + target + struct.pack("!I3xB", len(message), 58)
    message = message[:2] + _checksum(pseudo + message) + message[4:]
    head = struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + ip_address(source).packed + target
    return ethernet("33:33:00:00:00:01", mac, _IPV6, head + message)


def first_of(sock: socket.socket, one: bytes, other: bytes, timeout_s: float) -> bytes:
    """Which of two frames arrives first. Raises TimeoutError when neither does."""
    sock.settimeout(timeout_s)
    while True:
        found: bytes = sock.recv(2000)
        for frame in (one, other):
            if found[: len(frame)] == frame:
                return frame


def count(sock: socket.socket, frame: bytes, quiet_s: float) -> int:
    """How many times ``frame`` arrives, until nothing has come for a while."""
    found = 0
    sock.settimeout(quiet_s)
    try:
        while True:
            found += sock.recv(2000)[: len(frame)] == frame
    except TimeoutError:
        return found


def _arp(operation: int, mac: str, address: str, target: str) -> bytes:
    head = struct.pack("!2H2BH", 1, _IPV4, 6, 4, operation)
    return head + _mac(mac) + ip_address(address).packed + bytes(6) + ip_address(target).packed


def _checksum(data: bytes) -> bytes:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
