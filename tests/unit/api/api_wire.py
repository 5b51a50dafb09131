"""A client that sees the bytes: requests by hand over one end of a connected socket pair."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

import msgspec

from scow.api.http.answer import Answer, Full
from scow.api.http.application import App
from scow.api.http.connection import Connection
from scow.api.http.head import RefusedError
from scow.api.http.request import Request
from scow.api.http.server import Server

P = ParamSpec("P")
TIMEOUT_S = 120


def runs(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test in a loop of its own, with a deadline; a task left behind fails it."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        async def body() -> None:
            async with asyncio.timeout(TIMEOUT_S):
                await test(*args, **kwargs)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"

        asyncio.run(body())

    return wrapper


@dataclass
class Reply:
    status: int
    reason: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def message(self) -> str:
        """What an error says; that it says nothing else is part of the protocol."""
        (text,) = self.json.values()
        assert self.headers["content-type"] == "application/json"
        return str(text)


class WireClient:
    """One connection, from the client's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def send_request(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.send(request_bytes(method, target, body, headers))

    async def request(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        self.send_request(method, target, body, headers)
        return await self.reply(method)

    async def post_json(self, target: str, value: object, headers: dict[str, str] | None = None) -> Reply:
        body = msgspec.json.encode(value)
        fields = {"Content-Type": "application/json", **(headers or {})}
        return await self.request("POST", target, body, fields)

    async def head(self) -> Reply:
        """The head of the next answer; its body is not read."""
        block = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = block[:-4].split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            assert colon
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        return Reply(int(status), reason, headers)

    async def reply(self, method: str = "GET") -> Reply:
        reply = await self.head()
        if method == "HEAD" or reply.status in (101, 204, 304):
            return reply
        if reply.headers.get("transfer-encoding") == "chunked":
            reply.body = b"".join([chunk async for chunk in self.chunks()])
        else:
            reply.body = await self.reader.readexactly(int(reply.headers["content-length"]))
        return reply

    async def chunk(self) -> bytes:
        """The next chunk of the body, b"" for the last one."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self.chunk():
            yield chunk

    async def read_to_end(self) -> bytes:
        return await self.reader.read()

    def half_close(self) -> None:
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Go away without a farewell."""
        self.writer.transport.abort()


def request_bytes(
    method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: docker"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class HandlerApp:
    """An application of one function."""

    def __init__(self, handler: Callable[[Request], Awaitable[Answer]]) -> None:
        self._handler = handler
        self.headers = {"Server": "test"}

    async def __call__(self, request: Request) -> Answer:
        return await self._handler(request)

    def refuse(self, error: RefusedError) -> Full:
        return Full(error.status, error.message.encode(), "text/plain")


class Harness:
    """A server for one application, and clients of it."""

    def __init__(self, app: App) -> None:
        self.activity: list[bool] = []
        self.server = Server(app, on_activity=self.activity.append)
        self._clients: list[WireClient] = []

    async def client(self) -> WireClient:
        """A new connection over a socket pair."""
        theirs, ours = socket.socketpair()
        await self.server.serve_connection(theirs)
        reader, writer = await asyncio.open_connection(sock=ours)
        return self.adopt(WireClient(reader, writer))

    def adopt(self, client: WireClient) -> WireClient:
        self._clients.append(client)
        return client

    @property
    def served(self) -> Connection:
        """The server's end of the only connection that there is."""
        (connection,) = self.server._shared.connections
        assert isinstance(connection, Connection)
        return connection

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        for client in self._clients:
            try:
                await client.writer.wait_closed()
            except ConnectionError:
                pass
        await self.server.aclose(grace_s=1)


def serving(app: App) -> AbstractAsyncContextManager[Harness]:
    """Serve ``app`` while the block runs."""

    @asynccontextmanager
    async def context() -> AsyncIterator[Harness]:
        harness = Harness(app)
        try:
            yield harness
        finally:
            await harness.close()

    return context()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until ``condition`` holds; the test's own deadline is the limit."""
    while not condition():  # noqa: ASYNC110 - a test looks from outside: nobody sets an event for it
        await asyncio.sleep(0.001)
