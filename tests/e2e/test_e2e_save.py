"""``save``: what goes out comes in again with every id, in this engine and in the other."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon

pytestmark = pytest.mark.reference

Save = Callable[..., bytes]


def two_images() -> tuple[ArchiveImage, ArchiveImage]:
    """Two images over one common layer."""
    base, top, other = Layer(), Layer(), Layer()
    base.folder("etc")
    base.file("etc/motd", "hello\n", uid=1000, mode=0o640)
    base.hardlink("etc/link", "etc/motd")
    top.file("big", b"0123456789abcdef" * 100_000)
    other.file("etc/.wh.motd")
    other.file("only/here", b"content")
    return (
        ArchiveImage([base.data(), top.data()], ["saved/one:1", "saved/one:2"], {"Env": ["A=1"]}),
        ArchiveImage([base.data(), other.data()], ["saved/two:latest"]),
    )


def remove_images(client: Client) -> None:
    client("rmi", "-f", "saved/one:1", "saved/one:2", "saved/two", code=None)


@pytest.fixture
def ids(client: Client) -> Iterator[list[str]]:
    """Both images are loaded."""
    images = two_images()
    client("load", input=docker_archive(images))
    yield [image.id for image in images]
    remove_images(client)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def saved(client: Client, *names: str) -> bytes:
        target = tmp_path / "saved.tar"
        client("save", "-o", str(target), *names)
        return target.read_bytes()

    return saved


def manifest(archive: bytes) -> list[dict[str, list[str]]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        found: list[dict[str, list[str]]] = json.load(file)
        return found


def ids_of(client: Client, *names: str) -> list[str]:
    return [client.inspect(name, "{{.Id}}") for name in names]


def test_a_round_trip_keeps_ids_and_names(client: Client, ids: list[str], save: Save) -> None:
    data = save(client, "saved/one", "saved/two:latest")
    remove_images(client)
    client("load", input=data)
    assert ids_of(client, "saved/one:1", "saved/one:2", "saved/two") == [ids[0], *ids]
    content = client.text(
        "run", "--rm", "-v", "/bin/busybox:/busybox", "saved/two", "/busybox", "cat", "/only/here"
    )
    assert content == "content"


@pytest.mark.not_on_dockerd("the layout before version 25 keeps layers twice")
def test_shared_layers_are_written_once(client: Client, ids: list[str], save: Save) -> None:
    layers = [layer for image in manifest(save(client, *ids)) for layer in image["Layers"]]
    assert len(layers) == 4
    assert len(set(layers)) == 3


def test_names_go_along_as_asked_for(client: Client, ids: list[str], save: Save) -> None:
    assert [image["RepoTags"] for image in manifest(save(client, ids[0]))] == [None]
    assert [image["RepoTags"] for image in manifest(save(client, "saved/one:2"))] == [["saved/one:2"]]
    both = manifest(save(client, "saved/one"))
    assert [sorted(image["RepoTags"]) for image in both] == [["saved/one:1", "saved/one:2"]]


def test_what_is_not_there(client: Client, tmp_path: Path) -> None:
    assert "saved/nothing" in client("save", "-o", str(tmp_path / "none.tar"), "saved/nothing", code=1).err


@pytest.mark.not_on_dockerd("compares the two")
def test_the_other_engine_reads_it(client: Client, dockerd: Daemon, ids: list[str], save: Save) -> None:
    data = save(client, "saved/one:1", "saved/two")
    other = dockerd.client("docker")
    try:
        other("load", input=data)
        assert ids_of(other, "saved/one:1", "saved/two") == ids
        back = save(other, "saved/one:1", "saved/two")
    finally:
        remove_images(other)
    remove_images(client)
    client("load", input=back)
    assert ids_of(client, "saved/one:1", "saved/two") == ids
