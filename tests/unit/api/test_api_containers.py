import asyncio
from typing import Any

import msgspec
import pytest

from scow.errors import NotFoundError
from scow.spec.engine_api.container_views import WaitError, WaitResult
from scow.spec.filters import Filters
from tests.unit.api.api_fakes import ID, Fakes
from tests.unit.api.api_wire import runs, until


@runs
async def test_create_answers_201_with_the_id() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.post_json(
            "/v1.50/containers/create?name=web&platform=linux/amd64", {"Image": "x"}
        )
        assert (reply.status, reply.json) == (201, {"Id": ID, "Warnings": []})
        assert fakes.containers.last == ("create", "web", "linux/amd64")


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ("", (False, 0, False, Filters())),
        ("?all=1&size=True&limit=3", (True, 3, True, Filters())),
        ("?all=0&limit=-1&trunc_cmd=0", (False, -1, False, Filters())),
        ('?filters={"label":["a=b","c"]}', (False, 0, False, Filters({"label": ["a=b", "c"]}))),
        ('?filters={"label":{"a=b":true}}', (False, 0, False, Filters({"label": ["a=b"]}))),
        ("?before=web", (False, 0, False, Filters({"before": ["web"]}))),
    ],
)
@runs
async def test_list_reads_its_parameters(query: str, call: tuple[Any, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        query = query.replace("{", "%7B").replace("}", "%7D").replace('"', "%22")
        reply = await (await harness.client()).request("GET", f"/containers/json{query}")
        assert reply.json[0]["Id"] == ID
        assert fakes.containers.last == ("list", *call)


@pytest.mark.parametrize("name", [ID, "web", "a/b", "w%20x"])
@runs
async def test_inspect_takes_any_name(name: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", f"/v1.50/containers/{name}/json?size=1")
        assert reply.json["Name"] == "/eager_fake"
        assert fakes.containers.last == ("inspect", name.replace("%20", " "), True)


@pytest.mark.parametrize(
    ("method", "target", "service", "call"),
    [
        ("POST", "/containers/x/start", "lifecycle", ("start", "x")),
        ("POST", "/containers/x/start?detachKeys=", "lifecycle", ("start", "x")),
        ("POST", "/containers/x/stop", "lifecycle", ("stop", "x", None, None)),
        ("POST", "/containers/x/stop?t=-1&signal=HUP", "lifecycle", ("stop", "x", -1, "HUP")),
        ("POST", "/v1.41/containers/x/stop?t=3&signal=HUP", "lifecycle", ("stop", "x", 3, None)),
        ("POST", "/containers/x/restart?t=0&signal=9", "lifecycle", ("restart", "x", 0, "9")),
        ("POST", "/containers/x/kill", "lifecycle", ("kill", "x", "SIGKILL")),
        ("POST", "/containers/x/kill?signal=9", "lifecycle", ("kill", "x", "9")),
        ("POST", "/containers/x/pause", "lifecycle", ("pause", "x")),
        ("POST", "/containers/x/unpause", "lifecycle", ("unpause", "x")),
        ("POST", "/containers/x/rename?name=y", "containers", ("rename", "x", "y")),
        ("DELETE", "/containers/x", "containers", ("remove", "x", False, False, False)),
        ("DELETE", "/containers/x?force=True&v=1&link=1", "containers", ("remove", "x", True, True, True)),
        ("DELETE", "/containers/x/alias?link=1", "containers", ("remove", "x/alias", False, False, True)),
    ],
)
@runs
async def test_verbs_answer_204(method: str, target: str, service: str, call: tuple[Any, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request(method, target)
        assert reply.status == 204
        assert "content-length" not in reply.headers
        assert getattr(fakes, service).last == call


@runs
async def test_top_passes_the_arguments_of_ps() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", "/containers/x/top?ps_args=-eo+pid,cmd")
        assert reply.json == {"Titles": ["PID", "CMD"], "Processes": [["1", "sleep 60"]]}
        assert fakes.containers.last == ("top", "x", "-eo pid,cmd")


@runs
async def test_wait_sends_its_head_before_it_waits() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", "/v1.50/containers/x/wait?condition=next-exit")
        head = await client.head()
        assert (head.status, head.headers["transfer-encoding"]) == (200, "chunked")
        assert head.headers["content-type"] == "application/json"
        assert fakes.lifecycle.last == ("wait", "x", "next-exit")
        assert fakes.lifecycle.ended is not None
        fakes.lifecycle.ended.set_result(WaitResult(status_code=7))
        assert b"".join([chunk async for chunk in client.chunks()]) == b'{"StatusCode":7}\n'


@pytest.mark.parametrize(
    ("version", "result", "answer"),
    [
        ("1.41", WaitResult(status_code=0), {"Error": None, "StatusCode": 0}),
        (
            "1.50",
            WaitResult(status_code=127, error=WaitError(message="no")),
            {"StatusCode": 127, "Error": {"Message": "no"}},
        ),
    ],
)
@runs
async def test_wait_tells_how_it_ended(version: str, result: WaitResult, answer: object) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", f"/v{version}/containers/x/wait")
        await client.head()
        assert fakes.lifecycle.ended is not None
        fakes.lifecycle.ended.set_result(result)
        assert msgspec.json.decode(await client.chunk()) == answer


@runs
async def test_wait_for_what_is_not_there_is_a_404() -> None:
    fakes = Fakes()
    fakes.lifecycle.fail("wait", NotFoundError("No such container: x"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("POST", "/containers/x/wait")
        assert (reply.status, reply.message) == (404, "No such container: x")


@runs
async def test_wait_for_an_unknown_condition_is_a_400() -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("POST", "/containers/x/wait?condition=bogus")
        assert (reply.status, reply.message) == (400, 'invalid condition: "bogus"')


@runs
async def test_a_waiter_that_leaves_gives_its_wait_up() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", "/containers/x/wait")
        await client.head()
        client.close()
        ended = fakes.lifecycle.ended
        assert ended is not None
        await until(ended.cancelled)


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "kill", "pause", "unpause"])
@runs
async def test_a_verb_finishes_though_its_client_leaves(verb: str) -> None:
    fakes = Fakes()
    fakes.lifecycle.gate = asyncio.Event()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("POST", f"/containers/x/{verb}")
        await until(lambda: fakes.lifecycle.calls)
        client.close()
        await until(lambda: not harness.server._shared.connections)
        fakes.lifecycle.gate.set()
        await until(lambda: harness.server.in_progress == 0)
        assert fakes.lifecycle.last == (f"{verb} finished",)
