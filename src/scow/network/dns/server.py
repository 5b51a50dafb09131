"""One container's name server: 127.0.0.11, port 53, UDP and TCP, inside its network namespace.

The sockets belong to the namespace, the answers to the engine: nothing runs in the container. They have
ports that were free, to which ``redirect`` leads. A container that asks without end is served at a bounded
pace, so that it takes nothing from the others.
"""

import asyncio
import errno
import logging
import os
import socket
import time
from ipaddress import IPv4Address

from scow.linux.namespaces import enter_netns
from scow.network.dns import redirect
from scow.network.dns.answers import Upstream, View, answer
from scow.network.dns.cache import AnswerCache, KnownAnswers
from scow.network.dns.forward import Forwarder, TooManyError
from scow.network.dns.message import (
    FORMAT_ERROR,
    REFUSED,
    SERVER_FAILURE,
    MessageError,
    Query,
    failure,
    parse_query,
    reply,
    truncated,
)
from scow.network.dns.redirect import ServedPorts
from scow.tasks import TaskOwner

ADDRESS = "127.0.0.11"
PORT = 53
_BATCH = 64
# 64 questions in 10 ms are 6,400 in a second: more than any program asks, little for the engine.
_PACE_S = 0.01
_MOST_CONNECTIONS = 32
_IDLE_S = 10.0
_MAX_MESSAGE = 65535

_log = logging.getLogger(__name__)


class DnsServer:
    """Serves one namespace until closed. Made on the event loop, in no time: nothing here waits."""

    def __init__(self, netns_fd: int, view: View) -> None:
        """``netns_fd`` stays the caller's. Raises ``OSError`` if the address cannot be had there."""
        self._view = view
        self._netns_fd = os.dup(netns_fd)
        self._loop = asyncio.get_running_loop()
        self._forwarder = Forwarder(self._netns_fd, AnswerCache(time.monotonic))
        self._known = KnownAnswers()
        self._tasks = TaskOwner("dns")
        self._resume: asyncio.TimerHandle | None = None
        self._connections = 0
        try:
            self._udp, self._tcp = _opened(self._netns_fd)
        except BaseException:
            os.close(self._netns_fd)
            raise
        self._loop.add_reader(self._udp, self._readable)
        self._tasks.start(self._accept(), name="accept")

    async def aclose(self) -> None:
        """Stop answering. May be called once."""
        if self._resume is not None:
            self._resume.cancel()
        self._loop.remove_reader(self._udp)
        await self._tasks.aclose()
        self._udp.close()
        self._tcp.close()
        os.close(self._netns_fd)

    # UDP

    def _readable(self) -> None:
        for _ in range(_BATCH):
            try:
                data, sender = self._udp.recvfrom(_MAX_MESSAGE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                _log.debug("name server: %s", exc)
                return
            self._answer_datagram(data, sender)
        self._loop.remove_reader(self._udp)
        self._resume = self._loop.call_later(_PACE_S, self._loop.add_reader, self._udp, self._readable)

    def _answer_datagram(self, data: bytes, sender: tuple[str, int]) -> None:
        if (known := self._known.get(data, self._view.edition)) is not None:
            self._send(known, sender)
            return
        try:
            query = parse_query(data)
        except MessageError:
            self._send(failure(data, FORMAT_ERROR), sender)
            return
        found = answer(query, self._view, query.udp_bytes)
        if found is not None:
            self._send(found, sender)
            self._known.put(data, self._view.edition, found)
        else:
            self._tasks.start(self._forward_datagram(data, query, sender), name="forward")

    async def _forward_datagram(self, data: bytes, query: Query, sender: tuple[str, int]) -> None:
        found = await self._forward(data, query, tcp=False)
        self._send(found if len(found) <= query.udp_bytes else truncated(query), sender)

    def _send(self, data: bytes, receiver: tuple[str, int]) -> None:
        if not data:
            return
        try:
            self._udp.sendto(data, receiver)
        except OSError as exc:
            # It has gone, or does not read: it will ask again.
            _log.debug("name server: %s", exc)

    # TCP

    async def _accept(self) -> None:
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._tcp)
            except OSError as exc:
                # No descriptor is left, or the client's is gone: neither is the end of the name server.
                _log.debug("name server: %s", exc)
                await asyncio.sleep(_PACE_S)
                continue
            if self._connections >= _MOST_CONNECTIONS:
                sock.close()
                continue
            self._connections += 1
            self._tasks.start(self._serve_connection(sock), name="connection")

    async def _serve_connection(self, sock: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=sock)
            try:
                while True:
                    async with asyncio.timeout(_IDLE_S):
                        size = int.from_bytes(await reader.readexactly(2), "big")
                        data = await reader.readexactly(size)
                    found = await self._answer_stream(data)
                    if not found:
                        return
                    writer.write(len(found).to_bytes(2, "big") + found)
                    async with asyncio.timeout(_IDLE_S):
                        await writer.drain()
            finally:
                writer.close()
        except (OSError, EOFError, TimeoutError):
            return
        finally:
            self._connections -= 1

    async def _answer_stream(self, data: bytes) -> bytes:
        try:
            query = parse_query(data)
        except MessageError:
            return failure(data, FORMAT_ERROR)
        found = answer(query, self._view, None)
        return found if found is not None else await self._forward(data, query, tcp=True)

    async def _forward(self, data: bytes, query: Query, *, tcp: bool) -> bytes:
        servers: list[Upstream] = list(self._view.upstreams)
        try:
            found = await self._forwarder.ask(data, query, servers, tcp=tcp)
        except TooManyError:
            return reply(query, REFUSED)
        return found if found is not None else reply(query, SERVER_FAILURE)


def _opened(netns_fd: int) -> tuple[socket.socket, socket.socket]:
    """Sockets for UDP and TCP that are reached at ``PORT``."""
    before = redirect.led_to(netns_fd)
    with enter_netns(netns_fd):
        sockets = (before and _bound_together(before)) or _bound_together(ServedPorts(0, 0))
    if sockets is None:
        raise OSError(errno.EADDRINUSE, f"no port of {ADDRESS} is free")
    try:
        now = ServedPorts(sockets[0].getsockname()[1], sockets[1].getsockname()[1])
        if now != before:
            redirect.lead_to(netns_fd, IPv4Address(ADDRESS), PORT, now, anew=before is not None)
        sockets[1].listen(_MOST_CONNECTIONS)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bound_together(ports: ServedPorts) -> tuple[socket.socket, socket.socket] | None:
    """In the calling thread's namespace; None if one of the ports is somebody else's."""
    bound: list[socket.socket] = []
    try:
        for kind, port in ((socket.SOCK_DGRAM, ports.udp), (socket.SOCK_STREAM, ports.tcp)):
            bound.append(socket.socket(socket.AF_INET, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK))
            if kind == socket.SOCK_STREAM:
                # Connections of the engine before may still be ending.
                bound[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound[-1].bind((ADDRESS, port))
    except OSError as exc:
        for sock in bound:
            sock.close()
        if exc.errno == errno.EADDRINUSE:
            return None
        raise
    return bound[0], bound[1]
