import json
from typing import Any

import msgspec
import pytest

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.disk_usage import DiskUsage
from scow.spec.engine_api.network import IPAM, EndpointSettings, IPAMPool, NetworkCreate
from scow.spec.engine_api.volume import VolumeCreate, VolumeUsage
from scow.spec.filters import Filters
from tests.unit.api.api_fakes import ID, IMAGE_ID, Fakes, event, image_summary, summary, volume
from tests.unit.api.api_wire import runs, until


@pytest.mark.parametrize("target", ["/_ping", "/v1.24/_ping"])
@runs
async def test_ping_says_ok_and_is_never_cached(target: str) -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        reply = await client.request("GET", target)
        assert (reply.status, reply.body) == (200, b"OK")
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert reply.headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert reply.headers["pragma"] == "no-cache"
        assert reply.headers["swarm"] == "inactive"
        # A value of 2 would send command lines to a builder that is not there.
        assert reply.headers["builder-version"] == "2"


@runs
async def test_ping_by_head_has_no_body() -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        reply = await client.request("HEAD", "/_ping")
        assert (reply.status, reply.headers["content-length"]) == (200, "0")
        assert reply.headers["api-version"] == "1.55"
        assert (await client.request("GET", "/_ping")).body == b"OK"


@runs
async def test_version_and_info_are_json() -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        assert (await client.request("GET", "/version")).json["ApiVersion"] == "1.55"
        reply = await client.request("GET", "/v1.49/info")
        assert reply.json["BridgeNfIptables"] is True
        assert reply.body.endswith(b"}\n")
        assert "BridgeNfIptables" not in (await client.request("GET", "/v1.50/info")).json


@runs
async def test_events_come_one_a_chunk_as_they_happen() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        filters = msgspec.json.encode({"type": ["container"]}).decode().replace('"', "%22")
        client.send_request("GET", f"/v1.50/events?since=1&until=2&filters={filters}")
        head = await client.head()
        assert (head.headers["content-type"], head.headers["transfer-encoding"]) == (
            "application/json",
            "chunked",
        )
        assert fakes.system.last == ("events", "1", "2", Filters({"type": ["container"]}))
        for action in ("create", "start"):
            fakes.system.queue.put_nowait(event(action))
            line = await client.chunk()
            assert line.endswith(b"}\n")
            found = msgspec.json.decode(line)
            assert (found["status"], found["Action"], found["from"]) == (action, action, "busybox")
        fakes.system.queue.put_nowait(None)
        assert await client.chunk() == b""


@pytest.mark.parametrize(
    ("accept", "content_type", "first_byte"),
    [
        ("", "application/jsonl", b"{"),
        ("*/*", "application/jsonl", b"{"),
        ("application/json-seq", "application/json-seq", b"\x1e"),
        ("application/json-seq, application/x-ndjson", "application/x-ndjson", b"{"),
        ("application/jsonl;q=0.1, application/json-seq; q=0.9", "application/json-seq", b"\x1e"),
    ],
)
@runs
async def test_new_clients_choose_the_kind_of_event_stream(
    accept: str, content_type: str, first_byte: bytes
) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("GET", "/v1.52/events", headers={"Accept": accept})
        assert (await client.head()).headers["content-type"] == content_type
        fakes.system.queue.put_nowait(event("die"))
        line = await client.chunk()
        assert line[:1] == first_byte
        assert not {"status", "id", "from"} & set(msgspec.json.decode(line.strip(b"\x1e")))


@runs
async def test_the_python_compose_is_told_of_a_version_that_it_understands() -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        agent = {"User-Agent": "docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1"}
        assert (await client.request("GET", "/version", headers=agent)).json["ApiVersion"] == "1.44"


@pytest.mark.parametrize(("version", "first"), [("1.45", "tag"), ("1.46", "create")])
@runs
async def test_old_clients_are_not_told_that_an_image_was_made(version: str, first: str) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("GET", f"/v{version}/events")
        await client.head()
        for action in ("create", "tag"):
            made = event(action)
            made.type = "image"
            fakes.system.queue.put_nowait(made)
        assert msgspec.json.decode(await client.chunk())["Action"] == first


@runs
async def test_a_follower_of_events_that_leaves_is_let_go_at_once() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send_request("GET", "/events")
        await client.head()
        await until(lambda: fakes.system.followers)
        client.close()
        await until(lambda: not fakes.system.followers)


@runs
async def test_bad_times_are_a_status_and_no_stream() -> None:
    fakes = Fakes()
    fakes.system.fail("events", InvalidArgumentError('failed to parse value as time: "x"'))
    async with fakes.serving() as harness:
        assert (await (await harness.client()).request("GET", "/events?since=x")).status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/swarm"),
        ("GET", "/nodes"),
        ("GET", "/services"),
        ("GET", "/services/x"),
        ("POST", "/services/create"),
        ("POST", "/services/x/update"),
        ("GET", "/tasks"),
        ("GET", "/secrets"),
        ("POST", "/secrets/create"),
        ("DELETE", "/configs/x"),
        ("GET", "/v1.50/services?filters=%7B%7D"),
    ],
)
@runs
async def test_without_a_swarm_its_objects_are_503(method: str, target: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request(method, target)
        assert (reply.status, reply.message) == (
            503,
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
            "to connect this node to swarm and try again.",
        )


@runs
async def test_leaving_no_swarm_is_503() -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("POST", "/swarm/leave?force=True")
        assert (reply.status, reply.message) == (503, "This node is not part of a swarm")


@pytest.mark.parametrize(
    ("method", "target", "status", "call"),
    [
        ("GET", "/volumes", 200, ("list", Filters())),
        ("GET", "/volumes/v", 200, ("inspect", "v")),
        ("DELETE", "/volumes/v?force=1", 204, ("remove", "v", True)),
        ("POST", "/volumes/prune", 200, ("prune", Filters())),
        ("POST", "/v1.42/volumes/prune", 200, ("prune", Filters())),
        ("POST", "/v1.41/volumes/prune", 200, ("prune", Filters({"all": ["true"]}))),
        ("POST", "/volumes/create", 201, ("create", VolumeCreate())),
    ],
)
@runs
async def test_volumes(method: str, target: str, status: int, call: tuple[Any, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request(method, target)
        assert reply.status == status
        assert fakes.volumes.last == call


@runs
async def test_a_volume_is_created_as_asked() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        body = {"Name": "v", "Labels": {"a": "b"}, "DriverOpts": None}
        reply = await (await harness.client()).post_json("/volumes/create", body)
        assert (reply.status, reply.json["Name"]) == (201, "v")
        assert fakes.volumes.last == ("create", VolumeCreate(name="v", labels={"a": "b"}))


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("/networks", ("list", Filters())),
        ("/networks/", ("list", Filters())),
        ("/networks/test%2001", ("inspect", "test 01", "")),
        (f"/networks/{ID}?verbose=1&scope=local", ("inspect", ID, "local")),
    ],
)
@runs
async def test_networks(target: str, call: tuple[Any, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", target)
        assert reply.status == 200
        assert fakes.networks.last == call


# What is on disk, and what nobody uses


def on_disk() -> DiskUsage:
    used, unused = image_summary(), image_summary()
    used.size, used.shared_size, used.containers = 30, 10, 1
    unused.size, unused.shared_size, unused.containers = 20, 10, 0
    running, stopped = summary(), summary()
    running.size_rw, stopped.size_rw, stopped.state = 7, 5, "exited"
    volumes = [volume("a"), volume("b")]
    volumes[0].usage_data = VolumeUsage(size=3, ref_count=1)
    volumes[1].usage_data = VolumeUsage(size=4, ref_count=0)
    return DiskUsage(
        layers_size=40,
        images=[used, unused],
        containers=[running, stopped],
        volumes=volumes,
        build_cache=[],
    )


@pytest.mark.parametrize(
    ("version", "has", "has_not"),
    [
        ("1.24", {"BuilderSize"}, {"ImageUsage"}),
        ("1.41", {"BuilderSize"}, {"ImageUsage"}),
        ("1.42", set(), {"BuilderSize", "ImageUsage"}),
        ("1.51", set(), {"ImageUsage"}),
        ("1.55", {"ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"}, {"BuilderSize"}),
    ],
)
@runs
async def test_disk_usage_of_each_version(version: str, has: set[str], has_not: set[str]) -> None:
    fakes = Fakes()
    fakes.disk_usage.found = on_disk()
    async with fakes.serving() as harness:
        found = (await (await harness.client()).request("GET", f"/v{version}/system/df")).json
        assert {"LayersSize", "Images", "Containers", "Volumes", "BuildCache"} | has <= found.keys()
        assert not has_not & found.keys()
        assert found["Images"][0].get("VirtualSize") == (30 if version in ("1.24", "1.41", "1.42") else None)
        assert [it["Containers"] for it in found["Images"]] == [1, 0]
        assert found["Volumes"][0]["UsageData"] == {"Size": 3, "RefCount": 1}


@runs
async def test_totals_of_disk_usage() -> None:
    fakes = Fakes()
    fakes.disk_usage.found = on_disk()
    async with fakes.serving() as harness:
        found = (await (await harness.client()).request("GET", "/v1.52/system/df?verbose=1")).json
        assert found.keys() == {"ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"}
        totals = {
            kind: [usage.get(key) for key in ("TotalCount", "ActiveCount", "TotalSize", "Reclaimable")]
            for kind, usage in found.items()
        }
        assert totals == {
            "ImageUsage": [2, 1, 40, 10],
            "ContainerUsage": [2, 1, 12, 5],
            "VolumeUsage": [2, 1, 7, 4],
            "BuildCacheUsage": [None, None, None, None],
        }
        assert len(found["ImageUsage"]["Items"]) == 2


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ("/system/df", ("build-cache", "container", "image", "volume")),
        ("/v1.41/system/df?type=image", ("build-cache", "container", "image", "volume")),
        ("/v1.42/system/df?type=image&type=volume", ("image", "volume")),
    ],
)
@runs
async def test_kinds_of_disk_usage(target: str, kinds: tuple[str, ...]) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        assert (await client.request("GET", target)).json in ({}, {"BuilderSize": 0})
        assert fakes.disk_usage.last == ("usage", *kinds)
        reply = await client.request("GET", "/system/df?type=secret")
        assert (reply.status, reply.message) == (400, "unknown object type: secret")


@runs
async def test_networks_are_made_connected_and_removed() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        body = {"Name": "front", "EnableIPv4": False, "IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}}
        reply = await client.post_json("/v1.48/networks/create", body)
        assert (reply.status, reply.json) == (201, {"Id": ID, "Warning": ""})
        ipam = IPAM(config=[IPAMPool(subnet="10.0.0.0/8")])
        assert fakes.networks.last == ("create", NetworkCreate(name="front", enable_ipv4=False, ipam=ipam))
        await client.post_json("/v1.47/networks/create", body)
        assert fakes.networks.last == ("create", NetworkCreate(name="front", ipam=ipam))
        body = {"Container": "c", "EndpointConfig": {"Aliases": ["db"], "GwPriority": 5}}
        assert (await client.post_json("/v1.48/networks/test%2001/connect", body)).status == 200
        settings = EndpointSettings(aliases=["db"], gw_priority=5)
        assert fakes.connections.last == ("connect", "test 01", "c", settings)
        reply = await client.post_json("/networks/front/disconnect", {"Container": "c", "Force": True})
        assert reply.status == 200
        assert fakes.connections.last == ("disconnect", "front", "c", True)
        assert (await client.request("DELETE", "/networks/front")).status == 204
        assert fakes.networks.last == ("remove", "front")
        assert (await client.request("POST", "/networks/prune")).json == {"NetworksDeleted": None}


@runs
async def test_prunes() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        filters = "filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D"
        reply = await client.request("POST", f"/images/prune?{filters}")
        assert reply.json == {"ImagesDeleted": [{"Deleted": IMAGE_ID}], "SpaceReclaimed": 5}
        assert fakes.prunes.last == ("images", Filters({"dangling": ["false"]}))
        reply = await client.request("POST", "/build/prune?all=1&keep-storage=10")
        assert reply.json == {"CachesDeleted": None, "SpaceReclaimed": 0}
        assert (await client.request("POST", "/build/prune?keep-storage=x")).status == 400


@pytest.mark.parametrize(
    ("method", "target", "status", "message"),
    [
        ("GET", "/plugins/x/json", 404, 'plugin "x" not found'),
        ("POST", "/plugins/x/enable?timeout=1", 404, 'plugin "x" not found'),
        ("DELETE", "/plugins/vieux/sshfs:latest", 404, 'plugin "vieux/sshfs:latest" not found'),
        ("POST", "/plugins/pull?remote=x", 501, "cannot install a plugin: this engine does not run plugins"),
    ],
)
@runs
async def test_there_are_no_plugins(method: str, target: str, status: int, message: str) -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        assert (await client.request("GET", "/plugins")).json == []
        reply = await client.request(method, target)
        assert (reply.status, reply.message) == (status, message)


@runs
async def test_a_search_has_a_limit_above_nothing() -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", "/images/search?term=busybox&limit=-1")
        assert (reply.status, reply.message) == (400, "invalid limit specified")


@pytest.mark.parametrize("repair", [False, True])
@runs
async def test_a_check_tells_what_it_finds_and_what_it_looked_at(repair: bool) -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        reply = await client.request("POST", f"/system/check?repair={int(repair)}")
        assert [json.loads(line) for line in reply.body.splitlines()] == [
            {"Kind": "layer", "Subject": "sha256:1", "Detail": "is damaged", "Repaired": repair},
            {"Images": 1, "Layers": 2, "Size": 3, "Containers": 4},
        ]
