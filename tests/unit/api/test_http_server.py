import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from scow.api.http.answer import Answer, Full
from scow.api.http.listeners import open_listeners
from scow.api.http.request import Request
from tests.unit.api.api_wire import HandlerApp, WireClient, runs, serving, until
from tests.unit.api.test_http_connection import Gate, echo
from tests.unit.api.test_http_streams import Source


@runs
async def test_all_listeners_serve_the_same_application(tmp_path: Path) -> None:
    unix = open_listeners(f"unix://{tmp_path}/api.sock")
    tcp = open_listeners("tcp://127.0.0.1:0")
    port = tcp[0].getsockname()[1]
    async with serving(HandlerApp(echo)) as harness:
        await harness.server.listen([*unix, *tcp])
        for reader, writer in (
            await asyncio.open_unix_connection(tmp_path / "api.sock"),
            await asyncio.open_connection("127.0.0.1", port),
        ):
            client = harness.adopt(WireClient(reader, writer))
            assert (await client.request("GET", "/")).body == b"GET / "


@runs
async def test_activity_is_reported_when_the_first_begins_and_the_last_ends() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        first, second = await harness.client(), await harness.client()
        assert harness.activity == []
        first.send_request("GET", "/")
        second.send_request("GET", "/")
        await until(lambda: harness.server.in_progress == 2)
        assert harness.activity == [True]
        gate.open.set()
        await first.reply()
        await second.reply()
        await until(lambda: harness.server.in_progress == 0)
        assert harness.activity == [True, False]


@runs
async def test_stopping_lets_a_handler_finish_and_its_client_read_the_answer() -> None:
    gate = Gate()
    async with serving(HandlerApp(gate)) as harness:
        idle, busy = await harness.client(), await harness.client()
        busy.send_request("GET", "/")
        await gate.entered.wait()
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
        await harness.server.aclose(grace_s=10)
        assert (await busy.reply()).body == b"done"
        assert await busy.read_to_end() == b""
        assert await idle.read_to_end() == b""


@runs
async def test_stopping_ends_streams_at_once() -> None:
    source = Source()
    async with serving(HandlerApp(source)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        await client.head()
        async with asyncio.timeout(120):
            await harness.server.aclose(grace_s=60)
        assert source.ended.is_set()


@runs
async def test_stopping_cancels_what_outlasts_the_grace() -> None:
    gate = Gate(must_finish=True)
    async with serving(HandlerApp(gate)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        await gate.entered.wait()
        await harness.server.aclose(grace_s=0.01)
        assert gate.cancelled.is_set()
        await harness.server.aclose()


@runs
async def test_stopping_before_a_handler_could_begin_leaves_nothing_in_progress() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        client.send_request("GET", "/")
        served = harness.served
        served.data_received(b"GET / HTTP/1.1\r\n\r\n")
        served.abort()
        await until(lambda: not harness.server._shared.connections)
        assert harness.server.in_progress == 0


@runs
async def test_nobody_can_connect_to_a_stopped_server(tmp_path: Path) -> None:
    async with serving(HandlerApp(echo)) as harness:
        await harness.server.listen(open_listeners(f"unix://{tmp_path}/api.sock"))
        await harness.server.aclose()
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
            client.connect(f"{tmp_path}/api.sock")


@runs
async def test_each_request_is_one_line_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    async def teapot(request: Request) -> Answer:
        return Full(418)

    with caplog.at_level(logging.DEBUG, "scow.api.http"):
        async with serving(HandlerApp(teapot)) as harness:
            await (await harness.client()).request("POST", "/v1.50/brew?x=1")
    (record,) = [record for record in caplog.records if "brew" in record.message]
    assert record.message.startswith("POST /v1.50/brew?x=1 418 ")


@runs
async def test_an_idle_server_has_no_timers() -> None:
    async with serving(HandlerApp(echo)) as harness:
        client = await harness.client()
        await client.request("GET", "/")
        loop: Any = asyncio.get_running_loop()
        # The deadline of the test itself is the only one.
        assert len(loop._scheduled) == 1
