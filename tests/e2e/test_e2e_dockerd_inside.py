"""Docker's engine inside privileged containers: the builder that buildx makes by default, and docker:dind."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.buildkit_image import BUILDKIT_IMAGE, buildkit_archive
from tests.support.buildx import Buildx
from tests.support.client_packages import NotInstalledError
from tests.support.daemons import Daemon
from tests.support.images import busybox_archive
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.needs("docker", "runc"),
    pytest.mark.timeout(1500),  # dockerd, in a container, on a slow machine
]

CONTAINER = "buildx_buildkit_mybuilder0"
VOLUME = f"{CONTAINER}_state"


@pytest.fixture(scope="module")
def daemon(scow_daemon: Daemon) -> Daemon:
    try:
        scow_daemon.load(buildkit_archive())
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    return scow_daemon


def test_a_builder_in_a_container(daemon: Daemon, tmp_path: Path) -> None:
    """``docker buildx create`` and everything that is done with what it makes, its driver left to it."""
    buildx = Buildx(daemon, tmp_path / "context")
    busybox = shutil.which("busybox")
    assert busybox
    buildx.write("busybox", Path(busybox).read_bytes(), mode=0o755)
    buildx.write(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/sh\nRUN echo made >/made\nCMD read -r it </made; echo $it",
    )

    assert buildx.other("create", "--use", "--name", "mybuilder").stdout == "mybuilder\n"
    shown = buildx.bootstrap()
    for fact in ("Driver:        docker-container", "Status:                running", "linux/amd64"):
        assert fact in shown
    buildx("--load", "-t", "nested")
    assert daemon.docker("run", "--rm", "nested").out == "made\n"

    buildx.other("stop")
    assert "stopped" in buildx.other("ls").stdout
    assert buildx("--load", "-t", "nested:2").stderr.count("CACHED") == 2
    buildx.other("rm", "--keep-state", "mybuilder")
    assert daemon.docker("ps", "-aq").out == ""
    assert daemon.docker("volume", "ls", "-q").out == f"{VOLUME}\n"

    options = (
        "--driver-opt",
        "network=host",
        "--driver-opt",
        "env.GREETING=hello",
        "--buildkitd-flags",
        "--debug",
    )
    buildx.other("create", "--use", "--name", "mybuilder", *options)
    buildx.bootstrap()
    assert "GREETING=hello" in daemon.docker("exec", CONTAINER, "env").out
    out = tmp_path / "out.tar"
    assert buildx("-o", f"type=oci,dest={out}").stderr.count("CACHED") == 2
    assert out.stat().st_size
    buildx.other("rm", "mybuilder")
    assert daemon.docker("ps", "-aq").out == daemon.docker("volume", "ls", "-q").out == ""


def test_jobs_with_dockerd_as_their_service(daemon: Daemon) -> None:
    """As GitLab's docker:dind: command lines of jobs reach the service by its name."""
    docker = daemon.docker
    cli = os.path.realpath(shutil.which("docker") or "")
    serve = "exec dockerd -H tcp://0.0.0.0:2375 --tls=false --iptables=false --data-root /var/lib/docker"
    docker("network", "create", "job")
    docker(
        *("run", "-d", "--privileged", "--name", "service", "--network", "job", "--network-alias", "docker"),
        *("-v", "/var/lib/docker", "--entrypoint", "sh", BUILDKIT_IMAGE, "-c", serve),
    )

    def job(*command: str, code: int | None = 0) -> str:
        done = docker(
            *("run", "--rm", "--network", "job", "-e", "DOCKER_HOST=tcp://docker:2375"),
            *("-v", f"{cli}:/usr/bin/docker:ro", "-v", f"{busybox_archive()}:/busybox.tar:ro"),
            *("busybox", "docker", *command),
            code=code,
        )
        return str(done.out)

    wait_until(
        lambda: job("version", "-f", "{{.Server.Version}}", code=None).startswith("26"), "it is there", 240
    )
    assert "Loaded image: busybox:latest" in job("load", "-i", "/busybox.tar")
    assert job("run", "--rm", "busybox", "echo", "inside") == "inside\n"
    job("run", "-d", "--name", "deep", "busybox", "sleep", "3600")
    assert job("ps", "--format", "{{.Names}}") == "deep\n"
    assert docker("ps", "--format", "{{.Names}}").out == "service\n"
    docker("rm", "-fv", "service")
    docker("network", "rm", "job")
