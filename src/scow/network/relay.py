"""scow-relay: carries connections that the kernel's address translation cannot lead to a container.

That is what comes to a port of the other IP family than the container's, and what the host sends to [::1].
scowd accepts it and passes the socket on (``relay_feed``), so a relay outlives scowd with the connections
that it has. One process serves all ports of an engine; it starts with the first connection and leaves when
there has been none for a while. Bytes of TCP stay in the kernel: splice(2), by a pipe for each direction.

Run as a script, with the standard library alone, it takes half of what a module of scow would.
"""

import fcntl
import os
import select
import socket
import time
from collections.abc import Callable

CONTROL_FD = 3
MAX_MESSAGE = 66000
"""A datagram and what is before it."""

_MOST_CONNECTIONS = 4096
_LEAVES_AFTER_S = 30.0
# docker-proxy's, and conntrack's for a stream of datagrams is near it.
_UDP_IDLE_S = 90.0
_LOOKS_AFTER_S = 1.0
_TCP_SYN_SENT = 2
_PIPE_BYTES = 1 << 20
# What comes in smaller pieces is copied: that takes half the time of splice(2) for a question or an answer.
COPIED_BYTES = 1 << 14
# Then the next one has its turn.
_MOST_PIECES = 4
_MOST_DATAGRAMS = 32
_SPLICE = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR


def encode(protocol: str, address: str, port: int, datagram: bytes = b"") -> bytes:
    """The message that comes with a client's socket: where it leads, and its first datagram."""
    return f"{protocol} {address} {port}\n".encode() + datagram


def encode_end(protocol: str, address: str, port: int, host_port: int) -> bytes:
    """The message that comes without a socket: clients of ``host_port`` are led there no more."""
    return f"{protocol} {address} {port} {host_port}\n".encode()


class Direction:
    """Bytes from one socket to another: read when the target has taken what was read before."""

    __slots__ = ("_held", "_is_large", "_pipe", "_rest", "_source", "_target", "ended", "waits")
    _buffer = memoryview(bytearray(COPIED_BYTES))

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self._source, self._target = source, target
        self._pipe: tuple[int, int] | None = None
        self._is_large = False  # what came last: splice(2) is for the next
        self._rest = b""
        self._held = 0
        self.waits = False  # for the target to take more
        self.ended = False

    def carry(self) -> bool:
        """Carry what there is; whether something else is to be waited for now. Raises OSError."""
        for _ in range(_MOST_PIECES):
            if self.waits or self.ended or not self._carry_piece():
                break
        return self.waits or self.ended

    def carry_all(self) -> bool:
        """The same to the end, for a source that nothing more comes from. Raises OSError."""
        while not (self.waits or self.ended):
            self._carry_piece()
        return True

    def resume(self) -> bool:
        """The target takes more; whether it has taken all. Raises OSError when it is gone."""
        try:
            if self._rest:
                self._rest = self._rest[self._target.send(self._rest) :]
            if self._held and self._pipe:
                self._held -= os.splice(self._pipe[0], self._target.fileno(), self._held, flags=_SPLICE)
        except BlockingIOError:
            pass
        self.waits = bool(self._rest or self._held)
        return not self.waits

    def close(self) -> None:
        for fd in self._pipe or ():
            os.close(fd)
        self._pipe = None

    def _carry_piece(self) -> bool:
        """Whether there may be more at once."""
        try:
            size = self._splice() if self._is_large else self._copy()
        except BlockingIOError:
            return False
        if not size:
            self.ended = True
            self._target.shutdown(socket.SHUT_WR)
        self._is_large = size >= COPIED_BYTES
        return self._is_large

    def _copy(self) -> int:
        size = self._source.recv_into(self._buffer)
        if size:
            try:
                sent = self._target.send(self._buffer[:size])
            except BlockingIOError:
                sent = 0
            if sent < size:
                self._rest = bytes(self._buffer[sent:size])
                self.waits = True
        return size

    def _splice(self) -> int:
        self._pipe = self._pipe or _large_pipe()
        self._held = os.splice(self._source.fileno(), self._pipe[1], _PIPE_BYTES, flags=_SPLICE)
        size = self._held
        if size:
            self.resume()
        return size


def _large_pipe() -> tuple[int, int]:
    pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        pass  # this user has his share of pipe memory: the usual 64 KiB do as well
    return pipe


class Stream:
    """One TCP connection and the one behind it.

    A socket is read from while what came from it before has been sent on, and else the other is waited for.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.sockets = (client, server)
        for sock in self.sockets:
            # Whoever sends small pieces has decided on that; to hold them back would be to change it.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._from = (Direction(client, server), Direction(server, client))
        self._hung_up = [False, False]
        self._connected = False

    def step(self, which: int, events: int) -> bool:
        """Socket number ``which`` has these events; whether others are to be waited for now.

        Raises OSError, EOFError when it is over.
        """
        if not self._connected:
            return self._connect(which)
        changed = False
        if events & select.EPOLLOUT and self._from[1 - which].resume():
            self._go_on(1 - which)
            changed = True
        if events & select.EPOLLERR and self._from[which].ended:
            raise EOFError  # what is sent to it is lost, too
        if events & _READABLE:
            self._hung_up[which] = bool(events & select.EPOLLHUP)
            changed = self._go_on(which) or changed
        if self._from[0].ended and self._from[1].ended:
            raise EOFError
        return changed

    def _go_on(self, which: int) -> bool:
        direction = self._from[which]
        if not self._hung_up[which]:
            return direction.carry()
        return direction.carry_all()

    def events(self) -> tuple[int | None, int | None]:
        """What to wait for on either socket; None for one that is done with, but for what was read of it."""
        if not self._connected:
            return 0, select.EPOLLOUT
        return self._wanted(0), self._wanted(1)

    def _wanted(self, which: int) -> int | None:
        if self._hung_up[which]:
            return None
        read, written = self._from[which], self._from[1 - which]
        wanted = 0 if read.waits or read.ended else select.EPOLLIN
        return wanted | (select.EPOLLOUT if written.waits else 0)

    def _connect(self, which: int) -> bool:
        """Whether the connection behind is there by now. Raises OSError, EOFError if there will be none."""
        if which == 0:
            raise EOFError  # the client has gone meanwhile
        server = self.sockets[1]
        if error := server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "connect")
        # Its first byte is the state: one that was connected and has ended is beyond it too.
        self._connected = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _TCP_SYN_SENT
        return self._connected

    def is_idle(self) -> bool:
        """Never: TCP ends by itself."""
        return False

    def close(self) -> None:
        for direction in self._from:
            direction.close()
        for sock in self.sockets:
            sock.close()


class Exchange:
    """Datagrams of one client and the answers to them."""

    def __init__(self, client: socket.socket, server: socket.socket, first: bytes) -> None:
        self.sockets = (client, server)
        self._last = time.monotonic()
        server.send(first)

    def step(self, which: int, events: int) -> bool:
        """Socket number ``which`` is ready; nothing else is ever waited for."""
        self._last = time.monotonic()
        _carry_datagrams(self.sockets[which], self.sockets[1 - which])
        return False

    def events(self) -> tuple[int | None, int | None]:
        """What to wait for, on either socket."""
        return select.EPOLLIN, select.EPOLLIN

    def is_idle(self) -> bool:
        """Whether nothing came for as long as anybody remembers."""
        return time.monotonic() - self._last > _UDP_IDLE_S

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def _carry_datagrams(source: socket.socket, target: socket.socket) -> None:
    for _ in range(_MOST_DATAGRAMS):
        try:
            data = source.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except ConnectionError:
            continue  # an earlier datagram was refused; so may the next be, or not
        try:
            target.send(data)
        except OSError:
            continue  # as lost as a datagram may be


Flow = Stream | Exchange


class Relay:
    """All connections. Ends when nobody sends any more and none is left."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._epoll = select.epoll()
        self._epoll.register(control, select.EPOLLIN)
        self._flows: dict[int, tuple[Flow, int]] = {}
        self._wanted: dict[int, int | None] = {}
        self._ports: dict[Flow, bytes] = {}
        self._idle_since = self._looked = time.monotonic()
        self._open = True

    def run(self) -> None:
        """Until there is nothing to do."""
        while self._open or self._flows:
            self._serve(self._epoll.poll(_LEAVES_AFTER_S))
            self._look_at_the_clock()

    def _serve(self, ready: list[tuple[int, int]]) -> None:
        """One round. New connections come last: they may get numbers that this round has events of."""
        for fd, events in ready:
            if fd in self._flows:
                self._step(*self._flows[fd], events)
        if self._open and any(fd == self._control.fileno() for fd, _ in ready):
            self._receive()

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOKS_AFTER_S:
            self._looked = now
            for flow in [flow for flow, which in self._flows.values() if not which and flow.is_idle()]:
                self._drop(flow)
        if self._flows:
            self._idle_since = now
        elif self._open and now - self._idle_since >= _LEAVES_AFTER_S:
            # From here on scowd's sends fail, and it starts another; what it has sent is still served.
            self._control.shutdown(socket.SHUT_RDWR)
            while self._receive():
                pass

    def _receive(self) -> bool:
        try:
            message, fds, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, 1)
        except OSError:
            message, fds = b"", []
        if not message:
            if self._open:
                self._open = False
                self._epoll.unregister(self._control)
                self._drop_all(Exchange)
            return False
        for fd in fds:
            self._begin(message, socket.socket(fileno=fd))
        if not fds:
            for flow in [flow for flow, port in self._ports.items() if port == message]:
                self._drop(flow)
        return True

    def _begin(self, message: bytes, client: socket.socket) -> None:
        head, _, datagram = message.partition(b"\n")
        protocol, address, port = head.decode().split()
        if len(self._flows) >= 2 * _MOST_CONNECTIONS:
            client.close()
            return
        try:
            server = _connecting(protocol, address, int(port))
        except OSError:
            client.close()
            return
        client.setblocking(False)
        make: Callable[[], Flow] = (
            (lambda: Stream(client, server))
            if protocol == "tcp"
            else (lambda: Exchange(client, server, datagram))
        )
        try:
            flow = make()
        except OSError:
            client.close()
            server.close()
            return
        self._ports[flow] = encode_end(protocol, address, int(port), client.getsockname()[1])
        for which, sock in enumerate(flow.sockets):
            self._flows[sock.fileno()] = (flow, which)
            self._wanted[sock.fileno()] = 0
            self._epoll.register(sock, 0)
        self._want(flow)

    def _step(self, flow: Flow, which: int, events: int) -> None:
        try:
            if flow.step(which, events):
                self._want(flow)
        except (OSError, EOFError):
            self._drop(flow)

    def _want(self, flow: Flow) -> None:
        for sock, events in zip(flow.sockets, flow.events(), strict=True):
            if self._wanted[sock.fileno()] == events:
                continue
            self._wanted[sock.fileno()] = events
            if events is None:
                # It would tell for ever that it has hung up.
                self._epoll.unregister(sock)
            else:
                self._epoll.modify(sock, events)

    def _drop_all(self, kind: type[Flow]) -> None:
        """Datagrams have no end to wait for, and their sockets would keep the next scowd from the port."""
        for flow in [flow for flow, which in self._flows.values() if not which and isinstance(flow, kind)]:
            self._drop(flow)

    def _drop(self, flow: Flow) -> None:
        for sock in flow.sockets:
            if self._flows.pop(sock.fileno(), None) is None:
                continue
            if self._wanted.pop(sock.fileno()) is not None:
                self._epoll.unregister(sock)
        self._ports.pop(flow, None)
        flow.close()


def _connecting(protocol: str, address: str, port: int) -> socket.socket:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.connect((address, port))
    except BlockingIOError:
        pass
    except BaseException:
        sock.close()
        raise
    return sock


if __name__ == "__main__":
    Relay(socket.socket(fileno=CONTROL_FD)).run()
