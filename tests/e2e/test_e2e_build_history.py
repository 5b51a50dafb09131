"""Records of builds: what BuildKit's doors leave, and ``scow buildx history``, which reads both engines'."""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.buildx import Buildx
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.environment import clean_environment
from tests.support.waiting import wait_until

_DOCKER = "/usr/bin/docker"
"""Debian's: its command line has a client of BuildKit's built in."""
DOCKERFILE = "FROM busybox\nARG WHAT=0\nRUN echo said $WHAT\nCOPY a.txt /a.txt\n"


@pytest.fixture(params=["scow_daemon", "present_dockerd"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Buildx]:
    """The real buildx on scowd, and on dockerd 26.1, which proves the test right."""
    daemon: Daemon = request.getfixturevalue(request.param)
    found = Buildx(daemon, tmp_path / "project")
    found.write("Dockerfile", DOCKERFILE)
    found.write("a.txt", "a\n")
    found.write("Broken", "FROM busybox\nRUN echo before; exit 3\n")
    client = daemon.client("scow")
    client("buildx", "history", "rm", "--all")
    yield found
    forget_builds(daemon)


@pytest.fixture
def scow(build: Buildx) -> Client:
    """Our own command line, with the settings of the plugin, which remembers where builds came from."""
    client = build.daemon.client("scow")
    client.env["DOCKER_BUILDKIT"] = "1"
    client.env["DOCKER_CONFIG"] = str(build.context.parent / "docker-config")
    return client


def listed(scow: Client, *options: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in scow("buildx", "history", "ls", "--format", "json", *options).lines]


@pytest.mark.parametrize("build", ["scow_daemon", "present_dockerd"], indirect=True)
def test_what_a_build_leaves(build: Buildx, scow: Client, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    build("-t", "history:1", "--build-arg", "WHAT=this", "--label", "a=b", "--metadata-file", str(facts))
    build("-f", str(build.context / "Broken"), code=1)
    broken, whole = listed(scow)
    assert whole["ref"] == json.loads(facts.read_text())["buildx.build.ref"]
    assert [it["name"] for it in (whole, broken)] == ["project", "project/Broken"]
    assert [it["status"] for it in (whole, broken)] == ["Completed", "Error"]
    assert whole["total_steps"] == whole["completed_steps"] != 0
    ref = str(whole["ref"]).rpartition("/")[2]
    assert [it["ref"] for it in listed(scow, "--filter", "status=error")] == [broken["ref"]]
    assert [it["ref"] for it in listed(scow, "--filter", f"ref={ref}")] == [whole["ref"]]
    assert listed(scow, "--filter", "duration>1h") == []
    document = json.loads(scow("buildx", "history", "inspect", "--format", "json", ref).out)
    assert document["BuildArgs"] == [{"Name": "WHAT", "Value": "this"}]
    assert document["Labels"] == [{"Name": "a", "Value": "b"}]
    assert document["Status"] == "completed"
    assert document["Materials"][0]["URI"].startswith("pkg:docker/busybox@latest")
    page = scow("buildx", "history", "inspect", "^1").out
    assert f"buildx history logs {ref}\n" in page
    assert "Build Steps:" in page
    logs = scow("buildx", "history", "logs", "^1").err
    assert "RUN echo said" in logs
    assert "said this" in logs
    said = json.loads(scow("buildx", "history", "inspect", "attachment", "--type", "provenance", ref).out)
    assert said.get("buildDefinition") or said["materials"]
    failed = scow("buildx", "history", "inspect", "--format", "{{.Status}} {{.Error.Message}}").out
    assert failed.startswith("failed process")
    assert "exit code: 3" in failed
    scow("buildx", "history", "rm", ref)
    assert [it["ref"] for it in listed(scow)] == [broken["ref"]]
    # dockerd 26.1 says here that it is deleted, as long as it remembers that.
    assert scow("buildx", "history", "inspect", ref, code=1).err.startswith("ERROR: ")


@pytest.mark.parametrize("build", ["scow_daemon", "present_dockerd"], indirect=True)
def test_records_go_into_one_file(build: Buildx, scow: Client, tmp_path: Path) -> None:
    build("-t", "history:1")
    build("-f", str(build.context / "Broken"), code=1)
    target = tmp_path / "all.dockerbuild"
    scow("buildx", "history", "export", "--all", "-o", str(target))
    with tarfile.open(target) as archive:
        blobs = {it.name: archive.extractfile(it).read() for it in archive if it.isfile()}  # type: ignore[union-attr]
    (root,) = json.loads(blobs["index.json"])["manifests"]

    def blob(descriptor: dict[str, str]) -> dict[str, object]:
        found: dict[str, object] = json.loads(blobs["blobs/" + descriptor["digest"].replace(":", "/")])
        return found

    manifests = [blob(it) for it in blob(root)["manifests"]]  # type: ignore[attr-defined]
    records = [blob(it["config"]) for it in manifests]  # type: ignore[arg-type]
    assert [it.get("error") is None for it in records] == [False, True]
    for manifest in manifests:
        kinds = [it["mediaType"] for it in manifest["layers"]]  # type: ignore[attr-defined]
        assert "application/vnd.buildkit.status.v0" in kinds


@pytest.mark.parametrize("build", ["scow_daemon"], indirect=True)
def test_scow_build_leaves_one_too_with_what_failed(build: Buildx, scow: Client, tmp_path: Path) -> None:
    secret, facts = tmp_path / "secret", tmp_path / "facts.json"
    secret.write_text("never-to-be-seen")
    build.write(
        "Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=s echo seen; test -s /run/secrets/s\n"
    )
    scow("build", "--secret", f"id=s,src={secret}", "--metadata-file", str(facts), str(build.context))
    scow("build", "-f", str(build.context / "Broken"), str(build.context), code=1)
    failed, whole = listed(scow)
    assert whole["ref"] == json.loads(facts.read_text())["buildx.build.ref"]
    assert [it["name"] for it in (whole, failed)] == ["project", "project/Broken"]
    page = scow("buildx", "history", "inspect").out
    assert "Broken:2\n--------------------\n" in page
    assert "> => [2/2] RUN echo before; exit 3:\n> before\n" in page
    kept = build.daemon.folder / "data/build/history"
    texts = [it.read_bytes() for it in kept.iterdir()]
    assert any(b"seen" in it for it in texts)
    assert not any(b"never-to-be-seen" in it for it in texts)
    missing = f'ERROR: build record "{str(failed["ref"]).rpartition("/")[2]}" is missing a trace\n'
    assert scow("buildx", "history", "trace", code=1).err == missing
    assert "Docker Desktop" in scow("buildx", "history", "open", code=1).err
    assert "Docker Desktop" in scow("buildx", "history", "import", code=1).err


@pytest.mark.needs(_DOCKER)
@pytest.mark.parametrize("build", ["scow_daemon"], indirect=True)
def test_the_client_within_docker_leaves_one(build: Buildx, scow: Client) -> None:
    subprocess.run(
        [_DOCKER, "build", "-q", "--build-arg", "WHAT=old", str(build.context)],
        env=clean_environment(build.context.parent)
        | {"DOCKER_HOST": build.daemon.host, "DOCKER_BUILDKIT": "1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    (record,) = listed(scow)
    document = json.loads(scow("buildx", "history", "inspect", "--format", "json").out)
    assert record["status"] == "Completed"
    assert document["BuildArgs"] == [{"Name": "WHAT", "Value": "old"}]


@pytest.mark.parametrize("build", ["scow_daemon"], indirect=True)
def test_records_outlive_a_kill_and_half_a_build_is_none(build: Buildx, scow: Client) -> None:
    build("-t", "history:1")
    (before,) = listed(scow)
    build.write("Dockerfile", "FROM busybox\nRUN echo begun; sleep 3600\n")
    running = build.start()
    try:
        going = wait_until(
            lambda: [it for it in listed(scow) if it["status"] == "Running"], "a build that goes on", 60
        )
        assert scow("buildx", "history", "ls").lines[1].split()[-1].endswith("s+")
        build.daemon.kill9()
        build.daemon.start()
        assert listed(scow) == [before]
        assert going[0]["ref"] != before["ref"]
        assert "RUN echo said" in scow("buildx", "history", "logs").err
    finally:
        running.kill()
        running.communicate()
