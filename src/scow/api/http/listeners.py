"""Listening sockets from addresses: ``unix:///run/x.sock``, ``tcp://127.0.0.1:2375``, ``fd://``."""

import contextlib
import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from scow.errors import InvalidArgumentError, UnavailableError

DEFAULT_TCP_PORT = 2375
_UNIX_MODE = 0o660


def open_listeners(
    address: str, *, gid: int | None = None, inherited: Mapping[str, int] | None = None
) -> list[socket.socket]:
    """Sockets bound to ``address``; ``gid`` is the group that may use a Unix socket.

    ``inherited`` are the descriptors that a service manager passed on, by name: ``fd://`` takes all,
    ``fd://name`` and ``fd://4`` one. Raises InvalidArgumentError, UnavailableError, OSError.
    """
    scheme, separator, rest = address.partition("://")
    match scheme if separator else "":
        case "unix":
            return [listen_unix(rest, gid=gid)]
        case "tcp":
            host, port = parse_host_port(rest)
            return listen_tcp(host, port)
        case "fd":
            return take_inherited(rest, inherited or {})
    raise InvalidArgumentError(f"invalid bind address ({address}): use unix://, tcp:// or fd://")


def parse_host_port(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]:port`` or ``:port``; no host is all of them."""
    text = text.rstrip("/")
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        port_text = tail.removeprefix(":")
        valid = bool(bracket) and (not tail or tail.startswith(":"))
    else:
        host, _, port_text = text.partition(":")
        valid = ":" not in port_text
    if not valid or (port_text and not (port_text.isdecimal() and int(port_text[:6]) <= 65535)):
        raise InvalidArgumentError(f"invalid bind address (tcp://{text}): bad host or port")
    return host, int(port_text) if port_text else DEFAULT_TCP_PORT


def listen_unix(path: str, *, gid: int | None = None) -> socket.socket:
    """A Unix socket at ``path``, for its owner and ``gid``; one that nobody serves any more is replaced.

    Raises UnavailableError when another process serves it.
    """
    if not path.startswith("/"):
        raise InvalidArgumentError(f"invalid bind address (unix://{path}): not an absolute path")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # bind(2) takes the inode's mode from the descriptor: nobody can come in before chown.
        os.fchmod(sock.fileno(), 0o600)
        sock.bind(path)
        os.chown(path, -1, -1 if gid is None else gid)
        os.chmod(path, _UNIX_MODE)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    if not Path(path).is_socket():
        # Nothing is there, or something that bind(2) will complain of; connect(2) calls a file refused too.
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            Path(path).unlink(missing_ok=True)
            return
    raise UnavailableError(f"listen unix {path}: bind: address already in use")


def listen_tcp(host: str, port: int) -> list[socket.socket]:
    """One socket for each address that ``host`` stands for."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except socket.gaierror as exc:
        raise InvalidArgumentError(f"listen tcp: lookup {host}: {exc.strerror}") from exc
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_bind_tcp(family, address)) for family, _, _, _, address in found]
        stack.pop_all()
    return sockets


def _bind_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            raise UnavailableError(f"listen tcp {address[0]}:{address[1]}: bind: address already in use")
        raise
    return sock


def take_inherited(which: str, inherited: Mapping[str, int]) -> list[socket.socket]:
    """All inherited sockets for "" and ``*``, else the one with that name or number."""
    if which in ("", "*"):
        chosen = list(inherited.values())
    elif which.isdecimal():
        chosen = [fd for fd in inherited.values() if fd == int(which)]
    else:
        chosen = [fd for name, fd in inherited.items() if name == which]
    if not chosen:
        raise InvalidArgumentError(
            f"no sockets found via socket activation for fd://{which}: "
            "make sure the service was started by systemd"
        )
    return [socket.socket(fileno=fd) for fd in chosen]
