"""Builders of several nodes: platforms are built where they belong, and what comes of them is one image."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.registry import Registry, registry

pytestmark = [pytest.mark.root, pytest.mark.needs("docker-registry")]

ADDRESS = "127.0.0.1:5071"
PLATFORMS = "linux/amd64,linux/arm64"


class Farm:
    """Two engines, each in a network of its own, and the builder ``farm`` that has both."""

    def __init__(self, near: Daemon, far: Daemon, home: Path) -> None:
        self.near = near
        self.far = far
        self.home = home

    def buildx(self, *words: str, code: int = 0) -> Result:
        result: Result = self.near.scow(
            "buildx", *words, code=code, env={"DOCKER_CONFIG": str(self.home)}, timeout_s=120
        )
        return result


@pytest.fixture
def farm(
    scow_daemon: Daemon, start_daemon: Callable[..., Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Farm]:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /made-for\n")
    for name in ("amd64", "arm64"):
        (tmp_path / "app" / name).write_text(name)
    monkeypatch.chdir(tmp_path / "app")
    found = Farm(scow_daemon, start_daemon(images=False), tmp_path / "home")
    found.buildx("create", "--name", "farm", "--use", "--node", "near", scow_daemon.host)
    found.buildx(
        "create", "--name", "farm", "--append", "--node", "far", "--platform", "linux/arm64", found.far.host
    )
    yield found
    forget_builds(scow_daemon)


@pytest.fixture
def place(farm: Farm, tmp_path: Path) -> Iterator[Registry]:
    """One registry, which both engines have at the same address."""
    with ExitStack() as stack:
        folder = tmp_path / "registry"
        first = stack.enter_context(registry(folder, farm.near.namespace, address=ADDRESS))
        stack.enter_context(registry(folder, farm.far.namespace, address=ADDRESS))
        yield first


def refs(daemon: Daemon) -> list[str]:
    """Of all builds that an engine knows."""
    listed: str = daemon.scow("buildx", "--builder", "default", "history", "ls", "--format", "{{.Ref}}").out
    return sorted(listed.split())


def test_an_image_of_two_engines(farm: Farm, place: Registry) -> None:
    known = refs(farm.near)
    farm.buildx(
        "build", "--platform", PLATFORMS, "-t", f"{ADDRESS}/app:1", "-t", f"{ADDRESS}/other:2", "--push",
        "--annotation", "index:made.by=two", "--metadata-file", "m.json", ".",
    )  # fmt: skip
    facts = json.loads(Path("m.json").read_text())
    accept = "Accept: application/vnd.oci.image.index.v1+json"
    for name in ("app/manifests/1", "other/manifests/2", f"app/manifests/{facts['containerimage.digest']}"):
        index = json.loads(place.get(f"/v2/{name}", accept))
        architectures = [it["platform"]["architecture"] for it in index["manifests"]]
        assert [it for it in architectures if it != "unknown"] == ["amd64", "arm64"]
        assert index["annotations"] == {"made.by": "two"}
    assert json.loads(place.get("/v2/app/tags/list"))["tags"] == ["1"]
    near, far = (
        facts[f"buildx.build.provenance/linux/{it}"]["invocation"]["parameters"]["args"]
        for it in ("amd64", "arm64")
    )
    assert near == far
    assert len(refs(farm.near)) == len(known) + 1
    assert len(refs(farm.far)) == 1


def test_results_in_one_folder(farm: Farm) -> None:
    farm.buildx("build", "--platform", PLATFORMS, "-o", "out", ".")
    assert Path("out/linux_amd64/made-for").read_text() == "amd64"
    assert Path("out/linux_arm64/made-for").read_text() == "arm64"
    farm.buildx("build", "--platform", "linux/arm64", "-o", "one", ".")
    assert Path("one/made-for").read_text() == "arm64"
    assert len(refs(farm.far)) == 2
    Path("docker-bake.hcl").write_text(
        f'target "default" {{\n platforms = {json.dumps(PLATFORMS.split(","))}\n output = ["baked"]\n}}\n'
    )
    farm.buildx("bake")
    assert Path("baked/linux_arm64/made-for").read_text() == "arm64"
    assert len(refs(farm.far)) == 3


def test_what_cannot_be_put_together(farm: Farm) -> None:
    refused = farm.buildx("build", "--platform", PLATFORMS, "-o", "type=oci,dest=x.tar", ".", code=1).err
    assert "ERROR: oci for multi-node builds currently not supported\n" in refused
    Path("arm64").unlink()
    failed = farm.buildx("build", "--platform", PLATFORMS, "-o", "out", ".", code=1).err
    assert '"/arm64": not found' in failed
    assert not Path("out").exists() or not Path("out/linux_arm64").exists()


def test_commands_are_about_all_nodes(farm: Farm) -> None:
    farm.buildx("build", "--platform", PLATFORMS, "-o", "out", ".")
    shown = farm.buildx("inspect").out
    assert shown.count("Status:                running") + shown.count("Status:    running") == 2
    assert "linux/arm64*" in shown
    listed = farm.buildx("history", "ls", "--format", "{{.Ref}}").out.split()
    assert {it.rpartition("/")[2] for it in refs(farm.far)} <= {it.rpartition("/")[2] for it in listed}
    [far] = refs(farm.far)
    far = far.rpartition("/")[2]
    assert "COPY arm64 /made-for" in farm.buildx("history", "logs", far).err
    farm.buildx("history", "rm", far)
    assert refs(farm.far) == []
    assert "ERROR: " in farm.buildx("history", "rm", far, code=1).err
    used = farm.buildx("du", "--format", "{{.ID}}").out.split()
    far_used = farm.far.scow("buildx", "du", "--format", "{{.ID}}").out.split()
    assert far_used
    assert set(far_used) < set(used)
    farm.buildx("prune", "-f", "-a")
    assert farm.far.scow("buildx", "du", "--format", "{{.ID}}").out == ""
    farm.far.stop()
    rows = farm.buildx("ls").out.splitlines()
    assert [("running" in row, "inactive" in row) for row in rows[2:4]] == [(True, False), (False, True)]
    farm.buildx("rm", "--all-inactive", "-f")
    assert "farm" in farm.buildx("ls").out


def test_nodes_come_and_go(farm: Farm) -> None:
    def refusal(*words: str) -> str:
        return farm.buildx("create", *words, code=1).err

    host = farm.far.host
    assert 'ERROR: failed to find instance "none" for append' in refusal("--append", "--name", "none")
    assert f"ERROR: invalid duplicate endpoint {host}" in refusal("--append", "--name", "farm", host)
    assert "but no append mode, specify the node name to make" in refusal("--name", "farm", host)
    assert "node third not found, did you mean to append?" in refusal("--name", "farm", "--node", "third")
    assert "has mismatched driver" in refusal("--name", "farm", "--append", "--driver", "remote", host)
    assert "leave requires instance name" in refusal("--leave")
    assert "leave requires node name" in refusal("--leave", "--name", "farm")
    assert 'node "third" not found for farm' in refusal("--leave", "--name", "farm", "--node", "third")
    farm.buildx("create", "--name", "farm", "--node", "near", "--platform", "linux/arm64,linux/riscv64")
    nodes = json.loads((farm.home / "buildx/instances/farm").read_text())["Nodes"]
    assert [[it["architecture"] for it in node["Platforms"] or ()] for node in nodes] == [
        ["arm64", "riscv64"],
        [],
    ]
    farm.buildx("create", "--name", "farm", "--node", "far", "--leave")
    assert "can not leave last node" in refusal("--leave", "--name", "farm", "--node", "near")
    farm.buildx("build", "--platform", PLATFORMS, "-o", "type=oci,dest=x.tar", ".")
    assert refs(farm.far) == []
