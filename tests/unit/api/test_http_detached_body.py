"""A body that a thread reads from the socket, and what becomes of the connection afterwards."""

import asyncio
import gzip
import threading
from collections.abc import Callable

import pytest

from scow.api.http.answer import Answer, Full
from scow.api.http.body_framing import BadBodyError
from scow.api.http.detached_body import DetachedBody
from scow.api.http.request import Request
from scow.tasks import TaskOwner, run_in_own_thread
from tests.unit.api.api_wire import HandlerApp, request_bytes, runs, serving

_HEAD = b"PUT /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def whole(body: DetachedBody) -> bytes:
    data = b""
    while piece := body.read(1000):
        assert len(piece) <= 1000
        data += piece
    return data


class InThread:
    """A handler that has ``read`` read, and answers what it read or what went wrong."""

    def __init__(self, read: Callable[[DetachedBody], bytes]) -> None:
        self._read = read
        self.detached = asyncio.Event()

    async def __call__(self, request: Request) -> Answer:
        body = request.body.detach()
        if body is None:
            return Full(200, b"not detached: " + await request.body.read(1 << 20))
        self.detached.set()
        try:
            return Full(200, await run_in_own_thread(self._read, body))
        except BadBodyError as exc:
            return Full(400, exc.message.encode())
        finally:
            body.close()
            self.detached.clear()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@runs
async def test_a_thread_reads_all_of_it_and_the_next_request_is_served() -> None:
    handler = InThread(whole)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        for _ in range(3):
            client.send(_HEAD + chunk(b"first "))
            await handler.detached.wait()
            client.send(chunk(b"x" * 500_000) + chunk(b" last") + b"0\r\n\r\n")
            assert (await client.reply()).body == b"first " + b"x" * 500_000 + b" last"


@runs
async def test_what_follows_the_body_is_the_next_request() -> None:
    handler = InThread(whole)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(_HEAD + chunk(b"on"))
        await handler.detached.wait()
        client.send(
            chunk(b"e") + b"0\r\n\r\n" + request_bytes("POST", "/", b"two") + request_bytes("GET", "/")
        )
        bodies = [(await client.reply()).body for _ in range(3)]
        assert bodies == [b"one", b"not detached: two", b"not detached: "]


@runs
async def test_an_end_that_nobody_read_does_not_cost_the_connection() -> None:
    come = threading.Event()

    def read(body: DetachedBody) -> bytes:
        come.wait()
        return body.read(3)

    handler = InThread(read)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(_HEAD + chunk(b"one and more"))
        await handler.detached.wait()
        client.send(chunk(b"padding") + b"0\r\n\r\n")
        await client.writer.drain()
        come.set()
        reply = await client.reply()
        assert reply.body == b"one"
        assert "connection" not in reply.headers
        assert (await client.request("GET", "/")).body == b"not detached: "


@runs
async def test_a_client_that_leaves_ends_it() -> None:
    handler = InThread(whole)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(_HEAD + chunk(b"begun"))
        await handler.detached.wait()
        client.half_close()
        assert (await client.reply()).body == b"unexpected EOF"


@runs
async def test_bytes_that_are_no_chunks_are_refused_and_end_the_connection() -> None:
    handler = InThread(whole)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(_HEAD)
        await handler.detached.wait()
        client.send(b"no number\r\n")
        reply = await client.reply()
        assert reply.status == 400
        assert reply.headers["connection"] == "close"


@runs
async def test_it_can_be_stopped_while_it_waits() -> None:
    async def handler(request: Request) -> Answer:
        body = request.body.detach()
        assert body is not None
        async with TaskOwner("test") as owner:
            reading = owner.start(run_in_own_thread(whole, body), name="read")
            body.stop()
            with pytest.raises(BadBodyError, match="unexpected EOF"):
                await reading
        body.close()
        return Full(200, b"stopped")

    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(_HEAD + chunk(b"begun"))
        assert (await client.reply()).body == b"stopped"


@runs
async def test_one_that_is_here_is_not_detached() -> None:
    async with serving(HandlerApp(InThread(whole))) as harness:
        client = await harness.client()
        assert (await client.request("PUT", "/", b"whole")).body == b"not detached: whole"
        assert (await client.request("GET", "/")).body == b"not detached: "


@runs
async def test_one_that_is_coded_is_not_detached() -> None:
    handler = InThread(whole)
    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        packed = gzip.compress(b"whole")
        client.send(_HEAD[:-2] + b"Content-Encoding: gzip\r\n\r\n" + chunk(packed[:5]))
        client.send(chunk(packed[5:]) + b"0\r\n\r\n")
        assert (await client.reply()).body == b"not detached: whole"
