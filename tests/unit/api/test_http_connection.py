import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import pytest

from scow.api.http import connection
from scow.api.http.answer import Answer, Full, Stream
from scow.api.http.body_framing import BadBodyError
from scow.api.http.inflow import HIGH_BYTES
from scow.api.http.request import Request
from tests.unit.api.api_wire import HandlerApp, Harness, WireClient, request_bytes, runs, serving, until


async def echo(request: Request) -> Answer:
    """Method, target and body, told back."""
    try:
        body = await request.body.read(1 << 20)
    except BadBodyError as exc:
        return Full(400, exc.message.encode(), "text/plain")
    return Full(200, f"{request.method} {request.head.target} ".encode() + body, "text/plain")


class Gate:
    """A handler that waits, and tells what becomes of it."""

    def __init__(self, *, must_finish: bool = False) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.finished = asyncio.Event()
        self._must_finish = must_finish

    async def __call__(self, request: Request) -> Answer:
        request.must_finish = self._must_finish
        self.entered.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        self.finished.set()
        return Full(200, b"done")


@runs
async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        for number in range(3):
            reply = await client.request("GET", f"/{number}")
            assert reply.body == b"GET /%d " % number
            assert "connection" not in reply.headers


@runs
async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send(
            request_bytes("POST", "/1", b"one")
            + b"POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
            + request_bytes("GET", "/3")
        )
        assert [(await client.reply()).body for _ in range(3)] == [b"POST /1 one", b"POST /2 two", b"GET /3 "]


@runs
async def test_a_request_may_come_byte_by_byte() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        for byte in b"\r\n" + request_bytes("POST", "/slow", b"body") + request_bytes("GET", "/next"):
            client.send(bytes((byte,)))
            await asyncio.sleep(0)
        assert (await client.reply()).body == b"POST /slow body"
        assert (await client.reply()).body == b"GET /next "


@runs
async def test_every_answer_has_the_headers_of_the_application() -> None:
    async with serving(HandlerApp(echo)) as harness:
        good = await (await harness.client()).request("GET", "/")
        refused = await (await harness.client()).request("GET", "/", headers={"Expect": "x"})
        for reply in (good, refused):
            assert reply.headers["server"] == "test"
            assert reply.headers["date"].endswith(" GMT")


@runs
async def test_head_is_answered_without_a_body_but_with_its_length() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        reply = await client.request("HEAD", "/x")
        assert reply.headers["content-length"] == str(len("HEAD /x "))
        assert (await client.request("GET", "/y")).body == b"GET /y "


@pytest.mark.parametrize("status", [204, 304])
@runs
async def test_no_content_means_no_body_and_no_length(status: int) -> None:
    async def empty(request: Request) -> Answer:
        return Full(status, b"never sent", "text/plain")

    async with serving(HandlerApp(empty)) as harness:
        client = await harness.client()
        for _ in range(2):
            reply = await client.request("POST", "/")
            assert reply.status == status
            assert not {"content-length", "content-type", "transfer-encoding"} & set(reply.headers)


@runs
async def test_connection_close_is_kept_and_announced() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        reply = await client.request("GET", "/", headers={"Connection": "close"})
        assert reply.headers["connection"] == "close"
        assert await client.read_to_end() == b""


@runs
async def test_http_1_0_gets_streams_unframed_and_is_hung_up_on() -> None:
    async def numbers(request: Request) -> Answer:
        async def items() -> AsyncIterator[bytes]:
            yield b"1"
            yield b"2"

        return Stream(items(), "text/plain")

    async with serving(HandlerApp(numbers)) as harness:
        client = await harness.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        head = await client.head()
        assert "transfer-encoding" not in head.headers
        assert await client.read_to_end() == b"12"


@runs
async def test_a_body_may_be_gzip() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        data = gzip.compress(b"first ") + gzip.compress(b"second")
        reply = await client.request("POST", "/", data, {"Content-Encoding": "gzip"})
        assert reply.body == b"POST / first second"


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"x" * 1000)[:-4], gzip.compress(b"x")[:5]],
    ids=["other", "cut at its end", "cut in its head"],
)
@runs
async def test_broken_gzip_is_an_error_of_the_body(data: bytes) -> None:
    async with serving(HandlerApp(echo)) as harness:
        reply = await (await harness.client()).request("POST", "/", data, {"Content-Encoding": "gzip"})
        assert reply.status == 400
        assert b"gzip" in reply.body


@runs
async def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    seen: list[int] = []

    async def measure(request: Request) -> Answer:
        async for piece in request.body:
            seen.append(len(piece))
            if sum(seen) > 1 << 20:
                break
        return Full(413)

    async with serving(HandlerApp(measure)) as harness:
        bomb = gzip.compress(bytes(64 << 20))
        reply = await (await harness.client()).request("POST", "/", bomb, {"Content-Encoding": "gzip"})
        assert reply.status == 413
        assert max(seen) <= 256 * 1024


@runs
async def test_a_client_that_waits_for_continue_is_told_when_its_body_is_wanted() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await client.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"ok")
        assert (await client.reply()).body == b"POST / ok"


@runs
async def test_a_client_that_waits_for_continue_may_get_its_answer_without() -> None:
    async def refuse(request: Request) -> Answer:
        return Full(403)

    async with serving(HandlerApp(refuse)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        reply = await client.reply()
        assert reply.status == 403
        assert reply.headers["connection"] == "close"


@runs
async def test_a_broken_chunked_body_is_refused_and_ends_the_connection() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + request_bytes("GET", "/2")
        )
        reply = await client.reply()
        assert reply.status == 400
        assert reply.headers["connection"] == "close"
        assert await client.read_to_end() == b""


@runs
async def test_a_handler_that_does_not_read_holds_its_client_back() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n")
        await gate.entered.wait()
        client.send(bytes(64 << 20))
        await until(client.writer.transport.get_write_buffer_size)
        for _ in range(100):
            await asyncio.sleep(0)
        taken = (64 << 20) - client.writer.transport.get_write_buffer_size()
        # Ours, one read of the event loop, and what the kernel's two buffers hold.
        assert taken < HIGH_BYTES + 256 * 1024 + 2 * 1024 * 1024
        client.reset()
        gate.open.set()


@runs
async def test_a_body_larger_than_all_buffers_arrives_whole() -> None:
    size = 8 << 20

    async def count(request: Request) -> Answer:
        total = 0
        async for piece in request.body:
            total += len(piece)
            await asyncio.sleep(0)
        return Full(200, str(total).encode())

    async with serving(HandlerApp(count)) as harness:
        client = await harness.client()
        assert (await client.request("POST", "/", bytes(size))).body == str(size).encode()
        assert (await client.request("POST", "/", b"123")).body == b"3"


@runs
async def test_an_answer_before_the_end_of_the_body_reaches_a_client_that_still_sends() -> None:
    async def refuse(request: Request) -> Answer:
        return Full(400, b"x" * 100_000)

    async with serving(HandlerApp(refuse)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + bytes(1 << 20))
        reply = await client.reply()
        assert (reply.status, len(reply.body)) == (400, 100_000)
        assert reply.headers["connection"] == "close"
        assert await client.read_to_end() == b""


@runs
async def test_a_client_that_goes_away_cancels_its_handler() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        await gate.entered.wait()
        client.close()
        await gate.cancelled.wait()
        await until(lambda: harness.server.in_progress == 0)


@runs
async def test_a_client_that_goes_away_cancels_a_pipelined_handler_too() -> None:
    gate = Gate()

    async def handler(request: Request) -> Answer:
        return await (gate if request.head.target == "/2" else echo)(request)

    async with serving(HandlerApp(handler)) as harness:
        client = await harness.client()
        client.send(request_bytes("GET", "/1") + request_bytes("GET", "/2"))
        await gate.entered.wait()
        client.close()
        await gate.cancelled.wait()


@runs
async def test_a_client_that_goes_away_leaves_a_handler_that_must_finish() -> None:
    gate = Gate(must_finish=True)
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send_request("POST", "/")
        await gate.entered.wait()
        client.close()
        await until(lambda: not harness.server._shared.connections)
        assert harness.server.in_progress == 1
        gate.open.set()
        await gate.finished.wait()
        await until(lambda: harness.server.in_progress == 0)


async def half_closed(harness: Harness, gate: Gate) -> WireClient:
    """A client that has asked, shut down its side, and waits; the server has had time to see that."""
    client = await harness.client()
    client.send_request("GET", "/")
    client.half_close()
    await gate.entered.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    return client


@runs
async def test_a_client_that_half_closes_still_gets_its_answer() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await half_closed(harness, gate)
        assert not gate.cancelled.is_set()
        gate.open.set()
        assert (await client.reply()).body == b"done"
        assert await client.read_to_end() == b""


@runs
async def test_a_client_that_half_closes_and_then_dies_cancels_its_handler() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await half_closed(harness, gate)
        client.close()
        await gate.cancelled.wait()


@runs
async def test_a_client_that_leaves_in_mid_body_fails_the_read() -> None:
    failures: list[str] = []

    async def read(request: Request) -> Answer:
        request.must_finish = True
        try:
            await request.body.read(1 << 20)
        except BadBodyError as exc:
            failures.append(exc.message)
            raise ConnectionResetError from exc
        return Full(200)

    async with serving(HandlerApp(read)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        await until(lambda: harness.server.in_progress)
        client.close()
        await until(lambda: failures)
        assert failures == ["unexpected EOF"]


@runs
async def test_a_body_cut_short_by_half_close_is_answered() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        client.half_close()
        reply = await client.reply()
        assert (reply.status, reply.body) == (400, b"unexpected EOF")


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 300_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 300_000, 431),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
@runs
async def test_what_is_no_request_is_refused_and_hung_up_on(wire: bytes, status: int) -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send(wire)
        reply = await client.reply()
        assert reply.status == status
        assert reply.headers["connection"] == "close"
        assert await client.read_to_end() == b""
        assert harness.server.in_progress == 0


@runs
async def test_a_head_that_never_ends_is_given_up() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        await client.request("GET", "/")
        served = harness.served
        assert served._timer is None, "an idle connection has no timer"
        client.send(b"GET / HT")
        await until(lambda: served._timer is not None)
        assert served._timer is not None
        assert served._timer.when() - asyncio.get_running_loop().time() <= connection.HEAD_TIMEOUT_S
        served._head_timed_out()
        reply = await client.reply()
        assert reply.status == 408
        assert await client.read_to_end() == b""


@runs
async def test_a_complete_head_ends_its_timer() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send(b"GET / HTTP/1.1\r\n")
        served = harness.served
        await until(lambda: served._timer is not None)
        client.send(b"\r\n")
        await gate.entered.wait()
        assert served._timer is None
        gate.open.set()
        await client.reply()


@runs
async def test_pipelining_ahead_of_the_answers_is_bounded() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send(request_bytes("GET", "/") * 200_000)
        await gate.entered.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        served = harness.served
        assert len(served._buffer) < 2 * HIGH_BYTES
        client.reset()
        gate.open.set()


@runs
async def test_tcp_clients_are_probed_and_answered_without_delay() -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    address = sock.getsockname()
    async with serving(HandlerApp(echo)) as harness:
        await harness.server.listen([sock])
        client = harness.adopt(WireClient(*await asyncio.open_connection(*address)))
        assert (await client.request("GET", "/tcp")).status == 200
        served = harness.served
        raw = served._transport.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
