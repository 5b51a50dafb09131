"""Image commands said wrong, or of what is not there: what they print and how they end, as Docker 26 does."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.namespaces import serving
from tests.support.present_docker import give_plugins
from tests.support.registry import PASSWORD, USER, Registry, registry
from tests.support.token_server import ISSUER, SERVICE, make_key

pytestmark = [pytest.mark.reference("present"), pytest.mark.needs("docker-registry", "openssl")]

_ADDRESS = "127.0.0.1:5097"
_TOKEN_PORT = 5098


@pytest.fixture(scope="module")
def store(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("plain"), client.daemon.namespace, address=_ADDRESS) as found:
        yield found


@pytest.fixture
def settings(client: Client, tmp_path: Path) -> Iterator[Path]:
    """A folder for settings of a test's own."""
    before = client.env["DOCKER_CONFIG"]
    client.env["DOCKER_CONFIG"] = str(tmp_path / "settings")
    (tmp_path / "settings").mkdir()
    yield tmp_path / "settings"
    client.env["DOCKER_CONFIG"] = before


def archive(path: Path, *names: str) -> str:
    with tarfile.open(path, "w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    return str(path)


def test_a_filter_that_is_neither_yes_nor_no(client: Client) -> None:
    err = client("images", "-f", "dangling=maybe", code=1).err
    assert "invalid filter 'dangling=[maybe]'" in err


@pytest.mark.parametrize("noun", ["image", "container", "network", "system"])
def test_a_moment_that_is_none(client: Client, noun: str) -> None:
    err = client(noun, "prune", "-f", "--filter", "until=bogus", code=1).err
    assert 'Error response from daemon: failed to parse value as time or duration: "bogus"' in err


@pytest.mark.parametrize("arguments", [(), ("-a", "--volumes")])
def test_everything_is_pruned_by_label(client: Client, arguments: tuple[str, ...]) -> None:
    done = client("system", "prune", "-f", *arguments, "--filter", "label=nobody.has.it")
    assert "Total reclaimed space: 0B" in done.out


def test_an_archive_with_a_path_twice_is_not_imported(client: Client, tmp_path: Path) -> None:
    twice = archive(tmp_path / "twice.tar", "a", "b", "./a")
    err = client("import", twice, "twice:1", code=1).err
    assert "duplicates of file paths not supported" in err
    assert client.text("images", "-q", "twice") == ""


def test_where_it_came_from_is_in_the_comment(client: Client, tmp_path: Path) -> None:
    source = archive(tmp_path / "one.tar", "a")
    client("import", "--platform", "linux/arm64/v8", source, "imported:1")
    assert client.inspect("imported:1", "{{.Comment}} {{.Os}}/{{.Architecture}}/{{.Variant}}") == (
        "Imported from - linux/arm64/v8"
    )
    client("import", "-m", "by hand", source, "imported:2")
    assert client.inspect("imported:2", "{{.Comment}} {{json .Config}}") == "by hand {}"
    client("rmi", "imported:1", "imported:2")


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("linux/", '"" is an invalid component of "linux/"'),
        ("bogus/x/y/z/w", '"z/w" is an invalid component of "bogus/x/y/z/w"'),
        ("a/b/c/d", '"a/b/c/d": cannot parse platform specifier: invalid argument'),
        ("a b", '"a b" is an invalid OS component of "a b": OSAndVersion specifier component must match'),
        ("*", '"*": wildcards not yet supported: invalid argument'),
        ("bogus", '"bogus": unknown operating system or architecture: invalid argument'),
    ],
)
def test_a_platform_that_is_none(client: Client, store: Registry, platform: str, message: str) -> None:
    assert message in client("pull", "--platform", platform, f"{store.address}/any", code=1).err


@pytest.mark.parametrize("platform", ["windows", "linux/arm64"])
def test_an_image_of_another_platform(client: Client, store: Registry, platform: str) -> None:
    name = f"{store.address}/{client.command}/only:1"
    client("tag", "busybox", name)
    client("push", "-q", name)
    client("rmi", name)
    done = client("pull", "--platform", platform, name, code=1)
    assert "was found but does not" in done.err or "operating system is not supported" in done.err
    client("rmi", "-f", name, code=None)


def test_all_tags_end_with_one_status(client: Client, store: Registry) -> None:
    name = f"{store.address}/{client.command}/many"
    for tag in ("1", "2"):
        client("tag", "busybox", f"{name}:{tag}")
        told = client("push", f"{name}:{tag}").lines
        assert any(line.endswith(": Preparing") for line in told), told
    client("rmi", f"{name}:1", f"{name}:2")
    lines = client("pull", "-a", name).lines
    assert [line for line in lines if "Status" in line] == [f"Status: Downloaded newer image for {name}"]
    # The image is here by another name: nothing is told of its layers.
    assert not [line for line in lines if "Already exists" in line]
    again = client("pull", "-a", name).lines
    assert [line for line in again if "Status" in line] == [f"Status: Image is up to date for {name}"]
    digests = client.inspect(f"{name}:1", "{{range .RepoDigests}}{{println .}}{{end}}").split()
    found = next(digest for digest in digests if digest.startswith(f"{name}@"))
    client("rmi", f"{name}:1", f"{name}:2")
    client("rmi", found, code=None)
    assert client("pull", found).lines[0] == f"{found}: Pulling from {client.command}/many"
    shown = client.text("images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", name)
    assert shown == f"{name} <none> {found.partition('@')[2]}"
    client("rmi", found)


def test_names_of_another_repository_are_not_listed(client: Client) -> None:
    client("tag", "busybox", "one/app:1")
    client("tag", "busybox", "two/app:1")
    for pattern in ("one/app", "one/*", "*/app:1"):
        shown = client.text("images", "--format", "{{.Repository}}:{{.Tag}}", pattern).split()
        assert sorted(shown) == (["one/app:1", "two/app:1"] if pattern == "*/app:1" else ["one/app:1"])
    client("rmi", "one/app:1", "two/app:1")


def test_push_of_a_tag_that_is_not_there(client: Client, store: Registry) -> None:
    name = f"{store.address}/{client.command}/tags"
    client("tag", "busybox", f"{name}:1")
    assert f"tag does not exist: {name}:2" in client("push", f"{name}:2", code=1).err
    client("rmi", f"{name}:1")


@pytest.mark.usefixtures("settings")
def test_what_nobody_may_see(client: Client, tmp_path: Path) -> None:
    """A registry says of a token that it is for too little, as Docker Hub of what is not there."""
    make_key(tmp_path)
    with serving(client.daemon.namespace, "token_server", _TOKEN_PORT, str(tmp_path)) as address:
        auth = {
            "realm": f"http://{address}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(tmp_path / "cert.pem"),
        }
        with registry(tmp_path, client.daemon.namespace, address="127.0.0.1:5099", token_auth=auth) as found:
            name = f"{found.address}/secret"
            err = client("pull", name, code=1).err
            denied = "denied: requested access to the resource is denied"
            assert f"pull access denied for {name}, repository does not exist or may require" in err
            assert f"'docker login': {denied}" in err
            client("tag", "busybox", name)
            assert denied in client("push", name, code=1).err
            client("rmi", name)


def test_settings_that_cannot_be_read_are_told(client: Client, settings: Path) -> None:
    file = settings / "config.json"
    for text in ("{broken", '{"auths": {"127.0.0.1:5097": {"auth": "!!"}}}', "[]"):
        file.write_text(text)
        done = client("images", "-q", "busybox")
        assert done.err.startswith(f"WARNING: Error parsing config file ({file}): ")
        assert done.out


def test_a_login_that_cannot_be_read_is_none(client: Client, settings: Path, tmp_path: Path) -> None:
    with registry(tmp_path, client.daemon.namespace, address="127.0.0.1:5099", passwords=True) as found:
        for auth in ('{"auths": {"127.0.0.1:5099": {"auth": "!!"}}}', '{"credsStore": "nosuch"}'):
            (settings / "config.json").write_text(auth)
            assert "no basic auth credentials" in client("pull", f"{found.address}/x", code=1).err


def test_a_login_is_told_once(client: Client, settings: Path, tmp_path: Path) -> None:
    with registry(tmp_path, client.daemon.namespace, address="127.0.0.1:5099", passwords=True) as found:
        login = ("login", "-u", USER, "--password-stdin", found.address)
        assert "stored unencrypted" in client(*login, input=PASSWORD).err
        assert client(*login, input=PASSWORD).err == ""
        again = client("login", found.address).err.replace(f"'{client.command} ", "'docker ")
        assert again == (
            f"Authenticating with existing credentials... [Username: {USER}]\n\n"
            " Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n\n"
        )
        (settings / "config.json").write_text(json.dumps({"credsStore": "nosuch"}))
        assert client(*login, input=PASSWORD, code=1).err.startswith(
            "Error saving credentials: error storing credentials - err: "
        )


@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_a_build_shows_the_logins(client: Client, settings: Path, tmp_path: Path, buildkit: str) -> None:
    if client.command == "docker":
        give_plugins(settings)
    place = client.daemon.namespace
    with registry(tmp_path, place, address="127.0.0.1:5099", passwords=True) as found:
        base = f"{found.address}/{client.command}/base:{buildkit}"
        client("login", "-u", USER, "--password-stdin", found.address, input=PASSWORD)
        client("tag", "busybox", base)
        client("push", "-q", base)
        client("rmi", base)
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN echo built >/name\n")
        build = ("build", "--no-cache", "-q", "-t", "private:1", "-f", str(tmp_path / "Dockerfile"))
        client(*build, str(settings), env={"DOCKER_BUILDKIT": buildkit})
        assert client.text("run", "--rm", "private:1", "cat", "/name") == "built"
        client("rmi", "-f", "private:1", base, code=None)
        client("builder", "prune", "-af")
        client("logout", found.address)
        client(*build, str(settings), env={"DOCKER_BUILDKIT": buildkit}, code=1)
