"""Update, prune and checkpoints of containers."""

import pytest

from scow.spec.filters import Filters
from tests.unit.api.api_fakes import ID, Fakes
from tests.unit.api.api_wire import runs

DEVICE = [{"Path": "/dev/sda", "Weight": 100}]


@pytest.mark.parametrize(
    ("version", "pids", "devices"), [("1.39", None, False), ("1.40", 7, False), ("1.55", 7, True)]
)
@runs
async def test_update_drops_what_its_version_did_not_know(
    version: str, pids: int | None, devices: bool
) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        body = {
            "Memory": 1 << 27,
            "PidsLimit": 7,
            "BlkioWeightDevice": DEVICE,
            "RestartPolicy": {"Name": "no"},
        }
        client = await harness.client()
        reply = await client.post_json(f"/v{version}/containers/web/update", body)
        assert (reply.status, reply.json) == (200, {"Warnings": None})
        verb, name, asked = fakes.updates.last
        assert (verb, name, asked.memory, asked.restart_policy.name) == ("update", "web", 1 << 27, "no")
        assert (asked.pids_limit, bool(asked.blkio_weight_device)) == (pids, devices)


@runs
async def test_prune_passes_filters_and_tells_what_went() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        target = "/containers/prune?filters=%7B%22until%22:%5B%2210m%22%5D%7D"
        reply = await client.request("POST", target)
        assert reply.json == {"ContainersDeleted": [ID], "SpaceReclaimed": 5}
        assert fakes.container_pruning.last == ("prune", Filters({"until": ["10m"]}))


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/containers/web/checkpoints"),
        ("POST", "/containers/web/checkpoints"),
        ("DELETE", "/containers/web/checkpoints/one"),
    ],
)
@runs
async def test_checkpoints_need_an_experimental_engine(method: str, target: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request(method, target)
        assert reply.status == 501
        assert reply.json["message"].startswith("This experimental feature is disabled by default.")
        assert fakes.containers.calls == []
