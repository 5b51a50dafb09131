"""``/scow/binfmt``: what is asked of the service, and what it is asked with."""

import json

import pytest

from scow.spec.engine_api.binfmt import EmulatorsWanted
from tests.unit.api.api_fakes import Fakes
from tests.unit.api.api_wire import runs


@runs
async def test_what_there_is() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", "/v1.50/scow/binfmt")
        assert (reply.status, reply.json["Platforms"]) == (200, ["linux/amd64", "linux/arm/v7"])
        assert reply.json["Emulators"][0]["Status"] == "enabled"


@pytest.mark.parametrize("verb", ["install", "remove"])
@runs
async def test_what_is_changed(verb: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        data = json.dumps({"Architectures": ["arm"], "Force": True}).encode()
        headers = {"Content-Type": "application/json"}
        client = await harness.client()
        reply = await client.request("POST", f"/scow/binfmt/{verb}", data, headers=headers)
        assert (reply.status, reply.json["Changes"][0]["Name"]) == (200, "qemu-arm")
        assert fakes.emulators.last == (verb, EmulatorsWanted(architectures=["arm"], force=True))
