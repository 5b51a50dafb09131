"""scowd's side of the relay: sockets of published ports on which clients come that need it.

They are in one epoll object, which the event loop watches and any thread may add to. A client's socket goes
to the relay at once; scowd carries nothing. Clients are taken at a bounded pace: a few thousand in a second.
"""

import asyncio
import logging
import os
import select
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

from scow.network import relay

_log = logging.getLogger(__name__)
_BACKLOG = 128
_BATCH = 32
_PACE_S = 0.01
_RECEIVE_BYTES = 1 << 18
# linux/in6.h, linux/in.h: what Python has no names for.
_IP_PKTINFO = 8


@dataclass(frozen=True, slots=True)
class RelayedPort:
    """A host port whose clients are carried to ``address`` and ``port``; ``allow`` are networks, or all."""

    protocol: str
    address: str
    port: int
    allow: tuple[str, ...] = ()

    def permits(self, client: str) -> bool:
        """Whether a client's address may use it; the host itself always may."""
        address = ip_address(client.partition("%")[0])
        return not self.allow or address.is_loopback or any(address in ip_network(it) for it in self.allow)


class RelayFeed:
    """Registers ports from any thread; serves them on the event loop that ``start`` was called on."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._lock = threading.Lock()
        self._ports: dict[int, tuple[socket.socket, RelayedPort]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._relay: socket.socket | None = None

    def start(self) -> None:
        """Serve from now on."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._readable)

    def register(self, sock: socket.socket, port: RelayedPort) -> None:
        """Take clients on a bound socket, which stays the caller's. Raises OSError if nobody can."""
        sock.setblocking(False)
        if port.protocol == "tcp":
            # For its connections, which outlive it: they must not keep the next one from binding the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.listen(_BACKLOG)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            _want_destinations(sock)
        with self._lock:
            self._ports[sock.fileno()] = (sock, port)
            self._epoll.register(sock, select.EPOLLIN)

    def unregister(self, sock: socket.socket) -> None:
        """Take no more clients, and end the connections of those that there are; no error if none were.

        Connections that a relay of an engine before this one carries go on.
        """
        with self._lock:
            _, port = self._ports.pop(sock.fileno(), (None, None))
            if port is None:
                return
            self._epoll.unregister(sock)
        if self._loop is not None and not self._loop.is_closed():
            end = relay.encode_end(port.protocol, port.address, port.port, sock.getsockname()[1])
            self._loop.call_soon_threadsafe(self._tell, end)

    def close(self) -> None:
        """Let go of ports and relay; it carries what it has to the end. May be called twice."""
        if self._resume is not None:
            self._resume.cancel()
        if not self._epoll.closed:
            if self._loop is not None:
                self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    def _readable(self) -> None:
        assert self._loop
        with self._lock:
            ready = [self._ports[fd] for fd, _ in self._epoll.poll(0, _BATCH) if fd in self._ports]
        for sock, port in ready:
            try:
                (self._take_connection if port.protocol == "tcp" else self._take_datagram)(sock, port)
            except OSError as exc:
                _log.debug("relay: %s", exc)
        self._loop.remove_reader(self._epoll.fileno())
        self._resume = self._loop.call_later(_PACE_S if len(ready) >= _BATCH else 0, self._watch)

    def _watch(self) -> None:
        if self._loop and not self._epoll.closed:
            self._loop.add_reader(self._epoll.fileno(), self._readable)

    def _take_connection(self, sock: socket.socket, port: RelayedPort) -> None:
        client, peer = sock.accept()
        with client:
            if port.permits(peer[0]):
                self._pass_on(client, relay.encode(port.protocol, port.address, port.port))

    def _take_datagram(self, sock: socket.socket, port: RelayedPort) -> None:
        data, ancillary, _, peer = sock.recvmsg(relay.MAX_MESSAGE, socket.CMSG_SPACE(32))
        if not port.permits(peer[0]):
            return
        with _connected_beside(sock, _destination(ancillary), peer) as client:
            self._pass_on(client, relay.encode(port.protocol, port.address, port.port, data))

    def _pass_on(self, client: socket.socket, message: bytes) -> None:
        for _ in range(2):
            if self._relay is None:
                self._relay = self._start_relay()
            try:
                socket.send_fds(self._relay, [message], [client.fileno()])
                return
            except BlockingIOError:
                return  # it has more than it can carry: this one is closed
            except OSError:
                self._relay.close()
                self._relay = None

    def _tell(self, message: bytes) -> None:
        if self._relay is None:
            return
        try:
            self._relay.send(message)
        except OSError as exc:
            _log.debug("relay: %s", exc)  # it has left, or is so busy that its clients are not the last

    def _start_relay(self) -> socket.socket:
        assert self._loop
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs, open(os.devnull, "rb") as null:
            program = Path(sys.executable)
            # Python finds its library, or the venv, by argv[0], which need not exist.
            title = str(program.with_name("scow-relay"))
            pid = os.posix_spawn(
                program,
                [title, "-I", "-S", relay.__file__],
                {},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, null.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), relay.CONTROL_FD),
                ],
                setsid=True,
                setsigmask=(),
            )
        self._reap_later(pid)
        return ours

    def _reap_later(self, pid: int) -> None:
        loop = self._loop
        assert loop
        pidfd = os.pidfd_open(pid)

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

        loop.add_reader(pidfd, ended)


def _want_destinations(sock: socket.socket) -> None:
    """Answers have to come from the address that was asked."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _destination(ancillary: Sequence[tuple[int, int, bytes]]) -> str:
    """The address that a datagram was sent to: in6_pktinfo begins with it, in_pktinfo ends with it."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return str(IPv6Address(data[:16]))
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return socket.inet_ntoa(data[8:12])
    raise OSError("a datagram without a destination")


def _connected_beside(sock: socket.socket, address: str, peer: tuple[str, int]) -> socket.socket:
    """A socket of the same port for one client; what comes from it goes there from now on.

    All of a port's clients have SO_REUSEADDR, and its own socket for just so long: nobody else can bind it.
    """
    client = socket.socket(sock.family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        for each in (sock, client):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((address, sock.getsockname()[1]))
        client.connect(peer)
    except BaseException:
        client.close()
        raise
    finally:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return client
