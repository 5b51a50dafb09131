"""Engines and command lines inside containers: the socket passed in, and scow in scow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import make_certificates
from tests.support.daemons import Daemon
from tests.support.environment import PROJECT, program
from tests.support.images import busybox_archive
from tests.support.waiting import wait_until


def _docker_program() -> str:
    """The docker command line, which is one static file."""
    path = shutil.which("docker")
    assert path
    return os.path.realpath(path)


def test_a_command_line_in_a_container_sees_the_hosts_containers(engine: Daemon) -> None:
    docker = engine.docker
    docker("run", "-d", "--name", "neighbour", "busybox", "sleep", "60")
    listed = docker(
        *("run", "--rm", "-v", f"{engine.socket}:/var/run/docker.sock"),
        *("-v", f"{_docker_program()}:/usr/bin/docker:ro", "busybox"),
        *("docker", "ps", "--filter", "name=neighbour", "--format", "{{.Names}} {{.Image}}"),
    )
    assert listed.out == "neighbour busybox\n"


def _host_folders() -> list[str]:
    """Options that show a container the host's programs, and this checkout, read-only."""
    python = Path(sys.executable).resolve()
    folders = {"/usr", "/lib", "/lib64", str(PROJECT), str(Path(sys.prefix)), str(busybox_archive().parent)}
    if not python.is_relative_to("/usr"):
        folders.add(str(python.parents[1]))
    return [
        word
        for folder in sorted(folders)
        if os.path.exists(folder)
        for word in ("-v", f"{folder}:{folder}:ro")
    ]


@pytest.mark.needs("openssl")
def test_scow_runs_in_a_privileged_container_of_scow(scow_daemon: Daemon, tmp_path: Path) -> None:
    """As docker:dind with its certificates: other command lines reach it by TLS, build and run in there.

    On an overlay there is no further overlay: the inner engine falls back to vfs by itself.
    """
    docker = scow_daemon.docker
    certificates = make_certificates(tmp_path / "certificates")
    script = (
        f"ln -s /usr/sbin /sbin; exec {program('scowd')} --data-root /data --exec-root /run/scow"
        " --pidfile /run/scowd.pid -H unix:///run/scow.sock -H tcp://0.0.0.0:2376 --tlsverify"
        " --tlscacert /certs/ca.pem --tlscert /certs/cert.pem --tlskey /certs/key.pem"
    )
    docker(
        *("run", "-d", "--privileged", "--name", "inner", "-p", "127.0.0.1:2376:2376"),
        *("-v", f"{certificates.server}:/certs:ro", *_host_folders(), "busybox", "sh", "-c", script),
    )
    reached = {
        "DOCKER_HOST": "tcp://127.0.0.1:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(certificates.client),
        "DOCKER_BUILDKIT": "0",
    }
    env = scow_daemon.client("docker").env | reached

    def inner(*args: str, stdin: str = "") -> str:
        done = subprocess.run(
            scow_daemon.namespace.command("docker", *args),
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr + docker("logs", "inner").err
        return done.stdout

    wait_until(lambda: "API listens" in docker("logs", "inner").err, "the inner engine is there")
    assert inner("info", "--format", "{{.Driver}}") == "vfs\n"
    inner("load", "-qi", str(busybox_archive()))
    assert inner("run", "--rm", "busybox", "echo", "inside the inside") == "inside the inside\n"
    inner("build", "-t", "built", "-", stdin="FROM busybox\nRUN echo made >/file\n")
    assert inner("run", "--rm", "built", "cat", "/file") == "made\n"
    inner("run", "-d", "--name", "deep", "busybox", "sleep", "3600")
    assert inner("exec", "deep", "hostname").strip() == inner("ps", "-q").strip()
    names = docker("ps", "--format", "{{.Names}}").out.split()
    assert names == ["inner"], "what runs in there is the inner engine's"
    docker("rm", "-f", "inner")
