"""What ``scow build`` and ``bake`` say of a build: git on its folder, provenance, warnings, progress."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import forget_builds
from tests.support.daemons import Daemon
from tests.support.git_server import Repository

pytestmark = [pytest.mark.root, pytest.mark.needs("git")]

DOCKERFILE = "FROM busybox AS small\nMAINTAINER nobody\nRUN echo made >/made\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "app")
    made.git("remote", "add", "origin", "https://me:word@host.invalid/app.git")
    made.commit({"sub/Dockerfile": DOCKERFILE, "docker-bake.hcl": 'target "default" { context = "sub" }\n'})
    return made


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


def test_the_repository_is_in_record_and_provenance(
    scow_daemon: Daemon, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path)
    commit = repository.git("rev-parse", "HEAD")
    env = {"BUILDX_GIT_LABELS": "1", "BUILDX_METADATA_PROVENANCE": "max", "DOCKER_CONFIG": str(tmp_path)}
    scow_daemon.scow(
        "buildx", "build", "-t", "labelled", "--metadata-file", "m.json", "sub", env=env, timeout_s=120
    )
    facts = json.loads((repository.path / "m.json").read_text())
    vouched = facts["buildx.build.provenance"]
    assert vouched["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["vcs"] == {
        "localdir:context": "sub",
        "localdir:dockerfile": "sub",
        "revision": commit,
        "source": "https://xxxxx:xxxxx@host.invalid/app.git",
    }
    assert vouched["buildType"] == "https://mobyproject.org/buildkit@v1"
    assert vouched["invocation"]["configSource"] == {"entryPoint": "Dockerfile"}
    assert any("busybox" in it["uri"] for it in vouched["materials"])
    assert vouched["buildConfig"]["llbDefinition"]
    labels = json.loads(scow_daemon.docker("inspect", "-f", "{{json .Config.Labels}}", "labelled").out)
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["com.docker.image.source.entrypoint"] == "sub/Dockerfile"
    ref = facts["buildx.build.ref"].rpartition("/")[2]
    inspected = json.loads(
        scow_daemon.scow("buildx", "history", "inspect", ref, "--format", "json", env=env).out
    )
    assert inspected["VCSRevision"] == commit
    listed = scow_daemon.scow("buildx", "history", "ls", "--local", "--format", "{{.Ref}}", env=env).out
    assert ref in listed
    repository.git("remote", "set-url", "origin", "https://host.invalid/other.git")
    assert ref not in scow_daemon.scow("buildx", "history", "ls", "--local", env=env).out


def test_what_the_metadata_has(scow_daemon: Daemon, repository: Repository, tmp_path: Path) -> None:
    place, path = str(repository.path / "sub"), tmp_path / "m.json"

    def facts(*words: str, **env: str) -> dict[str, Any]:
        scow_daemon.scow(
            "buildx", "build", "--metadata-file", str(path), *words, place, env=env, timeout_s=120
        )
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    least = facts("-t", "x")
    assert set(least) >= {"buildx.build.ref", "buildx.build.provenance", "containerimage.digest"}
    assert set(least["buildx.build.provenance"]) == {"builder", "buildType", "materials", "invocation"}
    without = facts(BUILDX_METADATA_PROVENANCE="false", BUILDX_METADATA_WARNINGS="true")
    assert "buildx.build.provenance" not in without
    [warning] = without["buildx.build.warnings"]
    assert base64.b64decode(warning["short"]).startswith(b"MaintainerDeprecated: ")
    assert warning["range"] == [{"start": {"line": 2}, "end": {"line": 2}}]
    assert base64.b64decode(warning["sourceInfo"]["data"]).decode() == DOCKERFILE
    (repository.path / "sub/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    several = facts("--platform", "linux/amd64,linux/arm64", "-o", "type=oci,dest=/dev/null")
    assert {"buildx.build.provenance/linux/amd64", "buildx.build.provenance/linux/arm64"} <= set(several)
    assert several["containerimage.descriptor"]["digest"] == several["containerimage.digest"]
    checked = facts("--call", "outline")
    assert "buildx.build.ref" not in checked
    assert "buildx.build.provenance" not in checked


def test_one_run_of_bake_is_a_group(
    scow_daemon: Daemon, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path)
    env = {"DOCKER_CONFIG": str(tmp_path), "BUILDX_METADATA_WARNINGS": "1"}
    scow_daemon.scow("buildx", "bake", "--metadata-file", "m.json", env=env, timeout_s=120)
    facts = json.loads((repository.path / "m.json").read_text())
    assert facts["default"]["buildx.build.provenance"]["builder"] == {"id": ""}
    assert len(facts["buildx.build.warnings"]) == 1
    refs = tmp_path / "buildx/refs"
    [group] = (refs / "__group__").iterdir()
    ref = facts["default"]["buildx.build.ref"]
    assert json.loads(group.read_text()) == {"Targets": ["default"], "Refs": [ref.rpartition("/")[2]]}
    assert json.loads((refs / ref).read_text())["GroupRef"] == group.name


def test_progress_for_programs_is_buildkits(scow_daemon: Daemon, repository: Repository) -> None:
    told = scow_daemon.scow(
        "buildx", "build", "--progress", "rawjson", "--no-cache", str(repository.path / "sub"), timeout_s=120
    ).err.splitlines()
    found: dict[str, list[dict[str, object]]] = {}
    for line in told:
        if line.startswith("{"):
            for kind, entries in json.loads(line).items():
                found.setdefault(kind, []).extend(entries)
    assert set(found) >= {"vertexes", "statuses", "warnings"}
    run = [it for it in found["vertexes"] if str(it["name"]).endswith("RUN echo made >/made")]
    assert "completed" in run[-1]
    assert all(str(it["digest"]).startswith("sha256:") for it in run)
