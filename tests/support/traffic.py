"""Real packets between namespaces: a service that says who called it, and a caller.

Sockets are opened by this process inside a namespace and stay there; no program has to run in it.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scow.linux.namespaces import enter_netns
from tests.support.namespaces import NetworkNamespace

# Long enough for a busy machine to answer, and for nothing to come where a packet is dropped.
ANSWER_S = 30.0
SILENCE_S = 0.4


@contextmanager
def service(
    netns_fd: int, port: int, name: str, *, kind: str = "tcp", address: str = "0.0.0.0"
) -> Iterator[None]:
    """Answer every caller of ``port`` with ``"<name> <the caller's address>"``."""
    with enter_netns(netns_fd):
        sock = _socket(kind, address)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    serve = _serve_tcp if kind == "tcp" else _serve_udp
    if kind == "tcp":
        sock.listen()
    thread = threading.Thread(target=serve, args=(sock, name), daemon=True)
    thread.start()
    try:
        yield
    finally:
        sock.shutdown(socket.SHUT_RDWR) if kind == "tcp" else _wake(sock)
        thread.join()
        sock.close()


def call(netns_fd: int, address: str, port: int, *, kind: str = "tcp", timeout_s: float = ANSWER_S) -> str:
    """What the service at ``address`` answers. Raises OSError, TimeoutError among them."""
    with caller(netns_fd, address, port, kind=kind, timeout_s=timeout_s) as sock:
        return ask(sock)


@contextmanager
def caller(
    netns_fd: int,
    address: str,
    port: int,
    *,
    kind: str = "tcp",
    timeout_s: float = ANSWER_S,
    source: str = "",
) -> Iterator[socket.socket]:
    """A socket in the namespace, connected to a service; bound to the address ``source`` if there is one."""
    with enter_netns(netns_fd):
        sock = _socket(kind, address)
    with sock:
        sock.settimeout(timeout_s)
        if source:
            sock.bind((source, 0))
        sock.connect((address, port))
        yield sock


def ask(sock: socket.socket) -> str:
    """One question over a socket from ``caller``."""
    sock.send(b"?")
    return sock.recv(200).decode()


def is_silent(netns_fd: int, address: str, port: int, *, kind: str = "tcp") -> bool:
    """Whether a call gets no answer at all: neither data nor a refusal."""
    try:
        call(netns_fd, address, port, kind=kind, timeout_s=SILENCE_S)
    except TimeoutError:
        return True
    except OSError:
        return False
    return False


def write_sysctl(netns_fd: int, name: str, value: str) -> None:
    """Set ``net/…`` in a namespace."""
    with enter_netns(netns_fd):
        Path("/proc/sys", name).write_text(value)


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A descriptor of a namespace that has a name."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _socket(kind: str, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)


def _serve_tcp(sock: socket.socket, name: str) -> None:
    while True:
        try:
            connection, (peer, *_) = sock.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, f"{name} {peer}"), daemon=True).start()


def _answer(connection: socket.socket, text: str) -> None:
    with connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.recv(1)
            connection.send(text.encode())
        except OSError:
            pass  # the caller left


def _serve_udp(sock: socket.socket, name: str) -> None:
    while True:
        data, sender = sock.recvfrom(100)
        if data == b"stop":
            return
        sock.sendto(f"{name} {sender[0]}".encode(), sender)


def _wake(sock: socket.socket) -> None:
    sock.sendto(b"stop", sock.getsockname())


def fetch(namespace: NetworkNamespace, address: str, port: int, timeout_s: int = 30) -> str:
    """What an HTTP server there answers, or an empty string; a short timeout is for where none should."""
    url = f"http://{address}:{port}/"
    return namespace.run("timeout", str(timeout_s), "busybox", "wget", "-qO-", url).stdout.strip()
