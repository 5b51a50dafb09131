"""Pulling from registries that break, lie and lead astray: whole and right, or nothing at all."""

import asyncio
import gzip
import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from scow.distribution import transport
from scow.distribution.credentials import Credentials
from scow.errors import IntegrityError, InvalidArgumentError, NotFoundError, ScowError, UnavailableError
from scow.spec.platform import Platform
from tests.support.archives import ArchiveImage, Layer, digest
from tests.support.hostile_registry import INDEX, Asked, HostileRegistry, Reply, hostile_registry, ranged
from tests.support.transfers import AMD64, Transfers, with_transfers
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.root

DISK_SIZE = "64m"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr("scow.image.remote.download._FIRST_BACKOFF_S", 0.001)


def two_layers() -> ArchiveImage:
    first, second = Layer(), Layer()
    first.file("big", os.urandom(3_000_000))
    second.file("small", "text\n")
    return ArchiveImage([first.data(), second.data()], [])


def pull(disk: Path, name: str, platform: Platform = AMD64) -> tuple[list[str], list[str]]:
    """Statuses, and the ids that the store has then."""

    async def work(engine: Transfers) -> tuple[list[str], list[str]]:
        told = await engine.pull(name, platform)
        return [step.status for step in told], [image.id for image in engine.store.all()]

    return with_transfers(disk, work)


def refused(disk: Path, name: str, kind: type[ScowError], words: str) -> None:
    """The pull fails so, and leaves no image, no layer, and no partly unpacked directory."""

    async def work(engine: Transfers) -> None:
        with pytest.raises(kind, match=words):
            await engine.pull(name)
        assert engine.store.all() == []

    with_transfers(disk, work)
    assert [path.name for path in (disk / "overlay2").iterdir() if path.name != "l"] == []
    assert list((disk / "image/overlay2/recipes").iterdir()) == []


@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstandard.compress])
def test_every_compression(disk: Path, registry: HostileRegistry, packed: Callable[[bytes], bytes]) -> None:
    image = two_layers()
    registry.add("1", image, [packed(layer) for layer in image.layers])
    statuses, ids = pull(disk, f"{registry.address}/app:1")
    assert ids == [image.id]
    assert statuses.count("Pull complete") == 2


def test_nothing_is_fetched_twice(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    registry.add("2", ArchiveImage([image.layers[0], two_layers().layers[0]], []))

    async def work(engine: Transfers) -> None:
        # Two at once share each blob; a third finds the common layer there.
        await asyncio.gather(*(engine.pull(f"{registry.address}/app:1") for _ in range(2)))
        told = await engine.pull(f"{registry.address}/app:2")
        assert [step.status for step in told].count("Already exists") == 1

    with_transfers(disk, work)
    for layer in image.layers:
        assert len(registry.requests(digest(layer))) == 1
    assert list((disk / "tmp/downloads").iterdir()) == []


def test_an_index_gives_the_platform_that_was_asked_for(disk: Path, registry: HostileRegistry) -> None:
    images = {}
    entries = []
    for architecture, variant in (("arm64", ""), ("amd64", ""), ("arm", "v7")):
        image = two_layers()
        image.override = {"architecture": architecture, "variant": variant}
        images[architecture] = image
        at = registry.add(architecture, image)
        entries.append(
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": at,
                "size": len(registry.manifests[at][1]),
                "platform": {"os": "linux", "architecture": architecture, "variant": variant},
            }
        )
    registry.add_document("all", INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    assert pull(disk, f"{registry.address}/app:all")[1] == [images["amd64"].id]
    ids = pull(disk, f"{registry.address}/app:all", Platform("linux", "arm", "v7"))[1]
    assert set(ids) == {images["amd64"].id, images["arm"].id}
    with pytest.raises(NotFoundError, match="no matching manifest for linux/s390x"):
        pull(disk, f"{registry.address}/app:all", Platform("linux", "s390x"))


# ---------------------------------------------------------------- broken lines


def test_a_line_that_keeps_breaking_is_gone_on_with(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    big = digest(image.layers[0])

    def cut(asked: Asked) -> Reply | None:
        if big not in asked.path:
            return None
        reply = ranged(image.layers[0], asked)
        reply.cut = 700_000
        return reply

    registry.rule = cut
    assert pull(disk, f"{registry.address}/app:1")[1] == [image.id]
    starts = [asked.headers.get("range") for asked in registry.requests(big)]
    assert starts[0] is None
    assert len(starts) == 5
    assert len(set(starts)) == 5


def test_a_registry_without_ranges_is_asked_for_all(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)

    def once(asked: Asked) -> Reply | None:
        if digest(image.layers[0]) not in asked.path:
            return None
        return Reply(200, image.layers[0], cut=1_000_000 if asked.number == 0 else None)

    registry.rule = once
    assert pull(disk, f"{registry.address}/app:1")[1] == [image.id]


def test_the_next_engine_goes_on_where_the_last_was_killed(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    big = digest(image.layers[0])
    registry.rule = lambda asked: (
        Reply(200, image.layers[0], cut=2_000_000)
        if big in asked.path and asked.number == 0
        else Reply(503)
        if big in asked.path
        else None
    )
    with pytest.raises(UnavailableError):
        pull(disk, f"{registry.address}/app:1")
    left = disk / "tmp" / "downloads" / big.removeprefix("sha256:")
    assert 0 < left.stat().st_size <= 2_000_000
    have = left.stat().st_size
    registry.rule = lambda asked: None
    assert pull(disk, f"{registry.address}/app:1")[1] == [image.id]
    assert registry.requests(big)[-1].headers["range"] == f"bytes={have}-"
    assert not left.exists()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_registry_in_trouble_is_asked_again(disk: Path, registry: HostileRegistry, status: int) -> None:
    image = two_layers()
    registry.add("1", image)
    registry.rule = lambda asked: Reply(status, headers={"Retry-After": "0"}) if asked.number == 0 else None
    # The first question is whether anybody is there; that one is not repeated.
    registry.asked.append(Asked("GET", "/v2/", {}, 0))
    assert pull(disk, f"{registry.address}/app:1")[1] == [image.id]


def test_rate_limits_are_told_as_such(disk: Path, registry: HostileRegistry) -> None:
    text = "You have reached your pull rate limit."
    error = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": text}]}).encode()
    registry.rule = lambda asked: Reply(429, error) if "manifests" in asked.path else None
    refused(disk, f"{registry.address}/app:1", UnavailableError, f"toomanyrequests: {text}")


def test_giving_up_ends_the_transfer(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    # It promises more than it sends, and then is silent.
    registry.rule = lambda asked: (
        Reply(200, image.layers[0][:1_500_000], {"Content-Length": str(len(image.layers[0]))})
        if digest(image.layers[0]) in asked.path
        else None
    )

    async def work(engine: Transfers) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await engine.pull(f"{registry.address}/app:1", stop_at="Downloading")
        assert engine.store.all() == []

    with_transfers(disk, work)


# ---------------------------------------------------------------- lies


def test_other_bytes_than_the_digest_says(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    registry.blobs[digest(image.layers[1])] = image.layers[1][:-1] + b"x"
    refused(disk, f"{registry.address}/app:1", IntegrityError, "filesystem layer verification failed")
    # Wrong bytes are not gone on with.
    assert digest(image.layers[1]).removeprefix("sha256:") not in os.listdir(disk / "tmp/downloads")


def test_a_blob_that_does_not_end(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    registry.blobs[digest(image.layers[1])] = image.layers[1] + bytes(100_000)
    refused(disk, f"{registry.address}/app:1", IntegrityError, "more than its|longer than")


def test_another_config_or_manifest(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    at = registry.add("1", image)
    registry.blobs[digest(image.config_bytes())] = b"{}"
    refused(disk, f"{registry.address}/app:1", IntegrityError, "config verification failed")
    registry.manifests[at] = (registry.manifests[at][0], b"{}")
    refused(disk, f"{registry.address}/app@{at}", IntegrityError, "manifest verification failed")


def test_a_layer_of_other_content_than_the_config_says(disk: Path, registry: HostileRegistry) -> None:
    image, other = two_layers(), two_layers()
    registry.add("1", image, [image.layers[0], other.layers[1] + bytes(512)])
    refused(disk, f"{registry.address}/app:1", IntegrityError, "diffID")


@pytest.mark.parametrize(
    ("media_type", "document", "kind", "words"),
    [
        ("application/json", {}, InvalidArgumentError, "unsupported manifest media type"),
        (INDEX, {"mediaType": INDEX, "manifests": []}, NotFoundError, "no matching manifest"),
        (INDEX, {"mediaType": INDEX, "manifests": 7}, InvalidArgumentError, "manifests"),
        (INDEX, [], ScowError, "not JSON"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            {"schemaVersion": 1},
            ScowError,
            "has been removed",
        ),
    ],
)
def test_documents_that_are_no_image(
    disk: Path,
    registry: HostileRegistry,
    media_type: str,
    document: object,
    kind: type[ScowError],
    words: str,
) -> None:
    registry.add_document("1", media_type, document)
    refused(disk, f"{registry.address}/app:1", kind, words)


def test_an_index_that_leads_in_a_circle(disk: Path, registry: HostileRegistry) -> None:
    digest = "sha256:" + "0" * 64
    entry = {"mediaType": INDEX, "digest": digest, "size": 1}
    at = registry.add_document("1", INDEX, {"mediaType": INDEX, "manifests": [entry]})
    registry.manifests[digest] = registry.manifests[at]
    refused(disk, f"{registry.address}/app:1", ScowError, "verification failed|nested too deep")


def test_a_manifest_without_end(disk: Path, registry: HostileRegistry) -> None:
    registry.manifests["1"] = (INDEX, b" " * 100_000_000)
    refused(disk, f"{registry.address}/app:1", ScowError, "larger than")


def test_a_small_blob_that_unpacks_to_more_than_the_disk(disk: Path, registry: HostileRegistry) -> None:
    layer = Layer()
    layer.file("zeros", bytes(100_000_000))
    image = ArchiveImage([layer.data()], [])
    registry.add("1", image, [gzip.compress(layer.data())])
    refused(disk, f"{registry.address}/app:1", ScowError, "No space left on device")


def test_a_blob_for_which_there_is_no_room(disk: Path, registry: HostileRegistry) -> None:
    # One layer: another, that is unpacked meanwhile, might be the first to find no room.
    image = ArchiveImage(two_layers().layers[:1], [])
    registry.add("1", image, [os.urandom(80_000_000)])
    refused(disk, f"{registry.address}/app:1", ScowError, "failed to store blob .*No space left on device")
    assert list((disk / "tmp/downloads").iterdir()) == []


@pytest.mark.parametrize("size", [-1, 1])
def test_a_length_that_is_not_the_lists(disk: Path, registry: HostileRegistry, size: int) -> None:
    at = registry.add("one", two_layers())
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": at,
        "size": len(registry.manifests[at][1]) + size,
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    registry.add_document("1", INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    refused(disk, f"{registry.address}/app:1", IntegrityError, "where the manifest list says")


def test_a_document_of_two_kinds(disk: Path, registry: HostileRegistry) -> None:
    at = registry.add("one", two_layers())
    document = json.loads(registry.manifests[at][1])
    registry.add_document("1", document["mediaType"], document | {"manifests": []})
    refused(disk, f"{registry.address}/app:1", InvalidArgumentError, "expected manifest but found index")
    registry.add_document("1", INDEX, document)
    refused(disk, f"{registry.address}/app:1", InvalidArgumentError, "mediaType in manifest should be")


def test_digests_of_another_algorithm_are_checked_too(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    media_type, data = registry.manifests[registry.add("1", image)]
    at = "sha512:" + hashlib.sha512(data).hexdigest()
    registry.manifests[at] = (media_type, data)
    registry.rule = lambda asked: Reply(200, data, {"Content-Type": media_type}) if at in asked.path else None
    assert pull(disk, f"{registry.address}/app@{at}")[1] == [image.id]
    other = data.replace(b" ", b"  ", 1)
    registry.rule = lambda asked: (
        Reply(200, other, {"Content-Type": media_type}) if at in asked.path else None
    )
    with pytest.raises(IntegrityError, match="manifest verification failed for digest sha512"):
        pull(disk, f"{registry.address}/app@{at}")


# ---------------------------------------------------------------- astray


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
    ],
)
def test_redirects_that_lead_elsewhere(disk: Path, registry: HostileRegistry, target: str) -> None:
    registry.add("1", two_layers())
    registry.rule = lambda asked: Reply(307, headers={"Location": target}) if "blobs" in asked.path else None
    refused(disk, f"{registry.address}/app:1", ScowError, "refusing to go to")


def test_credentials_stay_with_their_host(disk: Path, registry: HostileRegistry) -> None:
    image = two_layers()
    registry.add("1", image)
    with hostile_registry() as storage:
        storage.blobs = registry.blobs
        challenge = {"WWW-Authenticate": 'Basic realm="tests"'}

        def guarded(asked: Asked) -> Reply | None:
            if "authorization" not in asked.headers:
                return Reply(401, headers=challenge)
            if "blobs" in asked.path:
                return Reply(307, headers={"Location": f"http://{storage.address}{asked.path}"})
            return None

        registry.rule = guarded

        async def work(engine: Transfers) -> None:
            name = f"{registry.address}/app:1"
            await engine.pull(name, credentials=Credentials("user", "secret"))
            assert [found.id for found in engine.store.all()] == [image.id]

        with_transfers(disk, work)
        assert storage.asked
        assert not any("authorization" in asked.headers for asked in storage.asked)


def test_a_port_where_nobody_listens(disk: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(disk, f"{address}/app:1", UnavailableError, "connect: connection refused")
