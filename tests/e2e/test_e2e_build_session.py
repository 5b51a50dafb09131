"""``DOCKER_BUILDKIT=1 docker build`` of docker's command line 20.10, which has BuildKit's client built in."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.environment import clean_environment

_DOCKER = "/usr/bin/docker"
"""Debian's, of the package docker.io; what else is called docker may come first."""

pytestmark = pytest.mark.needs(_DOCKER)


@pytest.fixture(params=["scow_daemon", "dockerd"])
def engine(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """scowd, and dockerd 20.10, which proves the test right."""
    daemon: Daemon = request.getfixturevalue(request.param)
    yield daemon
    daemon.remove_containers()


def build(
    engine: Daemon, context: Path | str, *arguments: str, code: int = 0, stdin: bytes = b"", kit: str = "1"
) -> str:
    """Build; everything that was printed."""
    done = subprocess.run(
        [_DOCKER, "build", *(("--progress", "plain") if kit else ()), *arguments, str(context)],
        env=clean_environment(engine.folder / "home") | {"DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": kit},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == code, text
    return text


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("in the context")
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nARG V=0\nRUN --mount=type=secret,id=s cat /run/secrets/s >/secret; echo $V >/v\n"
        "COPY a /a\nCMD cat /secret /v /a\n"
    )
    return tmp_path


def test_a_build_over_a_session(engine: Daemon, context: Path) -> None:
    secret = context / "hidden"
    secret.write_text("shh ")
    arguments = ("--secret", f"id=s,src={secret}", "--build-arg", "V=5", "--label", "of=test")
    ids = context.parent / "iid"
    told = build(engine, context, "-t", "session:1", "--iidfile", str(ids), *arguments)
    assert "COPY a /a" in told
    assert engine.docker("run", "--rm", "session:1").out == "shh 5\nin the context"
    shown = json.loads(engine.docker("image", "inspect", "session:1").out)[0]
    assert shown["Id"] == ids.read_text()
    assert shown["Config"]["Labels"] == {"of": "test"}
    assert "CACHED" in build(engine, context, "-t", "session:2", *arguments)


def test_a_failure_over_a_session(engine: Daemon, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo why >&2; exit 3\n")
    failed = build(engine, context, code=1)
    assert "why" in failed
    assert "exit code: 3" in failed


def test_a_context_from_standard_input(engine: Daemon) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as writing:
        for name, content in (("Dockerfile", b"FROM busybox\nCOPY z /z\n"), ("z", b"in a tar")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            writing.addfile(entry, io.BytesIO(content))
    build(engine, "-", "-t", "session:3", stdin=packed.getvalue())
    assert engine.docker("run", "--rm", "session:3", "cat", "/z").out == "in a tar"


def test_a_result_as_a_folder(engine: Daemon, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /out/a\n")
    folder = context.parent / "result"
    build(engine, context, "--output", str(folder))
    assert (folder / "out/a").read_text() == "in the context"
    assert os.listdir(folder) == ["out"]
