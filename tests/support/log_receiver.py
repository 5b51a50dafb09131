"""A receiver of log lines in an engine's network: keeps what comes; may be stopped and started again."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scow.linux.namespaces import enter_netns
from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until


class Receiver:
    """Datagrams, or the connections of a listening socket, each in a thread."""

    def __init__(self, sock: socket.socket, answer: Callable[[bytes], bytes] | None = None) -> None:
        """``answer``: what is sent back for what has come."""
        self.packets: list[bytes] = []
        self._sock = sock
        self._answer = answer
        self._connections: list[socket.socket] = []
        serve = self._datagrams if sock.type == socket.SOCK_DGRAM else self._accept
        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()

    def _datagrams(self) -> None:
        with contextlib.suppress(OSError):
            while packet := self._sock.recv(1 << 20):
                self.packets.append(packet)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._sock.accept()
                self._connections.append(connection)
                threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while packet := connection.recv(1 << 20):
                self.packets.append(packet)
                if self._answer is not None:
                    connection.sendall(self._answer(packet))

    @property
    def data(self) -> bytes:
        return b"".join(self.packets)

    def until(self, condition: Callable[[bytes], object]) -> bytes:
        """All that has come, once ``condition`` holds of it."""
        try:
            wait_until(lambda: condition(self.data), "the lines arrive")
        except AssertionError as exc:
            raise AssertionError(f"{exc}; there were {self.packets}") from exc
        return self.data

    def close(self) -> None:
        for sock in (self._sock, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join()


@contextmanager
def receiver(
    namespace: NetworkNamespace,
    kind: socket.SocketKind,
    port: int,
    answer: Callable[[bytes], bytes] | None = None,
) -> Iterator[Receiver]:
    """Receives on ``port`` of 127.0.0.1 in the network of ``namespace``."""
    fd = os.open(namespace.path, os.O_RDONLY)
    try:
        with enter_netns(fd):
            sock = socket.socket(socket.AF_INET, kind)
    finally:
        os.close(fd)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    if kind is socket.SOCK_STREAM:
        sock.listen()
    found = Receiver(sock, answer)
    try:
        yield found
    finally:
        found.close()
