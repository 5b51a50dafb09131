"""A real registry behind a proxy that cuts, delays, truncates, lies, and says that it is tired.

What can be gone on with is, and what is not right is refused with the reason.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.namespaces import serving
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.needs("docker-registry")

_PORT = 5071
_NAME = f"127.0.0.1:{_PORT}/team/app:1"
Rules = Callable[..., None]


@pytest.fixture(scope="module")
def storage(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder, client.daemon.namespace, address="127.0.0.1:5070") as found:
        yield found


@pytest.fixture(scope="module")
def rules(client: Client, storage: Registry) -> Iterator[Path]:
    file = storage.storage.parent / "rules"
    file.write_text("[]")
    with serving(client.daemon.namespace, "meddling_proxy", _PORT, storage.address, str(file)):
        yield file


@pytest.fixture
def meddle(rules: Path) -> Iterator[Rules]:
    def set_rules(*found: dict[str, object]) -> None:
        rules.write_text(json.dumps(found))

    yield set_rules
    rules.write_text("[]")


@pytest.fixture(scope="module")
def image(client: Client, rules: Path) -> Iterator[ArchiveImage]:
    """Two megabytes that do not compress, in the registry and the engine."""
    layer = Layer()
    layer.file("big", os.urandom(2_000_000))
    made = ArchiveImage([layer.data()], [_NAME])
    client("load", input=docker_archive([made]))
    client("push", _NAME)
    yield made
    client("rmi", "-f", made.id)


def removed(client: Client, image: ArchiveImage) -> None:
    client("rmi", "-f", image.id, code=None)


_UNIQUE = iter(range(1000))


def once(what: str, path: str, **more: object) -> dict[str, object]:
    """A rule that is used up by one request; different from every other one."""
    return {"do": what, "path": path, "times": 1, "n": next(_UNIQUE), **more}


BLOB = "/blobs/sha256:"
MANIFEST = "/manifests/"


@pytest.mark.parametrize(
    "rule",
    [
        {"do": "cut", "path": BLOB, "method": "GET", "at": 700_000},
        {"do": "delay", "path": BLOB, "seconds": 1.5},
        {"do": "status", "path": BLOB, "method": "GET", "status": 500},
    ],
    ids=["cut", "delay", "500"],
)
def test_a_pull_goes_on(client: Client, image: ArchiveImage, meddle: Rules, rule: dict[str, object]) -> None:
    removed(client, image)
    meddle({**rule, "times": 1, "n": next(_UNIQUE)})
    client("pull", _NAME)
    assert client.inspect(_NAME, "{{.Id}}") == image.id


@pytest.mark.parametrize("status", [429, 503])
def test_a_tired_registry_is_asked_again(
    client: Client, image: ArchiveImage, meddle: Rules, status: int
) -> None:
    removed(client, image)
    meddle(once("status", MANIFEST, status=status), once("status", BLOB, status=status))
    client("pull", _NAME)


def test_a_registry_that_stays_tired_is_told_as_such(
    client: Client, image: ArchiveImage, meddle: Rules
) -> None:
    removed(client, image)
    meddle({"path": MANIFEST, "status": 429})
    assert "toomanyrequests" in client("pull", _NAME, code=1).err
    assert client("inspect", _NAME, code=1)


@pytest.mark.parametrize(
    "rule",
    [
        {"do": "spoil", "path": BLOB, "at": 100},
        {"do": "spoil", "path": MANIFEST, "at": 30},
        {"do": "digest", "path": MANIFEST},
        {"do": "truncate", "path": MANIFEST, "at": 100},
        {"do": "status", "path": BLOB, "method": "GET", "status": 404},
        {"do": "type", "path": MANIFEST},
    ],
    ids=["wrong bytes", "wrong manifest", "wrong digest", "short manifest", "no blob", "wrong type"],
)
def test_what_is_not_right_is_refused(
    client: Client, image: ArchiveImage, meddle: Rules, rule: dict[str, object]
) -> None:
    removed(client, image)
    meddle(rule)
    assert client("pull", _NAME, code=1, timeout_s=120).err
    assert image.id not in client.text("images", "-aq", "--no-trunc")
    layers = client.daemon.data_root / "overlay2"
    assert len([path for path in layers.iterdir() if path.name != "l"]) == 1, "busybox alone"
    meddle()
    client("pull", _NAME)
    assert client.inspect(_NAME, "{{.Id}}") == image.id


@pytest.mark.parametrize(
    "rule",
    [
        {"do": "cut", "path": "/blobs/uploads/", "method": "PATCH", "at": 600_000},
        {"do": "status", "path": "/blobs/uploads/", "method": "PATCH", "status": 500},
        {"do": "status", "path": "/blobs/uploads/", "method": "POST", "status": 503},
    ],
    ids=["cut", "500", "503"],
)
def test_a_push_goes_on(
    client: Client, storage: Registry, rules: Path, meddle: Rules, rule: dict[str, object]
) -> None:
    layer = Layer()
    layer.file("big", os.urandom(1_500_000))
    name = f"127.0.0.1:{_PORT}/pushed/app:1"
    made = ArchiveImage([layer.data()], [name])
    client("load", input=docker_archive([made]))
    meddle({**rule, "times": 1, "n": next(_UNIQUE)})
    client("push", name, timeout_s=120)
    client("rmi", name)
    meddle()
    client("pull", name)
    assert client.inspect(name, "{{.Id}}") == made.id
    client("rmi", name)
