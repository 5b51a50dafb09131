"""Images to and from a real registry: both engines, both command lines."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, digest, docker_archive
from tests.support.clients import Client
from tests.support.environment import PROJECT
from tests.support.namespaces import files_served
from tests.support.registry import Registry, registry

pytestmark = [pytest.mark.reference, pytest.mark.needs("docker-registry", "curl")]


@pytest.fixture(scope="module")
def hub(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), client.daemon.namespace) as found:
        yield found


def image(name: str, *contents: str) -> ArchiveImage:
    layers = []
    for number, content in enumerate(contents):
        layer = Layer()
        layer.folder("data")
        layer.file(f"data/{number}", content)
        layers.append(layer.data())
    return ArchiveImage(layers, [name])


@pytest.fixture
def pushed(client: Client, hub: Registry) -> Iterator[ArchiveImage]:
    """An image of two layers that the engine and the registry have."""
    made = image(f"{hub.address}/team/app:1.0", "one\n" * 1000, "two\n")
    client("load", input=docker_archive([made]))
    client("push", f"{hub.address}/team/app:1.0")
    yield made
    for reference in client.text("images", "-q", "--no-trunc").splitlines():
        if reference == made.id:
            client("rmi", "-f", reference, code=None)


def repo_digests(client: Client, name: str) -> list[str]:
    found: list[str] = json.loads(client.inspect(name, "{{json .RepoDigests}}"))
    return found


def test_a_round_trip_keeps_the_id(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    name = f"{hub.address}/team/app:1.0"
    digests = repo_digests(client, name)
    assert len(digests) == 1
    client("rmi", "-f", name)
    out = client("pull", name).out
    assert f"Status: Downloaded newer image for {name}" in out
    assert f"Digest: {digests[0].partition('@')[2]}" in out
    assert client.inspect(name, "{{.Id}}") == pushed.id
    assert repo_digests(client, name) == digests
    again = client("pull", name).out
    assert f"Status: Image is up to date for {name}" in again


def test_by_digest(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    digest = repo_digests(client, f"{hub.address}/team/app:1.0")[0]
    client("rmi", "-f", pushed.id)
    client("pull", digest)
    assert client.inspect(digest, "{{.Id}}") == pushed.id
    assert client.inspect(digest, "{{json .RepoTags}}") == "[]"


def test_a_second_push_sends_nothing(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    blobs = hub.blobs()
    client("tag", pushed.id, f"{hub.address}/team/app:2.0")
    assert client("push", f"{hub.address}/team/app:2.0").out.count("Layer already exists") == 2
    client("tag", pushed.id, f"{hub.address}/other/copy:1")
    assert client("push", f"{hub.address}/other/copy:1").out.count("Mounted from team/app") == 2
    assert hub.blobs() == blobs


def test_all_tags(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    for tag in ("a", "b"):
        client("tag", pushed.id, f"{hub.address}/many/tags:{tag}")
    client("push", "-a", f"{hub.address}/many/tags")
    client("rmi", "-f", pushed.id)
    client("pull", "-a", f"{hub.address}/many/tags")
    assert sorted(json.loads(client.inspect(pushed.id, "{{json .RepoTags}}"))) == [
        f"{hub.address}/many/tags:a",
        f"{hub.address}/many/tags:b",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("team/app:none", "manifest for {0}/team/app:none not found: manifest unknown"),
        ("no/such:1", "not found"),
    ],
)
def test_what_is_not_there(
    client: Client, hub: Registry, pushed: ArchiveImage, name: str, words: str
) -> None:
    assert words.format(hub.address) in client("pull", f"{hub.address}/{name}", code=1).err


def test_nobody_answers(client: Client) -> None:
    assert "connection refused" in client("pull", "127.0.0.1:5999/x:1", code=1).err
    refused = client("login", "-u", "a", "-p", "b", "127.0.0.1:5999", code=1).err
    assert 'Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused' in refused


@pytest.mark.not_on_dockerd("20.10 has other words")
def test_a_login_at_what_is_no_address(client: Client) -> None:
    for address, words in (
        ("a b", 'unable to parse server address: parse "https://a b": invalid character " " in host name'),
        ("h:x", 'unable to parse server address: parse "https://h:x": invalid port ":x" after host'),
    ):
        answer = client.daemon.api("POST", "/auth", {"username": "u", "serveraddress": address})
        assert (answer.status, answer.message) == (400, words)


def test_a_push_of_another_platform(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    if client.daemon.kind == "dockerd":
        pytest.skip("20.10 pushes whatever there is")
    name = f"{hub.address}/team/app:1.0"
    client("push", "--platform", "linux/amd64", name)
    err = client("push", "--platform", "linux/arm64", name, code=1).err
    assert f"image with reference {name} was found but does not provide the specified platform" in err


def test_push_of_what_is_not_there(client: Client, hub: Registry) -> None:
    err = client("push", f"{hub.address}/not/here:1", code=1).err
    assert "does not exist" in err


def skopeo(client: Client, *args: str) -> str:
    """The second opinion, in the engine's network."""
    done = client.daemon.namespace.run("skopeo", "--insecure-policy", *args, timeout_s=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize(
    "options", [["-f", "v2s2"], ["-f", "oci"], ["-f", "oci", "--dest-compress-format", "zstd"]]
)
def test_what_skopeo_sends_is_pulled(
    client: Client, hub: Registry, tmp_path: Path, options: list[str]
) -> None:
    if client.daemon.kind == "dockerd" and "zstd" in options:
        pytest.skip("20.10 does not know zstd")
    made = image("x:1", "one\n" * 1000, "two\n")
    archive = tmp_path / "archive.tar"
    archive.write_bytes(docker_archive([made]))
    name = f"{hub.address}/skopeo/{'-'.join(options).strip('-')}:1"
    skopeo(
        client, "copy", "--dest-tls-verify=false", *options, f"docker-archive:{archive}", f"docker://{name}"
    )
    client("pull", name)
    assert json.loads(client.inspect(name, "{{json .RootFS.Layers}}")) == [
        digest(layer) for layer in made.layers
    ]
    told = json.loads(skopeo(client, "inspect", "--tls-verify=false", f"docker://{name}"))
    assert repo_digests(client, name) == [f"{name.rpartition(':')[0]}@{told['Digest']}"]
    client("rmi", name)


@pytest.mark.needs("skopeo")
def test_skopeo_takes_what_was_pushed_and_saved(
    client: Client, hub: Registry, pushed: ArchiveImage, tmp_path: Path
) -> None:
    name = f"{hub.address}/team/app:1.0"
    skopeo(client, "copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path / 'pushed'}:x")
    saved = tmp_path / "saved.tar"
    client("save", "-o", str(saved), name)
    skopeo(client, "copy", f"docker-archive:{saved}", f"dir:{tmp_path / 'saved'}")
    manifest = json.loads((tmp_path / "saved/manifest.json").read_text())
    assert manifest["config"]["digest"] == pushed.id
    if client.daemon.kind == "scowd":
        # Docker's archives are OCI layouts too, since version 25.
        skopeo(client, "copy", f"oci-archive:{saved}", f"dir:{tmp_path / 'layout'}")


def test_an_import_from_the_web(client: Client, tmp_path: Path) -> None:
    layer = Layer()
    layer.file("from-the-web", "yes")
    (tmp_path / "root.tar").write_bytes(layer.data())
    with files_served(client.daemon.namespace, tmp_path, 5009) as address:
        identifier = client.text("import", f"http://{address}/root.tar", "web:1").splitlines()[-1]
        assert client.inspect("web:1", "{{.Id}}") == identifier
        assert "404" in client("import", f"http://{address}/none.tar", code=1).err
    client("rmi", "web:1")


def test_run_pulls(client: Client, hub: Registry) -> None:
    name = f"{hub.address}/library/busybox:run"
    client("tag", "busybox", name)
    client("push", name)
    client("rmi", name)
    done = client("run", "--rm", name, "echo", "hello")
    assert done.out == "hello\n"
    assert f"Unable to find image '{name}' locally" in done.err
    client("rmi", name)


def test_distribution(client: Client, hub: Registry, pushed: ArchiveImage) -> None:
    found = client.api("GET", f"/distribution/{hub.address}/team/app:1.0/json").json
    assert (
        found["Descriptor"]["digest"]
        == repo_digests(client, f"{hub.address}/team/app:1.0")[0].partition("@")[2]
    )
    assert found["Platforms"] == [{"architecture": "amd64", "os": "linux"}]


def test_passwords(client: Client, tmp_path: Path) -> None:
    with registry(tmp_path, client.daemon.namespace, address="127.0.0.1:5001", passwords=True) as guarded:
        name = f"{guarded.address}/private/app:1"
        client("tag", "busybox", name)
        assert "no basic auth credentials" in client("push", name, code=1).err
        wrong = client("login", "-u", "user", "--password-stdin", guarded.address, input="wrong", code=1)
        assert "401 Unauthorized" in wrong.err
        right = client("login", "-u", "user", "--password-stdin", guarded.address, input="secret")
        assert "Login Succeeded" in right.out
        client("push", name)
        client("rmi", name)
        client("pull", name)
        client("logout", guarded.address)
        client("rmi", name)
        assert "no basic auth credentials" in client("pull", name, code=1).err


HELPER = """#!/bin/sh
case $1 in
store) cat > "$STORE" ;;
get)
    cat > /dev/null
    test -s "$STORE" && cat "$STORE" && exit
    echo credentials not found in native keychain
    exit 1 ;;
erase) cat > /dev/null; rm -f "$STORE" ;;
esac
"""


def test_a_helper_keeps_the_password(client: Client, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-tests"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "config.json").write_text('{"credsStore": "tests", "psFormat": "table {{.ID}}"}')
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "STORE": str(tmp_path / "secret"),
        "DOCKER_CONFIG": str(settings),
    }
    with registry(
        tmp_path / "registry", client.daemon.namespace, address="127.0.0.1:5002", passwords=True
    ) as guarded:
        login = ("login", "-u", "user", "--password-stdin", guarded.address)
        done = client(*login, input="secret", env=env)
        assert "Login Succeeded" in done.out
        assert "unencrypted" not in done.err
        assert json.loads((tmp_path / "secret").read_text()) == {
            "ServerURL": guarded.address,
            "Username": "user",
            "Secret": "secret",
        }
        name = f"{guarded.address}/private/helped:1"
        client("tag", "busybox", name)
        client("push", name, env=env)
        client("rmi", name)
        client("logout", guarded.address, env=env)
        assert not (tmp_path / "secret").exists()
    found = json.loads((settings / "config.json").read_text())
    assert found["psFormat"] == "table {{.ID}}"
    assert "secret" not in json.dumps(found)


@pytest.fixture
def password_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """pass(1) with a key of its own; the environment that it needs."""
    folder = tmp_path_factory.mktemp("pass")
    env = {"GNUPGHOME": str(folder / "gpg"), "PASSWORD_STORE_DIR": str(folder / "store")}
    (folder / "gpg").mkdir(mode=0o700)
    environment = os.environ | env
    make = ("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "tests", "default", "default", "never")
    try:
        subprocess.run(make, env=environment, check=True, capture_output=True)
        subprocess.run(("pass", "init", "tests"), env=environment, check=True, capture_output=True)
        yield env
    finally:
        subprocess.run(("gpgconf", "--kill", "all"), env=environment, capture_output=True)


@pytest.mark.needs("pass", "gpg")
@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_pass_keeps_the_password(
    client: Client, tmp_path: Path, password_store: dict[str, str], key: str
) -> None:
    helper = tmp_path / "docker-credential-pass"
    python = f"cd {PROJECT} && exec {sys.executable} -m tests.support.credential_pass"
    helper.write_text(f'#!/bin/sh\n{python} "$@"\n')
    helper.chmod(0o755)
    settings, address = tmp_path / "settings", "127.0.0.1:5003"
    settings.mkdir()
    value = "pass" if key == "credsStore" else {address: "pass"}
    (settings / "config.json").write_text(json.dumps({key: value}))
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "DOCKER_CONFIG": str(settings),
        **password_store,
    }
    store = Path(password_store["PASSWORD_STORE_DIR"])
    with registry(tmp_path / "registry", client.daemon.namespace, address=address, passwords=True) as guarded:
        done = client("login", "-u", "user", "--password-stdin", address, input="secret", env=env)
        assert "unencrypted" not in done.err
        (kept,) = store.rglob("user.gpg")
        assert b"secret" not in kept.read_bytes()
        assert "secret" not in (settings / "config.json").read_text()
        assert json.loads((settings / "config.json").read_text())["auths"] == {address: {}}
        name = f"{guarded.address}/private/passed:1"
        client("tag", "busybox", name)
        client("push", name, env=env)
        client("rmi", name)
        client("pull", name, env=env)
        client("rmi", name)
        client("logout", address, env=env)
        assert not list(store.rglob("user.gpg"))
        assert "no basic auth credentials" in client("pull", name, env=env, code=1).err


def test_the_file_is_for_its_owner_only(client: Client, tmp_path: Path) -> None:
    with registry(
        tmp_path / "registry", client.daemon.namespace, address="127.0.0.1:5003", passwords=True
    ) as guarded:
        env = {"DOCKER_CONFIG": str(tmp_path / "settings")}
        done = client("login", "-u", "user", "-p", "secret", guarded.address, env=env)
        assert "WARNING! Using --password via the CLI is insecure. Use --password-stdin." in done.err
        assert "Your credentials are stored unencrypted in" in done.err
        file = tmp_path / "settings" / "config.json"
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["auths"] == {guarded.address: {"auth": "dXNlcjpzZWNyZXQ="}}
        client("logout", guarded.address, env=env)
        assert json.loads(file.read_text()).get("auths", {}) == {}
