import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from scow.api.http import connection
from scow.api.http.answer import Answer, Full, Hijack, Stream
from scow.api.http.duplex import Duplex
from scow.api.http.outflow import HIGH_BYTES
from scow.api.http.request import Request
from tests.unit.api.api_wire import HandlerApp, Harness, WireClient, request_bytes, runs, serving, until

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Source:
    """Items that a test puts in one by one; knows whether its reader has let go."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.taken = 0
        self.ended = asyncio.Event()

    async def items(self) -> AsyncIterator[bytes]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                self.taken += 1
                yield item
        finally:
            self.ended.set()

    async def __call__(self, request: Request) -> Answer:
        return Stream(self.items(), "application/json")


@runs
async def test_the_head_of_a_stream_comes_before_its_first_item() -> None:
    source = Source()
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        head = await client.head()
        assert head.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in head.headers
        assert source.taken == 0
        source.queue.put_nowait(None)
        assert await client.chunk() == b""


@runs
async def test_each_item_is_one_chunk_sent_at_once_and_the_connection_goes_on() -> None:
    source = Source()
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        for _ in range(2):
            client.send_request("GET", "/")
            await client.head()
            for item in (b"one", b"", b"two"):
                source.queue.put_nowait(item)
                if item:
                    assert await client.chunk() == item
            source.queue.put_nowait(None)
            assert await client.chunk() == b""


@runs
async def test_a_stream_that_fails_ends_without_its_last_chunk(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        client.send_request("GET", "/events")
        await client.head()
        source.queue.put_nowait(b"one")
        source.queue.put_nowait(RuntimeError("broken"))
        assert await client.read_to_end() == b"3\r\none\r\n"
    assert "/events failed in mid-answer" in caplog.text


@pytest.mark.parametrize("leave", ["close", "reset"])
@runs
async def test_a_client_that_leaves_a_stream_ends_its_source(leave: str) -> None:
    source = Source()
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        await client.head()
        getattr(client, leave)()
        await source.ended.wait()
        await until(lambda: harness.server.in_progress == 0)


@runs
async def test_a_client_that_does_not_read_suspends_only_its_own_stream() -> None:
    slow = Source()
    for _ in range(1000):
        slow.queue.put_nowait(bytes(HIGH_BYTES))

    async def handler(request: Request) -> Answer:
        return await slow(request) if request.head.target == "/slow" else Full(200, b"quick")

    async with serving(HandlerApp(handler)) as harness:
        stuck = await harness.client()
        assert isinstance(stuck.writer.transport, asyncio.Transport)
        stuck.writer.transport.pause_reading()
        stuck.send_request("GET", "/slow")
        await until(lambda: slow.taken)
        for _ in range(100):
            await asyncio.sleep(0)
        served = harness.served
        assert slow.taken < 50
        assert served._transport.get_write_buffer_size() <= 3 * HIGH_BYTES
        assert (await (await harness.client()).request("GET", "/quick")).body == b"quick"
        stuck.reset()
        await slow.ended.wait()


@runs
async def test_a_stream_paused_by_its_client_goes_on_when_it_reads_again() -> None:
    source = Source()
    for number in range(100):
        source.queue.put_nowait(bytes([number]) * HIGH_BYTES)
    source.queue.put_nowait(None)
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        reply = await client.request("GET", "/")
        assert reply.body == b"".join(bytes([number]) * HIGH_BYTES for number in range(100))


class Taker:
    """Takes a hijacked connection: tells back what it hears in upper case, and that it heard the end."""

    def __init__(self) -> None:
        self.heard = b""
        self.started = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.cancelled = asyncio.Event()

    async def run(self, conn: Duplex) -> None:
        self.started.set()
        try:
            await self.may_start.wait()
            while data := await conn.read():
                self.heard += data
                await conn.write(data.upper())
            await conn.write(b"[end]")
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def __call__(self, request: Request) -> Answer:
        await request.body.read(1000)
        return Hijack(self.run, "application/x-framed", "application/x-raw")


async def hijacked(harness: Harness, body: bytes = b"", following: bytes = b"") -> WireClient:
    client = await harness.client()
    client.send(request_bytes("POST", "/attach", body, UPGRADE) + following)
    head = await client.head()
    assert (head.status, head.reason) == (101, "UPGRADED")
    return client


@runs
async def test_a_client_that_asks_for_an_upgrade_gets_101() -> None:
    async with serving(HandlerApp(Taker())) as harness:
        client = await harness.client()
        client.send_request("POST", "/", b"", UPGRADE)
        head = await client.head()
        assert (head.status, head.reason) == (101, "UPGRADED")
        assert head.headers["content-type"] == "application/x-framed"
        assert (head.headers["connection"], head.headers["upgrade"]) == ("Upgrade", "tcp")
        assert not {"content-length", "transfer-encoding"} & set(head.headers)


@runs
async def test_a_client_that_does_not_ask_gets_200_and_the_same_stream() -> None:
    async with serving(HandlerApp(Taker())) as harness:
        client = await harness.client()
        client.send_request("POST", "/", b"")
        head = await client.head()
        assert (head.status, head.reason) == (200, "OK")
        assert head.headers["content-type"] == "application/x-raw"
        assert not {"content-length", "transfer-encoding", "upgrade"} & set(head.headers)
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.reader.readexactly(18) == b"GET / HTTP/1.1\r\n\r\n"


@runs
async def test_the_head_is_out_before_the_taker_starts() -> None:
    taker = Taker()
    taker.may_start.clear()
    async with serving(HandlerApp(taker)) as harness:
        client = await hijacked(harness)
        await taker.started.wait()
        client.send(b"hello")
        taker.may_start.set()
        assert await client.reader.readexactly(5) == b"HELLO"


@pytest.mark.parametrize("body", [b"", b'{"Tty":true}'])
@runs
async def test_bytes_that_came_with_the_request_belong_to_the_stream(body: bytes) -> None:
    taker = Taker()
    async with serving(HandlerApp(taker)) as harness:
        client = await hijacked(harness, body, b"early bytes")
        client.half_close()
        assert await client.read_to_end() == b"EARLY BYTES[end]"
        assert taker.heard == b"early bytes"


@runs
async def test_half_close_ends_the_input_and_not_the_output() -> None:
    taker = Taker()
    async with serving(HandlerApp(taker)) as harness:
        client = await hijacked(harness)
        client.send(b"abc")
        assert await client.reader.readexactly(3) == b"ABC"
        client.half_close()
        assert await client.read_to_end() == b"[end]"
        await until(lambda: harness.server.in_progress == 0)


@runs
async def test_output_goes_on_long_after_the_clients_half_close() -> None:
    size = 4 << 20

    async def run(conn: Duplex) -> None:
        assert await conn.read() == b""
        for _ in range(size // 65536):
            await conn.write(bytes(65536))

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        client.half_close()
        assert len(await client.read_to_end()) == size


@runs
async def test_the_end_of_the_taker_is_the_end_of_the_stream_though_the_client_still_sends() -> None:
    async def run(conn: Duplex) -> None:
        await conn.write(b"x" * 200_000)

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness, following=bytes(300_000))
        client.send(bytes(300_000))
        assert await client.read_to_end() == b"x" * 200_000


@runs
async def test_nothing_follows_the_head_of_a_takeover_before_that_is_read() -> None:
    begun = asyncio.Event()

    async def run(conn: Duplex) -> None:
        begun.set()
        await conn.write(b"first")

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        transport = client.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        client.send_request("POST", "/", b"", UPGRADE)
        await begun.wait()
        assert os.read(transport.get_extra_info("socket").fileno(), 65536).endswith(b"\r\n\r\n")
        transport.resume_reading()
        assert await client.read_to_end() == b"first"


@pytest.mark.parametrize("half_closed", [False, True])
@runs
async def test_a_client_that_goes_away_cancels_the_taker(half_closed: bool) -> None:
    taker = Taker()
    closed = asyncio.Event()

    async def run(conn: Duplex) -> None:
        taker.started.set()
        if half_closed:
            assert await conn.read() == b""
            assert not conn.closed
        try:
            await conn.wait_closed()
        finally:
            closed.set()

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        if half_closed:
            client.half_close()
        await taker.started.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not closed.is_set()
        client.close()
        await closed.wait()
        await until(lambda: harness.server.in_progress == 0)


@runs
async def test_what_a_client_sent_before_it_left_is_still_read() -> None:
    heard: list[bytes] = []

    async def run(conn: Duplex) -> None:
        while data := await conn.read():
            heard.append(data)
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        client.send(b"last ")
        client.send(b"words")
        client.close()
        await until(lambda: b"".join(heard) == b"last words")
        await until(lambda: harness.server.in_progress == 0)


@runs
async def test_what_a_client_sent_before_it_left_does_not_keep_a_taker_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LAST_INPUT_S", 0.01)
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def run(conn: Duplex) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            assert conn.closed
            cancelled.set()

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness, following=b"never read")
        await started.wait()
        client.close()
        await cancelled.wait()


@runs
async def test_a_taker_whose_client_left_before_the_head_is_told() -> None:
    entered, leave, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(conn: Duplex) -> None:
        await conn.wait_closed()
        assert await conn.read() == b""
        told.set()

    async def handler(request: Request) -> Answer:
        request.must_finish = True
        entered.set()
        await leave.wait()
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send_request("POST", "/", b"", UPGRADE)
        await entered.wait()
        client.close()
        await until(lambda: not harness.server._shared.connections)
        leave.set()
        await told.wait()


@runs
async def test_a_taker_that_fails_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def run(conn: Duplex) -> None:
        await conn.write(b"before")
        raise ZeroDivisionError

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        assert await client.read_to_end() == b"before"
    assert "ZeroDivisionError" in caplog.text


@runs
async def test_writing_to_a_client_that_is_gone_is_an_error() -> None:
    outcome: list[BaseException] = []

    async def run(conn: Duplex) -> None:
        try:
            while True:
                await conn.write(bytes(65536))
        except BaseException as exc:
            outcome.append(exc)
            raise

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        client.reset()
        await until(lambda: outcome)
        assert isinstance(outcome[0], (ConnectionError, asyncio.CancelledError))


@runs
async def test_a_taker_that_does_not_read_holds_its_client_back() -> None:
    release = asyncio.Event()

    async def run(conn: Duplex) -> None:
        await release.wait()

    async def handler(request: Request) -> Answer:
        return Hijack(run, "a/b", "a/b")

    async with serving(HandlerApp(handler)) as harness:
        client = await hijacked(harness)
        client.send(bytes(32 << 20))
        for _ in range(200):
            await asyncio.sleep(0)
        assert client.writer.transport.get_write_buffer_size() > 28 << 20
        client.reset()
        release.set()
