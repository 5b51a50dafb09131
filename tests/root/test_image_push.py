"""Pushing to registries that break, refuse and forget: whole and right, or a reason and nothing named."""

import asyncio
import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from scow.distribution import transport, upload
from scow.errors import PermissionDeniedError, ScowError, UnauthenticatedError, UnavailableError
from scow.image.remote.progress import Progress, Pushed
from tests.support.archives import ArchiveImage, Layer, digest
from tests.support.hostile_registry import Asked, HostileRegistry, Reply
from tests.support.transfers import Transfers, with_transfers
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.root

DISK_SIZE = "64m"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr(upload, "_FIRST_BACKOFF_S", 0.001)


def one_layer(name: str, size: int = 3_000_000) -> ArchiveImage:
    layer = Layer()
    layer.file("big", os.urandom(size))
    return ArchiveImage([layer.data()], [name])


def push(disk: Path, image: ArchiveImage, name: str) -> list[Progress | Pushed]:
    async def work(engine: Transfers) -> list[Progress | Pushed]:
        await engine.load(image)
        return await engine.push(name)

    return with_transfers(disk, work)


def layers_of(registry: HostileRegistry, tag: str) -> list[bytes]:
    """The layers under ``tag``, unpacked."""
    manifest = json.loads(registry.manifests[tag][1])
    return [gzip.decompress(registry.blobs[layer["digest"]]) for layer in manifest["layers"]]


def test_what_arrives_is_what_was_sent(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"
    image = one_layer(name)
    told = push(disk, image, name)
    assert layers_of(registry, "1") == image.layers
    assert registry.blobs[image.id] == image.config_bytes()
    at = digest(registry.manifests["1"][1])
    assert told[-1] == Pushed("1", at, len(registry.manifests["1"][1]))
    statuses = [step.status for step in told if isinstance(step, Progress)]
    assert statuses[-2:] == ["Pushed", f"1: digest: {at} size: {len(registry.manifests['1'][1])}"]
    assert registry.uploads == {}


def test_a_broken_stream_goes_on_where_the_registry_has_it(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"
    image = one_layer(name)
    registry.take_bytes = 1_234_567
    push(disk, image, name)
    assert layers_of(registry, "1") == image.layers
    first, second = (asked for asked in registry.asked if asked.method == "PATCH")
    assert len(first.body) == 1_234_567
    blob = next(data for data in registry.blobs.values() if len(data) > 2_000_000)
    assert first.body + second.body == blob


def test_a_registry_that_forgot_gets_it_all_again(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"
    image = one_layer(name)
    registry.take_bytes = 500_000
    registry.rule = lambda asked: Reply(404) if asked.method == "GET" and "uploads" in asked.path else None
    push(disk, image, name)
    assert layers_of(registry, "1") == image.layers
    assert [asked.path.endswith("/1") for asked in registry.asked if asked.method == "PATCH"] == [False, True]


def test_a_lost_answer_to_the_last_request_is_no_failure(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"

    lost: list[str] = []

    def once(asked: Asked) -> Reply | None:
        if asked.method == "PUT" and "uploads" in asked.path and not lost:
            lost.append(asked.path)
            registry.honest(asked)
            return Reply(502)
        return None

    registry.rule = once
    image = one_layer(name)
    push(disk, image, name)
    assert layers_of(registry, "1") == image.layers


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_that_does_not_end_is_told(disk: Path, registry: HostileRegistry, status: int) -> None:
    name = f"{registry.address}/app:1"
    registry.rule = lambda asked: Reply(status) if asked.method == "PATCH" else None
    with pytest.raises(UnavailableError, match="toomanyrequests" if status == 429 else str(status)):
        push(disk, one_layer(name), name)
    assert registry.manifests == {}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(401), UnauthenticatedError, "401|unauthorized"),
        (
            Reply(
                403, b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
            ),
            PermissionDeniedError,
            "denied: requested access to the resource is denied",
        ),
        (Reply(202), ScowError, "did not say where to upload to"),
        (Reply(202, headers={"Location": "file:///etc/x"}), PermissionDeniedError, "refusing to go to file:"),
        (Reply(202, headers={"Location": "http://169.254.1.1/x"}), PermissionDeniedError, "link-local"),
    ],
)
def test_refusals(
    disk: Path, registry: HostileRegistry, reply: Reply, kind: type[ScowError], words: str
) -> None:
    name = f"{registry.address}/app:1"
    registry.rule = lambda asked: reply if asked.method == "POST" else None
    with pytest.raises(kind, match=words):
        push(disk, one_layer(name), name)
    assert registry.manifests == {}


def test_wrong_bytes_on_the_way_are_refused_by_the_registry(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"

    def spoil(asked: Asked) -> Reply | None:
        if asked.method == "PATCH":
            asked.body = asked.body[:-1] + bytes([asked.body[-1] ^ 1])
        return None

    registry.rule = spoil
    with pytest.raises(ScowError, match="digest invalid: not that digest"):
        push(disk, one_layer(name), name)
    assert registry.manifests == {}
    assert registry.uploads == {}


def test_giving_up_ends_the_upload_and_takes_it_back(disk: Path, registry: HostileRegistry) -> None:
    name = f"{registry.address}/app:1"
    given_up = threading.Event()

    def hold(asked: Asked) -> Reply | None:
        """Nobody pushes faster than it is given up."""
        if asked.method == "PATCH":
            given_up.wait(PATIENCE_S)
        return None

    registry.rule = hold

    async def work(engine: Transfers) -> None:
        await engine.load(one_layer(name, 12_000_000))
        async with asyncio.timeout(PATIENCE_S):
            await engine.push(name, stop_at="Pushing")
        given_up.set()

    with_transfers(disk, work)
    assert registry.manifests == {}


def test_a_second_push_sends_no_layer(disk: Path, registry: HostileRegistry) -> None:
    name, other = f"{registry.address}/app:1", f"{registry.address}/app:2"
    image = one_layer(name)
    image.tags.append(other)

    async def work(engine: Transfers) -> list[Progress | Pushed]:
        await engine.load(image)
        await engine.push(name)
        return await engine.push(other)

    told = with_transfers(disk, work)
    assert "Layer already exists" in [step.status for step in told if isinstance(step, Progress)]
    assert len([asked for asked in registry.asked if asked.method == "PATCH"]) == 1
