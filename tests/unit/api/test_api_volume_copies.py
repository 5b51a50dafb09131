"""``/scow/volumes/*``: what is asked of the services, and what they are asked with."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from scow.errors import ConflictError
from scow.spec.engine_api.volume import SnapshotCreate, VolumeClone
from tests.unit.api.api_fakes import Fakes
from tests.unit.api.api_wire import runs


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "service", "call"),
    [
        ("POST", "/scow/volumes/v@s/clone", {"Name": "n", "Pause": False}, 201, "volume_copies",
         ("clone", "v@s", VolumeClone(name="n", pause=False))),
        ("POST", "/scow/volumes/v/rename?name=n", None, 204, "volume_copies", ("rename", "v", "n")),
        ("GET", "/scow/volumes/v/export", None, 200, "volume_copies", ("export", "v", True)),
        ("GET", "/v1.50/scow/volumes/v%40s/export?pause=0", None, 200, "volume_copies",
         ("export", "v@s", False)),
        ("GET", "/scow/volumes/v/snapshots", None, 200, "volume_snapshots", ("list", "v")),
        ("POST", "/scow/volumes/v/snapshots", None, 201, "volume_snapshots",
         ("create", "v", SnapshotCreate())),
        ("POST", "/scow/volumes/v/snapshots", {"Name": "s", "Labels": {"a": "b"}}, 201, "volume_snapshots",
         ("create", "v", SnapshotCreate(name="s", labels={"a": "b"}))),
        ("DELETE", "/scow/volumes/v/snapshots?snapshot=s", None, 204, "volume_snapshots",
         ("remove", "v", "s")),
        ("POST", "/scow/volumes/v/restore?snapshot=s", None, 204, "volume_snapshots", ("restore", "v", "s")),
    ],
)  # fmt: skip
@runs
async def test_endpoints(
    method: str, target: str, body: Any, status: int, service: str, call: tuple[Any, ...]
) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        reply = await (await harness.client()).request(method, target, data, headers=headers)
        assert reply.status == status
        assert getattr(fakes, service).last == call


@runs
async def test_an_archive_comes_with_labels_and_options() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        labels, options = quote(json.dumps({"a": "b"})), quote(json.dumps({"size": "1g"}))
        target = f"/scow/volumes/v/import?labels={labels}&opts={options}"
        reply = await (await harness.client()).request("POST", target, b"a tar")
        assert (reply.status, reply.json["Name"]) == (201, "v")
        assert fakes.volume_copies.last == ("import", "v", b"a tar", {"a": "b"}, {"size": "1g"})


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/scow/volumes/v/clone"),
        ("POST", "/scow/volumes/v/restore"),
        ("DELETE", "/scow/volumes/v/snapshots"),
        ("POST", "/scow/volumes/v/import?labels=x"),
    ],
)
@runs
async def test_what_is_missing_or_wrong_is_400(method: str, target: str) -> None:
    async with Fakes().serving() as harness:
        assert (await (await harness.client()).request(method, target)).status == 400


@runs
async def test_refusals_have_their_status() -> None:
    fakes = Fakes()
    fakes.volume_copies.fail("rename", ConflictError("rename v: volume is in use - [x]"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("POST", "/scow/volumes/v/rename?name=n")
        assert (reply.status, reply.message) == (409, "rename v: volume is in use - [x]")
