"""Questions for the servers outside: asked one after the other, by the protocol the container used.

A question is asked from the container's own network, so that it goes where the container could go itself;
only a server on the host's loopback is asked from the host.
"""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

from scow.linux.namespaces import enter_netns
from scow.network.dns.answers import Upstream
from scow.network.dns.cache import AnswerCache
from scow.network.dns.message import (
    REFUSED,
    SERVER_FAILURE,
    Query,
    code_of,
    is_reply_to,
    is_truncated,
    with_id,
)

_TIMEOUT_S = 4.0
_MOST_SERVERS = 3
_MOST_OUTSTANDING = 200
_MAX_MESSAGE = 65535


class TooManyError(Exception):
    """A container asks faster than anybody answers."""


class Forwarder:
    """Asks for one container; ``netns_fd`` is its network namespace, and stays the caller's."""

    def __init__(self, netns_fd: int, cache: AnswerCache) -> None:
        self._netns_fd = netns_fd
        self._cache = cache
        self._outstanding = 0

    async def ask(self, data: bytes, query: Query, servers: Sequence[Upstream], *, tcp: bool) -> bytes | None:
        """The first useful answer, with the asker's id; ``None`` if no server gives one.

        Raises TooManyError beyond a bounded number of questions under way.
        """
        if self._outstanding >= _MOST_OUTSTANDING:
            raise TooManyError
        self._outstanding += 1
        try:
            for server in servers[:_MOST_SERVERS]:
                name = f"{server.address}:{server.port}:{tcp}"
                if (known := self._cache.get(name, query)) is not None:
                    return known
                found = await self._ask_one(server, data, query, tcp=tcp)
                if found is not None and code_of(found) not in (SERVER_FAILURE, REFUSED):
                    if not is_truncated(found):
                        self._cache.put(name, query, found)
                    return with_id(found, query.id)
            return None
        finally:
            self._outstanding -= 1

    async def _ask_one(self, server: Upstream, data: bytes, query: Query, *, tcp: bool) -> bytes | None:
        # An id of our own: the container's may be guessed by who wants to answer in the server's place.
        asked = replace(query, id=secrets.randbits(16))
        message = with_id(data, asked.id)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await (self._by_tcp if tcp else self._by_udp)(server, message, asked)
        except (OSError, TimeoutError, EOFError):
            return None

    async def _by_udp(self, server: Upstream, message: bytes, asked: Query) -> bytes:
        loop = asyncio.get_running_loop()
        with self._socket(server, socket.SOCK_DGRAM) as sock:
            await loop.sock_connect(sock, (server.address, server.port))
            await loop.sock_sendall(sock, message)
            while True:
                reply = await loop.sock_recv(sock, _MAX_MESSAGE)
                if is_reply_to(reply, asked):
                    return reply

    async def _by_tcp(self, server: Upstream, message: bytes, asked: Query) -> bytes | None:
        loop = asyncio.get_running_loop()
        sock = self._socket(server, socket.SOCK_STREAM)
        try:
            await loop.sock_connect(sock, (server.address, server.port))
            reader, writer = await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise
        try:
            writer.write(len(message).to_bytes(2, "big") + message)
            size = int.from_bytes(await reader.readexactly(2), "big")
            reply = await reader.readexactly(size)
        finally:
            writer.close()
        return reply if is_reply_to(reply, asked) else None

    def _socket(self, server: Upstream, kind: int) -> socket.socket:
        family = socket.AF_INET if ip_address(server.address).version == 4 else socket.AF_INET6
        if server.from_host:
            sock = socket.socket(family, kind | socket.SOCK_CLOEXEC)
        else:
            with enter_netns(self._netns_fd):
                sock = socket.socket(family, kind | socket.SOCK_CLOEXEC)
        sock.setblocking(False)
        return sock
