import pytest

from scow.errors import ConflictError, NotFoundError
from scow.spec.stream_options import AttachOptions, LogQuery
from tests.unit.api.api_fakes import ID, FakeAttachment, FakeLogs, Fakes
from tests.unit.api.api_wire import request_bytes, runs

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
RAW = "application/vnd.docker.raw-stream"
FRAMED = "application/vnd.docker.multiplexed-stream"


@pytest.mark.parametrize(
    ("version", "multiplexed", "headers", "status", "content_type"),
    [
        ("1.50", True, UPGRADE, 101, FRAMED),
        ("1.42", True, UPGRADE, 101, FRAMED),
        ("1.41", True, UPGRADE, 101, RAW),
        ("1.50", False, UPGRADE, 101, RAW),
        ("1.50", True, {}, 200, RAW),
        ("1.50", False, {}, 200, RAW),
    ],
)
@runs
async def test_attach_names_the_kind_of_its_stream(
    version: str, multiplexed: bool, headers: dict[str, str], status: int, content_type: str
) -> None:
    fakes = Fakes()
    fakes.streams.attachment = FakeAttachment(multiplexed=multiplexed)
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", f"/v{version}/containers/x/attach?stream=1&stdout=1", b"", headers)
        head = await client.head()
        assert (head.status, head.headers["content-type"]) == (status, content_type)
        client.half_close()
        assert await client.read_to_end() == b"hello\n"


@runs
async def test_attach_reads_its_parameters() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        query = "stdin=1&stdout=1&stderr=1&logs=0&stream=true&detachKeys=ctrl-x"
        client.send_request("POST", f"/containers/x/attach?{query}", b"", UPGRADE)
        await client.head()
        options = AttachOptions(stdin=True, stdout=True, stderr=True, stream=True, detach_keys="ctrl-x")
        assert fakes.streams.last == ("attach", "x", options)
        client.send(b"typed")
        client.half_close()
        assert await client.read_to_end() == b"hello\ntyped"


@pytest.mark.parametrize("error", [NotFoundError("No such container: x"), ConflictError("paused")])
@runs
async def test_an_attach_that_cannot_be_is_an_ordinary_error(error: Exception) -> None:
    fakes = Fakes()
    fakes.streams.fail("attach", error)
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request("POST", "/containers/x/attach", b"", UPGRADE)
        assert reply.status in (404, 409)
        assert reply.message == str(error)
        assert (await client.request("GET", "/_ping")).status == 200


@pytest.mark.parametrize(
    ("version", "multiplexed", "content_type"),
    [("1.50", True, FRAMED), ("1.41", True, RAW), ("1.50", False, RAW)],
)
@runs
async def test_logs_are_chunks_of_the_kind_they_say(
    version: str, multiplexed: bool, content_type: str
) -> None:
    fakes = Fakes()
    fakes.streams.log = FakeLogs(multiplexed=multiplexed, pieces=[b"one", b"two"])
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("GET", f"/v{version}/containers/x/logs?stdout=1")
        head = await client.head()
        assert (head.headers["content-type"], head.headers["transfer-encoding"]) == (content_type, "chunked")
        assert [chunk async for chunk in client.chunks()] == [b"one", b"two"]


@runs
async def test_logs_read_their_parameters() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        query = "stdout=1&stderr=1&since=1.5&until=2&timestamps=1&follow=1&details=1&tail=10"
        await (await harness.client()).request("GET", f"/containers/x/logs?{query}")
        assert fakes.streams.last == (
            "logs",
            "x",
            LogQuery(
                stdout=True,
                stderr=True,
                since="1.5",
                until="2",
                timestamps=True,
                follow=True,
                details=True,
                tail="10",
            ),
        )


@runs
async def test_logs_of_no_stream_are_a_400() -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", "/containers/x/logs?follow=1")
        assert (reply.status, reply.message) == (
            400,
            "Bad parameters: you must choose at least one stream",
        )


@pytest.mark.parametrize(
    ("target", "service", "call"),
    [
        ("/containers/x/resize?h=24&w=80", "streams", ("resize", "x", 24, 80)),
        (f"/exec/{ID}/resize?w=1&h=4294967295", "execs", ("resize", ID, 4294967295, 1)),
    ],
)
@runs
async def test_resize_answers_200_without_a_word(target: str, service: str, call: tuple[object, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("POST", target)
        assert (reply.status, reply.headers["content-length"]) == (200, "0")
        assert getattr(fakes, service).last == call


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("h=x&w=1", 'invalid resize height "x": invalid syntax'),
        ("h=1", 'invalid resize width "": invalid syntax'),
        ("h=-1&w=1", 'invalid resize height "-1": invalid syntax'),
        ("h=1&w=4294967296", 'invalid resize width "4294967296": value out of range'),
        ("h=1&w=" + "9" * 5000, 'invalid resize width "' + "9" * 5000 + '": value out of range'),
    ],
)
@runs
async def test_resize_to_no_size_is_a_400(query: str, message: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("POST", f"/containers/x/resize?{query}")
        assert (reply.status, reply.message) == (400, message)


@runs
async def test_exec_create_answers_201() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        body = {"Cmd": ["true"], "AttachStdout": True, "ConsoleSize": [24, 80], "Env": None}
        reply = await (await harness.client()).post_json("/v1.50/containers/x/exec", body)
        assert (reply.status, reply.json) == (201, {"Id": ID})
        assert fakes.execs.created is not None
        assert fakes.execs.created.cmd == ["true"]
        assert fakes.execs.created.console_size == [24, 80]


@pytest.mark.parametrize("tty", [False, True])
@runs
async def test_exec_start_reads_its_body_and_hands_over_what_follows(tty: bool) -> None:
    fakes = Fakes()
    fakes.execs.attachment = FakeAttachment(multiplexed=not tty)
    async with fakes.serving() as harness:
        client = await harness.client()
        body = b'{"Detach":false,"Tty":true}' if tty else b'{"Detach":false,"Tty":false}'
        headers = {"Content-Type": "application/json", **UPGRADE}
        client.send(request_bytes("POST", f"/v1.50/exec/{ID}/start", body, headers) + b"early")
        head = await client.head()
        assert (head.status, head.headers["content-type"]) == (101, RAW if tty else FRAMED)
        client.half_close()
        assert await client.read_to_end() == b"hello\nearly"
        assert fakes.execs.started is not None
        assert fakes.execs.started.tty is tty


@runs
async def test_the_head_of_exec_start_is_sent_before_the_process_runs() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", f"/exec/{ID}/start", b"{}", {"Content-Type": "application/json"})
        block = await client.reader.readuntil(b"\r\n\r\n")
        assert block.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await client.reader.readexactly(6) == b"hello\n"
        assert fakes.execs.attachment.ran


@runs
async def test_a_detached_exec_start_is_200_and_empty() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).post_json(f"/exec/{ID}/start", {"Detach": True})
        assert (reply.status, reply.headers["content-length"]) == (200, "0")
        assert not fakes.execs.attachment.ran


@runs
async def test_exec_inspect_has_null_for_an_exit_code_to_come() -> None:
    async with Fakes().serving() as harness:
        found = (await (await harness.client()).request("GET", f"/exec/{ID}/json")).json
        assert found["ExitCode"] is None
        assert found["ProcessConfig"]["entrypoint"] == "true"


@runs
async def test_a_missing_exec_is_an_ordinary_error() -> None:
    fakes = Fakes()
    fakes.execs.fail("start", NotFoundError("No such exec instance: x"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).post_json("/exec/x/start", {}, UPGRADE)
        assert (reply.status, reply.message) == (404, "No such exec instance: x")
