"""The endpoints of containers' files: what they ask of the engine, and what they make of its answers."""

import base64
import gzip
import json
from typing import Any

import pytest

from scow.errors import NotFoundError
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.files import CommitOptions
from tests.unit.api.api_fakes import IMAGE_ID, Fakes
from tests.unit.api.api_wire import runs


@runs
async def test_what_is_told_of_a_file() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        for method, body in (("HEAD", b""), ("GET", b"a tar")):
            reply = await client.request(method, "/v1.41/containers/box/archive?path=%2Fetc%2F.")
            told = json.loads(base64.b64decode(reply.headers["x-docker-container-path-stat"]))
            assert (reply.status, reply.body) == (200, body)
            assert told == {
                "name": "x",
                "size": 1,
                "mode": 420,
                "mtime": "2026-01-01T00:00:00Z",
                "linkTarget": "",
            }
        assert fakes.files.calls == [("stat", "box", "/etc/."), ("archive", "box", "/etc/.")]


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {"keep_kinds": False, "copy_owner": False}),
        ("&noOverwriteDirNonDir=true&copyUIDGID=1", {"keep_kinds": True, "copy_owner": True}),
    ],
)
@runs
async def test_an_upload(query: str, options: dict[str, bool]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        headers = {"Content-Encoding": "gzip"}
        target = f"/containers/box/archive?path=/tmp{query}"
        reply = await client.request("PUT", target, gzip.compress(b"tar"), headers=headers)
        assert (reply.status, reply.body) == (200, b"")
        assert fakes.files.last == ("extract", "box", "/tmp", b"tar", options)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@runs
async def test_a_path_is_needed(method: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request(method, "/containers/box/archive")
        assert (reply.status, reply.json["message"]) == (400, "bad parameter: path cannot be empty")


@runs
async def test_no_changes_are_null_and_an_export_streams() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        assert (await client.request("GET", "/containers/box/changes")).body == b"null\n"
        reply = await client.request("GET", "/containers/box/export")
        assert (reply.body, reply.headers["content-type"]) == (b"a tar", "application/octet-stream")
        fakes.files.fail("export", NotFoundError("No such container: box"))
        assert (await client.request("GET", "/containers/box/export")).status == 404


@pytest.mark.parametrize(
    ("query", "body", "options"),
    [
        ("", None, CommitOptions()),
        ("", b"null", CommitOptions()),
        ("&pause=0&repo=r&tag=t&author=a&comment=c", {}, CommitOptions("r", "t", "c", "a", pause=False)),
        ("&changes=USER%20x&changes=CMD%20y", {"Cmd": ["z"]},
         CommitOptions(changes=["USER x", "CMD y"], config=ContainerConfig(cmd=["z"]))),
    ],
)  # fmt: skip
@runs
async def test_a_commit(query: str, body: Any, options: CommitOptions) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        client = await harness.client()
        reply = await client.request("POST", f"/commit?container=box{query}", data or b"", headers=headers)
        assert (reply.status, reply.json) == (201, {"Id": IMAGE_ID})
        asked = fakes.commits.last[2]
        assert (asked.repo, asked.tag, asked.comment, asked.author) == (
            options.repo, options.tag, options.comment, options.author,
        )  # fmt: skip
        assert (list(asked.changes), asked.pause, asked.config) == (
            list(options.changes), options.pause, options.config,
        )  # fmt: skip
