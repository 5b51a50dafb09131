"""Host ports: which are free, and who holds them.

A published port is held by a bound socket: nobody else can bind it, and a packet that the firewall does not
translate is refused as if the port were closed, for the socket does not listen; or it does, and the relay
has the client. Sockets die with the daemon while containers live on; ``restore`` binds them again.

Not thread-safe, and never waits: bind(2) takes microseconds.
"""

import errno
import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from scow.errors import InvalidArgumentError, ScowError
from scow.network.endpoint import PortRequest, PublishedPort

# What Docker chooses from too; its own fallback is the IANA dynamic range (RFC 6335).
_LOCAL_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_IANA_DYNAMIC_PORTS = (49153, 65535)

_SOCKET_KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"

_Key = tuple[str, str, int]  # protocol, host address, port


class _Taken(ScowError):
    """This port cannot be had; another of the range may be."""


def dynamic_port_range() -> tuple[int, int]:
    """First and last port to choose from when none was asked for."""
    try:
        first, last = map(int, _LOCAL_PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return _IANA_DYNAMIC_PORTS
    return first, last


class HostPorts:
    """The host ports that endpoints have published."""

    def __init__(self, default_host_ip: str = _ANY_IPV4, dynamic: tuple[int, int] | None = None) -> None:
        """``default_host_ip`` is where a request without an address binds; "0.0.0.0" means both families."""
        self._default_host_ip = default_host_ip
        self._dynamic = dynamic or dynamic_port_range()
        self._next_dynamic = self._dynamic[0]
        self._held: dict[_Key, socket.socket | None] = {}

    def publish(self, requests: Sequence[PortRequest]) -> list[PublishedPort]:
        """Reserve all of ``requests`` or none. Raises ScowError (Docker's words), InvalidArgumentError."""
        published: list[PublishedPort] = []
        try:
            for request in requests:
                published += self._publish(request)
        except BaseException:
            self.withdraw(published)
            raise
        return published

    def restore(self, ports: Iterable[PublishedPort]) -> list[PublishedPort]:
        """Hold again what a running container has published; returns those that others have bound since."""
        lost = []
        for port in ports:
            try:
                self._hold((port.protocol, port.host_ip, port.host_port))
            except ScowError:
                self._held[port.protocol, port.host_ip, port.host_port] = None
                lost.append(port)
        return lost

    def withdraw(self, ports: Iterable[PublishedPort]) -> None:
        """Give ports back; no error for one that is not held."""
        for port in ports:
            self._release((port.protocol, port.host_ip, port.host_port))

    def socket_of(self, port: PublishedPort) -> socket.socket | None:
        """What holds a port; None where nothing needs to, or somebody else does."""
        return self._held.get((port.protocol, port.host_ip, port.host_port))

    def close(self) -> None:
        """Give everything back."""
        for key in list(self._held):
            self._release(key)

    def _publish(self, request: PortRequest) -> list[PublishedPort]:
        addresses = self._addresses(request.host_ip)
        candidates = self._candidates(request)
        for port in candidates:
            try:
                held = self._hold_all(request.protocol, addresses, port)
            except _Taken:
                if len(candidates) == 1:
                    raise
                continue
            if not request.host_port_first:
                self._next_dynamic = port + 1
            return [
                PublishedPort(request.container_port, request.protocol, ip, port, request.allow)
                for ip in held
            ]
        raise ScowError("all ports are allocated")

    def _addresses(self, host_ip: str) -> tuple[str, ...]:
        if not host_ip and self._default_host_ip == _ANY_IPV4:
            return (_ANY_IPV4, _ANY_IPV6)
        address = host_ip or self._default_host_ip
        try:
            return (str(ipaddress.ip_address(address)),)
        except ValueError:
            raise InvalidArgumentError(f"invalid IP address: {address}")

    def _candidates(self, request: PortRequest) -> Sequence[int]:
        if request.host_port_first:
            return range(request.host_port_first, max(request.host_port_first, request.host_port_last) + 1)
        first, last = self._dynamic
        start = self._next_dynamic if first <= self._next_dynamic <= last else first
        return [*range(start, last + 1), *range(first, start)]

    def _hold_all(self, protocol: str, addresses: Sequence[str], port: int) -> list[str]:
        """Hold ``port`` on all addresses or none; returns those that there are: a host may have no IPv6."""
        held: list[str] = []
        try:
            for address in addresses:
                if self._hold((protocol, address, port)):
                    held.append(address)
        except BaseException:
            for address in held:
                self._release((protocol, address, port))
            raise
        return held

    def _hold(self, key: _Key) -> bool:
        protocol, address, port = key
        if key in self._held:
            raise _Taken(f"Bind for {address}:{port} failed: port is already allocated")
        try:
            self._held[key] = _bound_socket(protocol, address, port)
        except OSError as exc:
            if exc.errno == errno.EAFNOSUPPORT:
                return False
            raise _listen_error(protocol, address, port, exc)
        return True

    def _release(self, key: _Key) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.close()


def _listen_error(protocol: str, address: str, port: int, exc: OSError) -> ScowError:
    """Docker's words, which people and scripts look for."""
    host = f"[{address}]" if ":" in address else address
    reason = os.strerror(exc.errno or 0)
    message = f"failed to bind host port {host}:{port}/{protocol}: {reason[0].lower()}{reason[1:]}"
    return _Taken(message) if exc.errno == errno.EADDRINUSE else ScowError(message)


def _bound_socket(protocol: str, address: str, port: int) -> socket.socket | None:
    """A socket that holds the port; None where the kernel has no such protocol: nobody can take it."""
    try:
        sock = _new_socket(protocol, address)
    except OSError as exc:
        if exc.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
            return None
        raise
    try:
        sock.bind((address, port))
        return sock
    except OSError as exc:
        sock.close()
        if exc.errno != errno.EADDRINUSE or protocol != "tcp":
            raise
    return _bound_beside_old_connections(address, port)


def _bound_beside_old_connections(address: str, port: int) -> socket.socket:
    """Bind where connections that ended are still in TIME_WAIT, which plain bind(2) takes for use.

    With SO_REUSEADDR listen(2) is what refuses a port that somebody listens on. From then on no one else can
    bind it, also not with SO_REUSEADDR; with that option off again this stays so when ours stops listening.
    """
    sock = _new_socket("tcp", address)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(0)
        sock.shutdown(socket.SHUT_RDWR)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except BaseException:
        sock.close()
        raise
    return sock


def _new_socket(protocol: str, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind, number = _SOCKET_KINDS[protocol]
    sock = socket.socket(family, kind | socket.SOCK_CLOEXEC, number)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if protocol == "udp":
        # Nobody will read what is not translated: keep no more of it than the kernel's minimum.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    return sock
