"""Whom a registry trusts, and whom the engine trusts: token servers, certificates of both sides."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.clients import Client
from tests.support.namespaces import serving
from tests.support.registry import Registry, registry
from tests.support.token_server import ISSUER, PASSWORD, REFRESH, SERVICE, USER, make_key

pytestmark = [pytest.mark.reference, pytest.mark.needs("docker-registry", "openssl")]

_TOKEN_PORT = 5095
# Loopback would be trusted as it is.
_ADDRESS = "198.51.100.7"


# ---------------------------------------------------------------- tokens


@pytest.fixture(scope="module")
def guarded(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that believes a token server; what that was asked is in ``asked`` beside the storage."""
    folder = tmp_path_factory.mktemp("tokens")
    make_key(folder)
    namespace = client.daemon.namespace
    with serving(namespace, "token_server", _TOKEN_PORT, str(folder)) as address:
        auth = {
            "realm": f"http://{address}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(folder / "cert.pem"),
        }
        with registry(folder, namespace, address="127.0.0.1:5096", token_auth=auth) as found:
            yield found


def asked(found: Registry) -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in (found.storage.parent / "asked").read_text().splitlines()]


def login(client: Client, found: Registry) -> None:
    client("login", "-u", USER, "--password-stdin", found.address, input=PASSWORD)


@pytest.fixture
def settings(client: Client, tmp_path: Path) -> Iterator[None]:
    """No logins of earlier tests."""
    before = client.env["DOCKER_CONFIG"]
    client.env["DOCKER_CONFIG"] = str(tmp_path / "settings")
    yield
    client.env["DOCKER_CONFIG"] = before


@pytest.mark.usefixtures("settings")
def test_a_token_is_asked_for_with_the_scope_of_the_work(client: Client, guarded: Registry) -> None:
    login(client, guarded)
    name = f"{guarded.address}/team/app:1"
    client("tag", "busybox", name)
    client("push", name)
    client("rmi", name)
    client("pull", name)
    scopes = [scope for each in asked(guarded) for scope in each.get("scope", [])]
    assert "repository:team/app:pull" in scopes
    assert any(set(scope.split(":")[2].split(",")) == {"pull", "push"} for scope in scopes)
    client("rmi", name)


@pytest.mark.usefixtures("settings")
def test_a_login_keeps_a_token_instead_of_the_password(
    client: Client, guarded: Registry, tmp_path: Path
) -> None:
    login(client, guarded)
    file = tmp_path / "settings/config.json"
    entry = json.loads(file.read_text())["auths"][guarded.address]
    assert entry["identitytoken"] == REFRESH
    assert PASSWORD not in file.read_text()
    before = len(asked(guarded))
    name = f"{guarded.address}/team/refreshed:1"
    client("tag", "busybox", name)
    client("push", name)
    assert "POST" in {str(each["method"]) for each in asked(guarded)[before:]}
    client("rmi", name)


@pytest.mark.usefixtures("settings")
def test_a_mount_asks_for_both_repositories(client: Client, guarded: Registry) -> None:
    login(client, guarded)
    first, second = f"{guarded.address}/from/app:1", f"{guarded.address}/to/app:1"
    client("tag", "busybox", first)
    client("tag", "busybox", second)
    client("push", first)
    assert "Mounted from " in client("push", second).out
    scopes = [" ".join(each.get("scope", [])) for each in asked(guarded)]
    assert any("repository:to/app:" in scope and scope.count("repository:") == 2 for scope in scopes)
    client("rmi", first, second)


@pytest.mark.usefixtures("settings")
def test_nobody_may_do_nothing(client: Client, guarded: Registry) -> None:
    name = f"{guarded.address}/team/app:2"
    client("tag", "busybox", name)
    err = client("push", name, code=1).err
    assert "authorization failed" in err or "authentication required" in err or "denied" in err
    wrong = client("login", "-u", USER, "--password-stdin", guarded.address, input="wrong", code=1).err
    assert "incorrect username or password" in wrong
    client("rmi", name)


# ---------------------------------------------------------------- certificates


class Place:
    """``/etc/docker/certs.d/<host>``, which both engines read; gone afterwards."""

    def __init__(self, address: str) -> None:
        self.folder = Path("/etc/docker/certs.d") / address

    def put(self, name: str, source: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, self.folder / name)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def certificates(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    client.daemon.namespace.run("ip", "addr", "add", f"{_ADDRESS}/32", "dev", "lo")
    return make_certificates(tmp_path_factory.mktemp("tls") / "made", address=_ADDRESS)


@pytest.fixture
def place() -> Iterator[Place]:
    # A port that no other run on this machine has: the folder is everybody's.
    found = Place(f"{_ADDRESS}:{20000 + os.getpid() % 20000}")
    yield found
    found.clear()


def secured(
    client: Client, folder: Path, place: Place, certificates: Certificates, *, ask: bool
) -> AbstractContextManager[object]:
    return registry(
        folder,
        client.daemon.namespace,
        address=place.folder.name,
        certificate=(certificates.server / "cert.pem", certificates.server / "key.pem"),
        client_ca=certificates.ca if ask else None,
    )


def test_an_authority_of_our_own(
    client: Client, tmp_path: Path, place: Place, certificates: Certificates
) -> None:
    name = f"{place.folder.name}/app:1"
    client("tag", "busybox", name)
    with secured(client, tmp_path, place, certificates, ask=False):
        assert "certificate signed by unknown authority" in client("push", name, code=1).err
        place.put("ca.crt", certificates.ca)
        client("push", name)
        client("rmi", name)
        client("pull", name)
    client("rmi", name)


def test_a_certificate_of_ours(
    client: Client, tmp_path: Path, place: Place, certificates: Certificates
) -> None:
    name = f"{place.folder.name}/app:1"
    client("tag", "busybox", name)
    with secured(client, tmp_path, place, certificates, ask=True):
        place.put("ca.crt", certificates.ca)
        assert "certificate" in client("push", name, code=1).err
        place.put("client.cert", certificates.client / "cert.pem")
        assert "missing key client.key for client certificate" in client("push", name, code=1).err
        place.put("client.key", certificates.client / "key.pem")
        client("push", name)
    client("rmi", name)


def test_plain_http_elsewhere_than_on_loopback_is_refused(
    client: Client, tmp_path: Path, place: Place, certificates: Certificates
) -> None:
    name = f"{place.folder.name}/app:1"
    client("tag", "busybox", name)
    with registry(tmp_path, client.daemon.namespace, address=place.folder.name):
        err = client("push", name, code=1).err
        assert "http: server gave HTTP response to HTTPS client" in err
    client("rmi", name)
