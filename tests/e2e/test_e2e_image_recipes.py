"""What people do with images and registries, as guides have it: lists, secrets, tags, mirrors, scripts."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, digest, docker_archive
from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.images import busybox_archive
from tests.support.registry import PASSWORD, USER, Registry, registry

_MIRROR = "127.0.0.1:5040"
DAEMON = DaemonOptions(("--registry-mirror", f"http://{_MIRROR}"))
pytestmark = [pytest.mark.reference, pytest.mark.needs("docker-registry", "bash")]


@pytest.fixture(scope="module")
def mirror(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that has images of Docker Hub under their own names, and others."""
    with registry(tmp_path_factory.mktemp("mirror"), client.daemon.namespace, address=_MIRROR) as found:
        yield found


def made(name: str, created: str, content: str, **config: object) -> ArchiveImage:
    layer = Layer()
    layer.file("content", content)
    return ArchiveImage([layer.data()], [name], config=dict(config), created=created)


@pytest.fixture(scope="module")
def images(client: Client) -> Iterator[list[ArchiveImage]]:
    """Three of three years; the second has a label, the last a secret."""
    found = [
        made("shop/old:1", "2021-01-01T00:00:00Z", "old"),
        made("shop/mid:1", "2022-01-01T00:00:00Z", "mid", Labels={"team": "web"}),
        made("shop/new:2", "2023-01-01T00:00:00Z", "new", Env=["DB_PASSWORD=hunter2"]),
    ]
    client("load", input=docker_archive(found))
    yield found
    for image in found:
        client("rmi", "-f", image.id, code=None)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["shop/old"], ["shop/old:1"]),
        (["shop/*"], ["shop/new:2", "shop/mid:1", "shop/old:1"]),
        (["shop/*:1"], ["shop/mid:1", "shop/old:1"]),
        (["-f", "reference=shop/n*"], ["shop/new:2"]),
        (["-f", "label=team=web"], ["shop/mid:1"]),
        (["-f", "label=team"], ["shop/mid:1"]),
        (["-f", "before=shop/mid:1", "shop/*"], ["shop/old:1"]),
        (["-f", "since=shop/mid:1", "shop/*"], ["shop/new:2"]),
        (["-f", "since=shop/old:1", "-f", "before=shop/new:2", "shop/*"], ["shop/mid:1"]),
        (["-f", "dangling=false", "shop/*"], ["shop/new:2", "shop/mid:1", "shop/old:1"]),
        (["-f", "dangling=true"], []),
    ],
)
def test_lists(client: Client, images: list[ArchiveImage], options: list[str], names: list[str]) -> None:
    found = client.text("images", "--format", "{{.Repository}}:{{.Tag}}", *options)
    assert found.splitlines() == names


def test_until_and_digests(client: Client, images: list[ArchiveImage], mirror: Registry) -> None:
    if client.daemon.kind == "scowd":
        until = client.text("images", "-f", "until=2022-06-01", "--format", "{{.Repository}}", "shop/*")
        assert until.splitlines() == ["shop/mid", "shop/old"]
    name = f"{_MIRROR}/shop/digests:1"
    client("tag", "shop/old:1", name)
    pushed = re.search(r"digest: (sha256:\w+)", client("push", name).out)
    assert pushed is not None
    found = client.text("images", "--digests", "--format", "{{.Digest}}", f"{_MIRROR}/shop/digests")
    assert found == pushed[1]
    assert client.inspect(name, "{{index .RepoDigests 0}}") == f"{_MIRROR}/shop/digests@{pushed[1]}"
    client("rmi", name)


def test_a_secret_in_the_environment_is_seen_by_everybody(client: Client, images: list[ArchiveImage]) -> None:
    assert "hunter2" in client("inspect", "shop/new:2").out
    assert json.loads(client.inspect("shop/new:2", "{{json .Config.Env}}"))[-1] == "DB_PASSWORD=hunter2"
    assert client.text("history", "--no-trunc", "--format", "{{.CreatedBy}}", "shop/new:2") == "layer 0"


def test_an_image_without_a_shell(client: Client) -> None:
    layer = Layer()
    layer.file("busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    image = ArchiveImage(
        [layer.data()], ["scratch/app:1"], config={"Entrypoint": ["/busybox", "echo"], "Cmd": ["alone"]}
    )
    client("load", input=docker_archive([image]))
    assert client.text("run", "--rm", "scratch/app:1") == "alone"
    client("rmi", "scratch/app:1")


def test_prune_takes_what_has_no_name(client: Client) -> None:
    first = made("shop/again:1", "2021-01-01T00:00:00Z", "first")
    second = made("shop/again:1", "2021-01-01T00:00:00Z", "second")
    for image in (first, second):
        client("load", input=docker_archive([image]))
    assert client.text("images", "-q", "--no-trunc", "-f", "dangling=true") == first.id
    refused = client("image", "prune", input="n\n")
    assert "WARNING! This will remove all dangling images." in refused.out
    assert client.text("images", "-q", "-f", "dangling=true")
    pruned = client("image", "prune", "-f").out
    assert f"deleted: {first.id}".lower() in pruned.lower()
    assert "Total reclaimed space: " in pruned
    client("rmi", "shop/again:1")


def test_names_of_the_hub_come_from_the_mirror(client: Client, mirror: Registry) -> None:
    for name in ("library/nginx:latest", "library/redis:7", "grafana/grafana:1"):
        client("tag", "busybox", f"{_MIRROR}/{name}")
        client("push", f"{_MIRROR}/{name}")
        client("rmi", f"{_MIRROR}/{name}")
    assert "Status: Downloaded newer image for nginx:latest" in client("pull", "nginx").out
    assert client("pull", "-q", "redis:7").out == "docker.io/library/redis:7\n"
    assert client.text("run", "--rm", "grafana/grafana:1", "echo", "up") == "up"
    client("rmi", "nginx", "redis:7", "grafana/grafana:1")


def script(client: Client, text: str, timeout_s: float = 120) -> str:
    """A bash script in which ``docker`` is the client."""
    function = f'docker() {{ {shlex.join(client.argv())} "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", function + text],
        env=client.env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_release_is_tagged_by_rules(client: Client, mirror: Registry) -> None:
    out = script(
        client,
        f"""
        REPO={_MIRROR}/ci/app TAG=v1.4.2 SHA=0123abc
        docker tag busybox $REPO:$SHA && docker push -q $REPO:$SHA
        for t in ${{TAG#v}} 1.4 1 $TAG; do docker tag $REPO:$SHA $REPO:$t; docker push -q $REPO:$t; done
        if [[ $TAG =~ ^v[0-9]+\\.[0-9]+\\.[0-9]+$ ]]; then
            docker tag $REPO:$SHA $REPO:latest && docker push -q $REPO:latest
        fi
        DIGEST=$(docker inspect --format '{{{{index .RepoDigests 0}}}}' $REPO:latest)
        echo "image: $REPO:latest" | sed "s|image: .*|image: $DIGEST|"
        docker rmi $(docker images -q $REPO | sort -u) -f > /dev/null
        docker pull -q $DIGEST
        """,
    )
    lines = out.splitlines()
    assert lines[0] == f"{_MIRROR}/ci/app:0123abc"
    assert lines[5] == f"{_MIRROR}/ci/app:latest"
    assert re.fullmatch(rf"image: {re.escape(_MIRROR)}/ci/app@sha256:[0-9a-f]{{64}}", lines[6])
    tags = json.loads(mirror.get("/v2/ci/app/tags/list"))["tags"]
    assert sorted(tags) == ["0123abc", "1", "1.4", "1.4.2", "latest", "v1.4.2"]
    script(client, f"docker rmi -f $(docker images -q {_MIRROR}/ci/app) >/dev/null || true")
    client("load", "-i", str(busybox_archive()))


def test_images_are_kept_in_files(client: Client, images: list[ArchiveImage], tmp_path: Path) -> None:
    script(
        client,
        f"""
        cd {tmp_path}
        docker save shop/old:1 shop/mid:1 | gzip > two.tar.gz
        docker save -o three.tar $(docker images -q 'shop/*')
        docker rmi shop/old:1 shop/mid:1
        docker load -i two.tar.gz | grep 'Loaded image: shop/old:1'
        gunzip -c two.tar.gz | docker load -q
        docker load < three.tar
        """,
    )
    for image in images:
        assert client.inspect(image.tags[0], "{{.Id}}") == image.id
        assert client.inspect(image.tags[0], "{{index .RootFS.Layers 0}}") == digest(image.layers[0])


def test_a_login_by_hand(client: Client, tmp_path: Path) -> None:
    with registry(
        tmp_path / "registry", client.daemon.namespace, address="127.0.0.1:5041", passwords=True
    ) as guarded:
        for password, words in (("wrong", "unauthorized|401"), (PASSWORD, "Login Succeeded")):
            with client.terminal("login", guarded.address) as terminal:
                terminal.expect("Username")
                terminal.type(f"{USER}\n")
                terminal.expect("Password: ")
                terminal.type(f"{password}\n")
                terminal.expect(words)
                terminal.wait()
        known = json.loads((Path(client.env["DOCKER_CONFIG"]) / "config.json").read_text())["auths"]
        assert list(known) == [guarded.address]
        client("logout", guarded.address)
