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
_UDP_IDLE_ALONE_S = 5.0
_TCP_SYN_SENT = 2
_PIPE_BYTES = 1 << 20
# Then the next one has its turn.
_MOST_STEPS = 32
_SPLICE = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


def encode(protocol: str, address: str, port: int, datagram: bytes = b"") -> bytes:
    """The message that comes with a client's socket: where it leads, and its first datagram."""
    return f"{protocol} {address} {port}\n".encode() + datagram


class Direction:
    """Bytes from one socket to another."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self._source, self._target = source, target
        self._out, self._in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            pass  # this user has his share of pipe memory: the usual 64 KiB do as well
        self._held = 0
        self.ended = False

    def pump(self) -> bool:
        """Carry what there is; True if there may be more at once. Raises OSError when a side is gone."""
        for _ in range(_MOST_STEPS):
            try:
                if not self._held:
                    self._held = os.splice(self._source.fileno(), self._in, _PIPE_BYTES, flags=_SPLICE)
                    if not self._held:
                        self._end()
                        return False
                self._held -= os.splice(self._out, self._target.fileno(), self._held, flags=_SPLICE)
            except BlockingIOError:
                return False
        return True

    def _end(self) -> None:
        self.ended = True
        self._target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        os.close(self._in)
        os.close(self._out)


class Stream:
    """One TCP connection and the one behind it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.sockets = (client, server)
        self._directions = (Direction(client, server), Direction(server, client))
        self._connected = False

    def step(self) -> bool:
        """True if there is more to do at once. Raises OSError, EOFError when it is over."""
        if not (self._connected or self._connect()):
            return False
        more = [direction.pump() for direction in self._directions if not direction.ended]
        if not more or all(direction.ended for direction in self._directions):
            raise EOFError
        return any(more)

    def _connect(self) -> bool:
        """Whether the connection behind is there by now. Raises OSError if there will be none."""
        _client, server = self.sockets
        if error := server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "connect")
        # Its first byte is the state: one that was connected and has ended is beyond it too.
        self._connected = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _TCP_SYN_SENT
        return self._connected

    def is_idle(self, limit_s: float) -> bool:
        """Never: TCP ends by itself."""
        return False

    def close(self) -> None:
        for direction in self._directions:
            direction.close()
        for sock in self.sockets:
            sock.close()


class Exchange:
    """Datagrams of one client and the answers to them."""

    def __init__(self, client: socket.socket, server: socket.socket, first: bytes) -> None:
        self.sockets = (client, server)
        self._last = time.monotonic()
        server.send(first)

    def step(self) -> bool:
        """True if there is more to do at once."""
        client, server = self.sockets
        self._last = time.monotonic()
        return any([_carry_datagrams(client, server), _carry_datagrams(server, client)])

    def is_idle(self, limit_s: float) -> bool:
        """Whether nothing came for so long."""
        return time.monotonic() - self._last > limit_s

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def _carry_datagrams(source: socket.socket, target: socket.socket) -> bool:
    for _ in range(_MOST_STEPS):
        try:
            data = source.recv(MAX_MESSAGE)
        except BlockingIOError:
            return False
        except ConnectionError:
            continue  # an earlier datagram was refused; so may the next be, or not
        try:
            target.send(data)
        except OSError:
            continue  # as lost as a datagram may be
    return True


class Relay:
    """All connections. Ends when nobody sends any more and none is left."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._epoll = select.epoll()
        self._epoll.register(control, select.EPOLLIN)
        self._flows: dict[int, Stream | Exchange] = {}
        self._again: dict[int, Stream | Exchange] = {}
        self._idle_since = time.monotonic()
        self._open = True

    def run(self) -> None:
        """Until there is nothing to do."""
        while self._open or self._flows:
            timeout = 0 if self._again else _LEAVES_AFTER_S if self._open else _UDP_IDLE_ALONE_S
            for fd, _ in self._epoll.poll(timeout):
                if fd == self._control.fileno():
                    self._receive()
                elif fd in self._flows:
                    self._step(self._flows[fd])
            waiting, self._again = self._again, {}
            for flow in waiting.values():
                self._step(flow)
            self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        limit_s = _UDP_IDLE_S if self._open else _UDP_IDLE_ALONE_S
        for flow in {id(flow): flow for flow in self._flows.values() if flow.is_idle(limit_s)}.values():
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
            return False
        for fd in fds:
            self._begin(message, socket.socket(fileno=fd))
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
        make: Callable[[], Stream | Exchange] = (
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
        for sock in flow.sockets:
            self._flows[sock.fileno()] = flow
            self._epoll.register(sock, _EVENTS)

    def _step(self, flow: Stream | Exchange) -> None:
        try:
            if flow.step():
                self._again[id(flow)] = flow
        except (OSError, EOFError):
            self._drop(flow)

    def _drop(self, flow: Stream | Exchange) -> None:
        self._again.pop(id(flow), None)
        for sock in flow.sockets:
            if self._flows.pop(sock.fileno(), None) is not None:
                self._epoll.unregister(sock)
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
