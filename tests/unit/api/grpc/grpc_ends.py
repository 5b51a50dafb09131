"""Two ends of a connection in one process: a client's channel to handlers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from scow.api.grpc import server
from scow.api.grpc.client import Channel
from scow.api.grpc.http2 import Connection
from scow.api.grpc.server import Handler
from scow.api.grpc.status import CallError, Code
from scow.tasks import TaskOwner


class SocketStream:
    """See ``scow.api.grpc.http2.ByteStream``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        try:
            return await self._reader.read(1 << 16)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def socket_streams() -> tuple[SocketStream, SocketStream]:
    near, far = socket.socketpair()
    return (
        SocketStream(*await asyncio.open_connection(sock=near)),
        SocketStream(*await asyncio.open_connection(sock=far)),
    )


def as_error(error: Exception) -> CallError:
    return CallError(Code.INTERNAL, f"{type(error).__name__}: {error}")


@asynccontextmanager
async def connected(handlers: Mapping[str, Handler]) -> AsyncIterator[Channel]:
    """A channel to ``handlers``; at the end nothing may be left open."""
    near, far = await socket_streams()
    connection = Connection(near, client=True)
    async with TaskOwner("ends") as tasks:
        serving = tasks.start(server.serve(far, handlers, as_error=as_error), name="server")
        running = tasks.start(connection.run(), name="client")
        await asyncio.sleep(0)
        try:
            yield Channel(connection)
        finally:
            near.close()
            await asyncio.wait_for(serving, 20)
            far.close()
            await asyncio.wait_for(running, 20)
