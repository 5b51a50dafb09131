"""Build caches brought to other engines and back: in images, registries and folders."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds, scow_build
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.root

ADDRESS = "127.0.0.1:5061"
DOCKERFILE = """FROM busybox AS tools
RUN head -c 8 /dev/urandom | od -An -tx1 >/tool && echo made "the" tool
FROM busybox
RUN head -c 8 /dev/urandom | od -An -tx1 >/random && echo made "the" number
COPY --from=tools /tool /tool
COPY a.txt /a.txt
CMD ["cat", "/random", "/tool", "/a.txt"]
"""


@pytest.fixture(scope="module")
def place(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), scow_daemon.namespace, address=ADDRESS) as found:
        yield found


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    (found / "Dockerfile").write_text(DOCKERFILE)
    (found / "a.txt").write_text("context\n")
    return found


def printed(daemon: Daemon, image: str) -> str:
    return str(daemon.docker("run", "--rm", "--network=none", image).out)


def cached(progress: str) -> int:
    return len(re.findall(r"^#\d+ CACHED$", progress, re.M))


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("kind", ["registry", "local"])
def test_a_cache_that_was_exported_is_used_by_an_engine_that_has_none(
    scow_daemon: Daemon, place: Registry, folder: Path, tmp_path: Path, kind: str, mode: str
) -> None:
    ref = f"ref={ADDRESS}/cache-{mode}:1"
    to = ref if kind == "registry" else f"dest={tmp_path}/cache"
    from_ = ref if kind == "registry" else f"src={tmp_path}/cache"
    scow_build(scow_daemon, "-t", "x", "--cache-to", f"type={kind},mode={mode},{to}", str(folder))
    before = printed(scow_daemon, "x")
    forget_builds(scow_daemon)
    again = scow_build(scow_daemon, "-t", "x", "--cache-from", f"type={kind},{from_}", str(folder))
    assert cached(again.err) == 4, again.err
    assert "made the" not in again.err
    assert printed(scow_daemon, "x") == before
    # Layers that came are this engine's own results now; the tools' were not needed, so they did not come.
    assert "made the number" not in scow_build(scow_daemon, str(folder)).err


def test_only_what_is_needed_of_a_cache_is_fetched(
    scow_daemon: Daemon, place: Registry, folder: Path
) -> None:
    cache = f"type=registry,ref={ADDRESS}/needed:1"
    scow_build(scow_daemon, "--cache-to", f"{cache},mode=max", str(folder))
    forget_builds(scow_daemon)
    (folder / "a.txt").write_text("changed\n")
    again = scow_build(scow_daemon, "-t", "x", "--cache-from", cache, str(folder))
    assert cached(again.err) == 3
    here = [it["Description"] for it in scow_daemon.api("GET", "/system/df").json["BuildCache"]]
    assert any(">/random" in it for it in here)
    assert not any(">/tool" in it for it in here), "a layer came, though nothing needed it"


def test_steps_whose_layers_were_not_exported_are_done_again_when_they_are_needed(
    scow_daemon: Daemon, place: Registry, folder: Path
) -> None:
    cache = f"type=registry,ref={ADDRESS}/missing:1"
    scow_build(scow_daemon, "--cache-to", cache, str(folder))
    forget_builds(scow_daemon)
    with (folder / "Dockerfile").open("a") as file:
        file.write("COPY --from=tools /tool /another\n")
    again = scow_build(scow_daemon, "-t", "x", "--cache-from", cache, str(folder))
    assert "made the tool" in again.err
    assert "made the number" not in again.err
    (number,) = set(re.findall(r"^#(\d+) \[tools 2/2\] RUN", again.err, re.M))
    assert f"#{number} CACHED" not in again.err, again.err
    numbers = printed(scow_daemon, "x").splitlines()
    assert numbers[1] == scow_daemon.docker("run", "--rm", "x", "cat", "/another").out.strip("\n")


def test_a_cache_in_the_image_itself(scow_daemon: Daemon, place: Registry, folder: Path) -> None:
    name = f"{ADDRESS}/app:1"
    scow_build(scow_daemon, "-t", name, "--push", "--cache-to", "type=inline", str(folder))
    before = printed(scow_daemon, name)
    config = json.loads(
        place.get(f"/v2/app/blobs/{scow_daemon.docker('inspect', '-f', '{{.Id}}', name).out.strip()}")
    )
    assert config["moby.buildkit.cache.v0"]
    forget_builds(scow_daemon)
    again = scow_build(scow_daemon, "-t", "x", "--cache-from", name, str(folder))
    assert cached(again.err) == 4
    assert printed(scow_daemon, "x") == before


def test_a_cache_in_an_image_by_dockers_client(scow_daemon: Daemon, place: Registry, folder: Path) -> None:
    buildx = Buildx(scow_daemon, folder)
    name = f"{ADDRESS}/theirs:1"
    buildx("-t", name, "--cache-to", "type=inline", "--output", f"type=image,name={name},push=true")
    before = printed(scow_daemon, name)
    forget_builds(scow_daemon)
    again = buildx("-t", "x", "--cache-from", f"type=registry,ref={name}").stderr
    assert cached(again) == 4
    assert printed(scow_daemon, "x") == before


def test_a_cache_that_cannot_be_read_is_told_of_and_missed(
    scow_daemon: Daemon, place: Registry, folder: Path, tmp_path: Path
) -> None:
    gone = scow_build(
        scow_daemon, "--cache-from", f"{ADDRESS}/nothing:here", "--cache-from",
        f"type=local,src={tmp_path}/no",
        "--cache-from", "type=gha", str(folder),
    )  # fmt: skip
    assert f"importing cache manifest from {ADDRESS}/nothing:here" in gone.err
    assert "url not set for github actions cache" in gone.err
    assert f"WARNING: local cache import at {tmp_path}/no not found" in gone.err
    assert "made the tool" in gone.err


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ("type=gha", "url not set for github actions cache"),
        ("type=s3,bucket=x", "unknown cache exporter"),
        ("type=local", "local cache exporter requires dest"),
        ("type=registry,ref=x,mode=most", "invalid cache export mode most"),
        ("type=registry,ref=127.0.0.1:1/x", "127.0.0.1:1"),
    ],
)
def test_exports_that_cannot_be(scow_daemon: Daemon, folder: Path, cache: str, message: str) -> None:
    assert message in scow_build(scow_daemon, "--cache-to", cache, str(folder), code=1).err
    if "127" in cache:
        scow_build(scow_daemon, "--cache-to", f"{cache},ignore-error=true", str(folder))


@pytest.mark.parametrize("kind", ["local", "registry"])
def test_cache_mounts_go_along_if_they_are_asked_for(
    scow_daemon: Daemon, place: Registry, folder: Path, tmp_path: Path, kind: str
) -> None:
    mount = "--mount=type=cache,id=things,target=/things,uid=7,mode=0750"
    program = (
        "mkdir -p /things/a; echo kept >>/things/a/b; ln -sf b /things/a/c; stat -c '%u %a' /things >/of"
    )
    dockerfile = f"FROM busybox AS one\nRUN {mount} {program}; cat /things/a/c >/seen\n"
    (folder / "Dockerfile").write_text(dockerfile)
    to = f"ref={ADDRESS}/mounts:1" if kind == "registry" else f"dest={tmp_path}/cache"
    scow_build(scow_daemon, "--cache-to", f"type={kind},{to},mounts=true", str(folder))
    forget_builds(scow_daemon)
    from_ = f"type={kind},{to.replace('dest=', 'src=')}"
    for times in (2, 3):
        # What is here is not taken from there again.
        again = scow_build(
            scow_daemon, "-t", "x", "--cache-from", from_, "--no-cache-filter", "one", str(folder)
        )
        assert "importing cache mount things" in again.err
        seen = scow_daemon.docker("run", "--rm", "x", "cat", "/seen", "/of").out
        assert seen == "kept\n" * times + "7 750\n"
    mounts = scow_daemon.data_root / "build/cache-mounts"
    assert not [it for it in mounts.iterdir() if it.name.startswith(".")]


def test_a_damaged_cache_is_no_result(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    scow_build(scow_daemon, "--cache-to", f"type=local,mode=max,dest={cache}", str(folder))
    forget_builds(scow_daemon)
    for blob in (cache / "blobs/sha256").iterdir():
        if blob.stat().st_size < 1000 and blob.read_bytes()[:2] == b"\x1f\x8b":
            data = bytearray(blob.read_bytes())
            data[-9] ^= 1
            os.chmod(blob, 0o644)
            blob.write_bytes(bytes(data))
    failed = scow_build(
        scow_daemon, "-t", "x", "--cache-from", f"type=local,src={cache}", str(folder), code=1
    )
    assert "verification failed" in failed.err


@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_stands_on_a_linked_copy_comes_back_from_a_cache(
    scow_daemon: Daemon, folder: Path, tmp_path: Path, mode: str
) -> None:
    (folder / "Dockerfile").write_text(
        'FROM busybox AS a\nRUN echo made "the" tool >/tool\n'
        "FROM busybox\nRUN echo below >/b\nCOPY --link --from=a /tool /x/tool\nCOPY --link a.txt /x/a.txt\n"
        'RUN head -c 8 /dev/urandom | od -An -tx1 >/random && echo made "the" number\n'
        "CMD cat /b /x/tool /x/a.txt /random\n"
    )
    scow_build(
        scow_daemon, "-t", "x", "--cache-to", f"type=local,mode={mode},dest={tmp_path}/cache", str(folder)
    )
    before = printed(scow_daemon, "x")
    layers = scow_daemon.docker("inspect", "-f", "{{.RootFS.Layers}}", "x").out
    forget_builds(scow_daemon)
    again = scow_build(
        scow_daemon, "-t", "x", "--cache-from", f"type=local,src={tmp_path}/cache", str(folder)
    )
    assert "made the" not in again.err, again.err
    assert printed(scow_daemon, "x") == before
    assert scow_daemon.docker("inspect", "-f", "{{.RootFS.Layers}}", "x").out == layers
