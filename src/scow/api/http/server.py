"""The server: listening sockets, the connections that come in by them, and an orderly end."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from scow.api.http.application import App, Shared
from scow.api.http.connection import Connection
from scow.tasks import TaskOwner

if TYPE_CHECKING:
    from ssl import SSLContext

BACKLOG = 4096
"""The kernel's own limit (net.core.somaxconn) decides; a burst of short-lived clients must not be refused."""


def _ignore(busy: bool) -> None:
    """Nobody asked about activity."""


class Server:
    """Serves one application on any number of listening sockets.

    ``on_activity`` hears True when the first request in progress begins and False when the last one ends;
    idle kept-alive connections count as nothing, streams and hijacked connections do.
    """

    def __init__(self, app: App, *, on_activity: Callable[[bool], None] = _ignore) -> None:
        self._tasks = TaskOwner("api")
        self._shared = Shared(app, self._tasks, on_activity)
        self._servers: list[asyncio.Server] = []

    @property
    def in_progress(self) -> int:
        """Requests being handled, streams and hijacked connections included."""
        return self._shared.in_progress

    async def listen(self, sockets: Iterable[socket.socket], tls: "SSLContext | None" = None) -> None:
        """Accept clients on ``sockets`` (bound stream sockets), which now belong to the server.

        With ``tls`` they speak TLS there.
        """
        loop = asyncio.get_running_loop()
        accept = self._plain if tls is None else partial(_secured, tls, self._plain)
        for sock in sockets:
            sock.setblocking(False)
            self._servers.append(await loop.create_server(accept, sock=sock, backlog=BACKLOG))

    def _plain(self) -> Connection:
        return Connection(self._shared)

    async def serve_connection(self, sock: socket.socket) -> None:
        """Serve one connected stream socket: one end of a socket pair, or accepted elsewhere."""
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Connection(self._shared), sock)

    async def aclose(self, grace_s: float = 5.0) -> None:
        """Stop listening, end idle connections and endless answers, and give the others ``grace_s``.

        May be called twice.
        """
        self._shared.stopping = True
        for server in self._servers:
            server.close()
        self._servers.clear()
        for connection in list(self._shared.connections):
            connection.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._tasks.wait_idle()
        for connection in list(self._shared.connections):
            connection.abort()
        await self._tasks.aclose()
        self._shared.hangups.close()


def _secured(context: "SSLContext", make_inner: Callable[[], Connection]) -> asyncio.Protocol:
    # OpenSSL costs two megabytes, which an engine without TLS need not have.
    from scow.api.http.tls import TlsConnection

    return TlsConnection(context, make_inner)


async def serve(
    app: App, sockets: Iterable[socket.socket], *, on_activity: Callable[[bool], None] = _ignore
) -> Server:
    """A server that listens on ``sockets``; ``aclose`` ends it."""
    server = Server(app, on_activity=on_activity)
    await server.listen(sockets)
    return server
