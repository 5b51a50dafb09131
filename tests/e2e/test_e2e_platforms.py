"""Images of several platforms: loaded, shown, run, saved, pushed and removed as one, or by platform."""

import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.archives import ArchiveImage, Layer, layout_of_platforms
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.fault_daemon import FaultDaemon, ask, at_every_step, do
from tests.support.http import Answer
from tests.support.image_traces import image_ids, kept, until_kept
from tests.support.registry import Registry, registry

_NAME = "127.0.0.1:5000/team/many:1"


def a_layer(name: str) -> bytes:
    layer = Layer()
    layer.file(name, name * 1000)
    return layer.data()


SHARED = a_layer("shared")
MINE = ArchiveImage([SHARED, a_layer("amd64")], [_NAME], {"Cmd": ["mine"]})
OTHER = ArchiveImage(
    [SHARED, a_layer("arm64")], [_NAME], {"Cmd": ["other"]}, override={"architecture": "arm64"}
)
ARCHIVE = layout_of_platforms({"arm64": OTHER, "amd64": MINE}, _NAME)
_OF_OURS = json.dumps({"reference": [_NAME]})
ARM = quote('{"os":"linux","architecture":"arm64"}')
S390 = quote('{"os":"linux","architecture":"s390x"}')


@pytest.fixture
def many(client: Client) -> Iterator[str]:
    """The image's id."""
    client("load", input=ARCHIVE)
    yield client.inspect(_NAME, "{{.Id}}")
    client("rmi", "-f", _NAME, code=None)


def test_it_is_one_image(client: Client, many: str) -> None:
    assert many not in (MINE.id, OTHER.id)
    assert client.text("images", "-q", "--no-trunc", _NAME) == many
    assert client.inspect(_NAME, "{{.Architecture}} {{.Config.Cmd}}") == "amd64 [mine]"
    engine = client.daemon
    # Older versions of the API know nothing of it.
    (plain,) = [it for it in engine.api("GET", "/v1.46/images/json?manifests=1").json if it["Id"] == many]
    assert "Manifests" not in plain
    (item,) = [it for it in engine.api("GET", "/v1.47/images/json?manifests=1").json if it["Id"] == many]
    found = {it["ImageData"]["Platform"]["architecture"]: it for it in item["Manifests"]}
    assert list(found) == ["arm64", "amd64"]
    assert all(it["Available"] and it["Kind"] == "image" for it in found.values())
    assert found["arm64"]["ImageData"]["Size"]["Unpacked"] == 6000 + 5000
    assert found["arm64"]["Descriptor"]["platform"] == {"os": "linux", "architecture": "arm64"}
    one = engine.api("GET", f"/v1.48/images/{quote(_NAME, safe='')}/json?manifests=1").json
    assert one["Manifests"] == item["Manifests"]


def test_by_platform(client: Client, many: str) -> None:
    engine = client.daemon
    path = f"/v1.49/images/{quote(_NAME, safe='')}"
    other = engine.api("GET", f"{path}/json?platform={ARM}").json
    assert (other["Id"], other["Architecture"], other["Config"]["Cmd"]) == (many, "arm64", ["other"])
    assert [it["CreatedBy"] for it in engine.api("GET", f"{path}/history?platform={ARM}").json]
    for verb in ("json", "history"):
        missing = engine.api("GET", f"{path}/{verb}?platform={S390}")
        assert missing.status == 404
        assert "does not provide the specified platform (linux/s390x)" in missing.message
    both = engine.api("GET", f"{path}/json?platform={ARM}&manifests=1")
    assert (both.status, both.message) == (
        400,
        "conflicting options: manifests and platform options cannot both be set",
    )
    archive = engine.api("GET", f"{path}/get?platform={ARM}").body
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        (entry,) = json.load(manifest)
    assert (entry["Config"], entry["RepoTags"]) == (f"blobs/sha256/{OTHER.id[7:]}", [_NAME])


def test_a_variant_is_run_and_holds_the_image(client: Client, many: str) -> None:
    created = client("create", "--platform", "linux/arm64", "--name", "box", _NAME)
    assert "does not match" not in created.err
    assert client.inspect("box", "{{.Config.Cmd}}") == "[other]"
    assert "arm64" in client("export", "box").out
    missing = client("create", "--platform", "linux/s390x", _NAME, code=None)
    assert missing.code != 0
    refused = client("rmi", _NAME, code=1).err
    assert "is using its referenced image" in refused
    (item,) = [it for it in client.daemon.api("GET", "/images/json?manifests=1").json if it["Id"] == many]
    users = {
        it["ImageData"]["Platform"]["architecture"]: len(it["ImageData"]["Containers"])
        for it in item["Manifests"]
    }
    assert users == {"arm64": 1, "amd64": 0}
    client("rm", "box")


def test_the_tree(scow_daemon: Daemon) -> None:
    scow = scow_daemon.client("scow")
    scow("load", input=ARCHIVE)
    lines = scow.text("images", "--tree").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(_NAME))
    assert lines[at + 1].startswith("├─ linux/arm64")
    assert lines[at + 2].startswith("└─ linux/amd64")
    assert (
        scow.text("image", "inspect", "--platform", "linux/arm64", "-f", "{{.Architecture}}", _NAME)
        == "arm64"
    )
    scow("rmi", _NAME)
    scow("load", "--platform", "linux/arm64", input=ARCHIVE)
    assert scow.inspect(_NAME, "{{.Id}}") == OTHER.id
    assert "does not provide" in scow("rmi", "--platform", "linux/amd64", _NAME, code=1).err
    scow("rmi", "--platform", "linux/arm64", _NAME)


def test_one_variant_is_removed(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")  # older docker command lines do not have the flag
    client("load", input=ARCHIVE)
    many = client.inspect(_NAME, "{{.Id}}")
    missing = client("rmi", "--platform", "linux/s390x", _NAME, code=1).err
    assert f"failed to delete platform linux/s390x for image {many}" in missing
    assert "does not provide the specified platform (linux/s390x)" in missing
    client("create", "--platform", "linux/arm64", "--name", "box", _NAME)
    assert "is using its referenced image" in client("rmi", "--platform", "linux/arm64", _NAME, code=1).err
    client("rm", "box")
    (other, mine) = manifests(client)
    assert client.text("rmi", "--platform", "linux/arm64", _NAME) == f"Deleted: {other['ID']}"
    assert [(it["ID"], it["Available"]) for it in manifests(client)] == [
        (other["ID"], False),
        (mine["ID"], True),
    ]
    # Id and names stay, and what is left does what the whole did.
    assert client.inspect(_NAME, "{{.Id}} {{.Architecture}}") == f"{many} amd64"
    assert OTHER.id not in image_ids(client.daemon)
    assert "does not provide" in client("rmi", "--platform", "linux/arm64", _NAME, code=1).err
    assert "does not provide" in client("image", "inspect", "--platform", "linux/arm64", _NAME, code=1).err
    saved = scow_daemon.api("GET", f"/images/{quote(_NAME, safe='')}/get").body
    client("load", input=ARCHIVE)
    assert client.inspect(_NAME, "{{.Id}}") == many
    assert all(it["Available"] for it in manifests(client))
    # The last takes the image with it.
    client("rmi", "--platform", "linux/arm64", _NAME)
    client("rmi", "--platform", "linux/amd64", _NAME)
    assert client("inspect", _NAME, code=1)
    client("load", input=saved)
    assert client.inspect(_NAME, "{{.Architecture}}") == "amd64"
    client("rmi", _NAME)


def manifests(client: Client) -> list[dict[str, Any]]:
    found = client.daemon.api("GET", "/images/json?manifests=1").json
    (item,) = [it for it in found if _NAME in it["RepoTags"]]
    variants: list[dict[str, Any]] = item["Manifests"]
    return variants


@pytest.mark.needs("docker-registry")
def test_to_a_registry_and_back(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> None:
    scow = scow_daemon.client("scow")
    before = kept(scow_daemon)
    with registry(tmp_path_factory.mktemp("registry"), scow_daemon.namespace) as hub:
        scow("load", input=ARCHIVE)
        scow("push", _NAME)
        assert platforms(hub, "1") == ["arm64", "amd64"]
        assert "does not provide" in scow("push", "--platform", "linux/s390x", _NAME, code=1).err
        scow("tag", _NAME, "127.0.0.1:5000/team/many:arm")
        scow("push", "--platform", "linux/arm64", "127.0.0.1:5000/team/many:arm")
        assert platforms(hub, "arm") == []
        scow("rmi", _NAME, "127.0.0.1:5000/team/many:arm")
        until_kept(scow_daemon, before)
        scow("pull", _NAME)
        assert scow.inspect(_NAME, "{{.Id}}") == MINE.id
        scow("pull", "--platform", "linux/arm64", _NAME)
        assert scow.inspect(_NAME, "{{.Id}}") == OTHER.id
    scow("rmi", "-f", MINE.id, OTHER.id)
    until_kept(scow_daemon, before)


def platforms(hub: Registry, tag: str) -> list[str]:
    kinds = ("manifest.list.v2+json", "manifest.v2+json")
    accepted = ", ".join(f"application/vnd.docker.distribution.{kind}" for kind in kinds)
    document = json.loads(hub.get(f"/v2/team/many/manifests/{tag}", f"Accept: {accepted}"))
    return [it["platform"]["architecture"] for it in document.get("manifests", ())]


def test_it_is_built(scow_daemon: Daemon, tmp_path: Path) -> None:
    scow = scow_daemon.client("scow")
    (tmp_path / "Dockerfile").write_text(
        'FROM scratch\nARG TARGETARCH\nCOPY all /\nCOPY $TARGETARCH /own\nCMD ["x"]\n'
    )
    for name in ("all", "amd64", "arm64"):
        (tmp_path / name).write_text(name)
    platforms = ("--platform", "linux/arm64,linux/amd64")
    scow("build", *platforms, "-t", _NAME, str(tmp_path), env={"DOCKER_BUILDKIT": "1"})
    (item,) = scow_daemon.api("GET", f"/images/json?manifests=1&filters={quote(_OF_OURS)}").json
    built = [it["ImageData"]["Platform"]["architecture"] for it in item["Manifests"]]
    assert built == ["arm64", "amd64"]
    # A container of each has its own file, and what is the same for both is there once.
    for architecture in ("amd64", "arm64"):
        scow("create", "--name", "box", "--platform", f"linux/{architecture}", _NAME)
        assert scow.text("cp", "box:/own", "-").count(architecture) >= 1
        scow("rm", "box")
    assert item["Size"] == len("all") + 2 * len("amd64")
    # A build for one of the platforms begins with what the engine has for it.
    (tmp_path / "Dockerfile").write_text(f"FROM {_NAME}\nCOPY all /again\n")
    scow("build", "--platform", "linux/arm64", "-t", "on:arm", str(tmp_path), env={"DOCKER_BUILDKIT": "1"})
    assert scow.inspect("on:arm", "{{.Architecture}} {{len .RootFS.Layers}}") == "arm64 3"
    scow("rmi", "on:arm")
    scow("rmi", _NAME)
    scow("builder", "prune", "-af")


def test_it_is_pruned_as_one(client: Client, many: str) -> None:
    client("tag", "busybox", _NAME)
    assert client.text("images", "-q", "--no-trunc", "-f", "dangling=true") == many
    client("image", "prune", "-f")
    assert not {MINE.id, OTHER.id, many} & image_ids(client.daemon)


@pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)
def test_killed_at_any_step(engine: FaultDaemon) -> None:
    before = kept(engine)

    def check(answer: Answer | None) -> None:
        if answer is not None and answer.status == 200:
            assert image_ids(engine)
        found = engine.api("GET", f"/v1.48/images/{quote(_NAME, safe='')}/json?manifests=1")
        if found.status == 200:
            assert len(found.json["Manifests"]) == 2
            assert do(engine, "GET", f"/images/{quote(_NAME, safe='')}/get").body
            do(engine, "DELETE", f"/images/{quote(_NAME, safe='')}")

    def clean(_engine: Daemon) -> None:
        until_kept(engine, before)

    load = partial(ask, engine, "POST", "/images/load", ARCHIVE)
    at_every_step(engine, lambda: None, load, check, clean, 7)
