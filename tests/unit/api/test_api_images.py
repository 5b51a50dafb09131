import gzip
from typing import Any

import msgspec
import pytest

from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.filters import Filters
from tests.unit.api.api_fakes import IMAGE_ID, Fakes
from tests.unit.api.api_wire import runs


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("/images/json", (False, Filters(), False, False)),
        ("/images/json?all=1&shared-size=1&digests=1", (True, Filters(), True, True)),
        ("/v1.40/images/json?filter=busy*", (False, Filters({"reference": ["busy*"]}), False, False)),
        ("/v1.41/images/json?filter=busy*", (False, Filters(), False, False)),
    ],
)
@runs
async def test_list_reads_its_parameters(target: str, call: tuple[Any, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", target)
        assert reply.json[0]["Id"] == IMAGE_ID
        assert fakes.images.last == ("list", *call)


@pytest.mark.parametrize(
    "name",
    ["busybox", "busybox:latest", "a/b/c:1", "localhost:5000/a/b", f"a/b@{IMAGE_ID}", "json/json", "load"],
)
@runs
async def test_names_may_have_slashes_tags_and_digests(name: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        assert (await client.request("GET", f"/v1.50/images/{name}/json")).json["Id"] == IMAGE_ID
        assert fakes.images.last == ("inspect", name)
        assert (await client.request("GET", f"/images/{name}/history")).json[0]["CreatedBy"] == "x"
        assert fakes.images.last == ("history", name)
        reply = await client.request("POST", f"/images/{name}/tag?repo=r/x&tag=1")
        assert (reply.status, reply.headers["content-length"]) == (201, "0")
        assert fakes.images.last == ("tag", name, "r/x", "1")
        reply = await client.request("DELETE", f"/images/{name}?force=1&noprune=0")
        assert reply.json == [{"Untagged": "busybox:latest"}, {"Deleted": IMAGE_ID}]
        assert fakes.images.last == ("delete", name, True, False)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("coding", ["", "gzip"])
@runs
async def test_load_streams_the_body_in_and_progress_out(chunked: bool, coding: str) -> None:
    fakes = Fakes()
    fakes.images.progress = [{"stream": "Loaded image: x:latest\n"}]
    archive = bytes(range(256)) * 5000
    wire = gzip.compress(archive) if coding else archive
    async with fakes.serving() as harness:
        client = await harness.client()
        lines = ["POST /v1.50/images/load?quiet=1 HTTP/1.1", f"Content-Encoding: {coding}"]
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(wire)}")
        client.send("\r\n".join([*lines, "", ""]).encode())
        client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(wire), wire) if chunked else wire)
        head = await client.head()
        assert head.headers["transfer-encoding"] == "chunked"
        assert [chunk async for chunk in client.chunks()] == [b'{"stream":"Loaded image: x:latest\\n"}\r\n']
        assert fakes.images.received == archive
        assert fakes.images.last == ("load", True)


@runs
async def test_a_load_that_fails_on_the_way_ends_with_an_error_object() -> None:
    fakes = Fakes()
    fakes.images.progress = [{"status": "Loading"}, InvalidArgumentError("unexpected EOF")]
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request("POST", "/images/load", b"junk")
        assert reply.status == 200
        assert [msgspec.json.decode(line) for line in reply.body.split(b"\r\n")[:-1]] == [
            {"status": "Loading"},
            {"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"},
        ]
        assert (await client.request("GET", "/_ping")).status == 200


@runs
async def test_a_bug_on_the_way_ends_with_an_error_object_too(caplog: pytest.LogCaptureFixture) -> None:
    fakes = Fakes()
    fakes.images.progress = [ZeroDivisionError("x")]
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("POST", "/images/load", b"junk")
        assert msgspec.json.decode(reply.body)["error"] == "ZeroDivisionError: x"
    assert "Traceback" in caplog.text


@runs
async def test_a_load_that_fails_at_once_is_a_status() -> None:
    fakes = Fakes()
    fakes.images.fail("load", InvalidArgumentError("no"))
    async with fakes.serving() as harness:
        assert (await (await harness.client()).request("POST", "/images/load", b"x")).status == 400


@runs
async def test_import_reads_its_parameters_and_body() -> None:
    fakes = Fakes()
    fakes.images.progress = [{"status": IMAGE_ID}]
    async with fakes.serving() as harness:
        query = "fromSrc=-&repo=a/b&tag=1&message=hi&platform=linux"
        changes = "changes=EXPOSE+8000&changes=CMD+%5B%22sh%22%5D"
        client = await harness.client()
        reply = await client.request("POST", f"/images/create?{query}&{changes}", b"tar")
        assert msgspec.json.decode(reply.body) == {"status": IMAGE_ID}
        assert fakes.images.received == b"tar"
        assert fakes.images.last == (
            "import",
            {
                "repo": "a/b",
                "tag": "1",
                "message": "hi",
                "changes": ["EXPOSE 8000", 'CMD ["sh"]'],
                "platform": "linux",
            },
        )


@runs
async def test_an_import_from_an_address_is_fetched() -> None:
    fakes = Fakes()
    fakes.images.progress = [{"status": IMAGE_ID}]
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request("POST", "/images/create?fromSrc=http://x/y.tar")
        assert msgspec.json.decode(reply.body) == {"status": IMAGE_ID}
        assert fakes.images.received == b"from the web"


@runs
async def test_pull_and_push_ask_the_registries() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        auth = {"X-Registry-Auth": "eyJ1c2VybmFtZSI6Im1lIn0="}
        target = "/images/create?fromImage=a/b&tag=1&platform=linux"
        reply = await client.request("POST", target, headers=auth)
        assert reply.body == b'{"status":"pulled a/b"}\r\n'
        assert (await client.request("POST", "/images/a/b/push?tag=1")).body == b'{"status":"pushed a/b"}\r\n'
        assert fakes.registries.calls == [
            ("pull", "a/b", "1", "linux", AuthConfig(username="me")),
            ("push", "a/b", "1", AuthConfig(), None),
        ]


@runs
async def test_a_missing_image_is_a_404() -> None:
    fakes = Fakes()
    fakes.images.fail("inspect", NotFoundError("No such image: nope:latest"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", "/images/nope/json")
        assert (reply.status, reply.message) == (404, "No such image: nope:latest")
