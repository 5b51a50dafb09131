"""``docker compose`` 2, as published, on scowd and on a younger dockerd: a project from up to down."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.environment import clean_environment
from tests.support.present_docker import give_plugins
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

PROJECT = """
services:
  web:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sh -c "mkdir -p /www && echo hi from web >/www/index.html && exec httpd -f -p 80 -h /www"
    ports: ["127.0.0.1:0:80"]
    depends_on: {db: {condition: service_healthy}}
    networks: [front, back]
    volumes: ["data:/data"]
  db:
    build: .
    init: true
    stop_grace_period: 1s
    healthcheck: {test: [CMD, test, -e, /ready], interval: 1s, retries: 30}
    networks: {back: {aliases: [database]}}
    environment: {GREETING: "${GREETING:-none}"}
  once:
    image: busybox
    command: wget -qO- http://web
    depends_on: [web]
    networks: [front]
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
"""
DOCKERFILE = 'FROM busybox\nRUN echo built >/built\nCMD ["sh", "-c", "touch /ready; exec sleep 1000"]\n'


@pytest.fixture(params=["scow_daemon", "present_dockerd"])
def engine(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """scowd, and dockerd 26.1, which proves the test right."""
    daemon: Daemon = request.getfixturevalue(request.param)
    yield daemon
    daemon.remove_containers()


class Compose:
    """The plugin, with one engine and one project."""

    def __init__(self, engine: Daemon, folder: Path) -> None:
        self._argv = engine.namespace.command("docker", "compose", "--project-directory", str(folder))
        config = folder.parent / "docker-config"
        give_plugins(config)
        given = {"DOCKER_HOST": engine.host, "DOCKER_CONFIG": str(config), "DOCKER_BUILDKIT": "1"}
        self._environment = clean_environment(folder) | given | {"GREETING": "hello"}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Standard output."""
        done = subprocess.run(
            [*self._argv, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def compose(engine: Daemon, tmp_path: Path) -> Compose:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yaml").write_text(PROJECT)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return Compose(engine, folder)


def test_a_project_from_up_to_down(engine: Daemon, compose: Compose) -> None:
    compose("up", "-d", "--build")
    states = compose("ps", "-a", "--format", "{{.Service}} {{.State}} {{.Health}}").splitlines()
    assert {"db running healthy", "web running "} <= set(states)
    assert compose("exec", "-T", "web", "wget", "-qO-", "http://web") == "hi from web\n"
    assert compose("exec", "-T", "web", "ping", "-c1", "-W5", "database").startswith("PING database")
    assert compose("exec", "-T", "db", "sh", "-c", "cat /built; echo $GREETING") == "built\nhello\n"
    compose("exec", "-T", "db", "ping", "-c1", "-W1", "once", code=1)
    host, _, port = compose("port", "web", "80").strip().partition(":")
    assert host == "127.0.0.1"
    assert engine.namespace.run("curl", "-s", f"http://127.0.0.1:{port}/").stdout == "hi from web\n"

    before = containers(engine)
    compose("up", "-d")
    assert containers(engine) == before, "what has not changed is not made again"
    compose("up", "-d", "--scale", "once=2")
    assert {"shop-once-1", "shop-once-2"} <= {name for name, _ in containers(engine)}
    compose("restart", "web")
    compose("stop")
    compose("start")
    compose("down", "-v")
    assert not containers(engine)
    assert not [
        name for name in engine.docker("network", "ls", "--format", "{{.Name}}").lines if "shop" in name
    ]
    assert engine.docker("volume", "ls", "-q").out == ""


def containers(engine: Daemon) -> set[tuple[str, str]]:
    """Names and ids of all."""
    lines = engine.docker("ps", "-a", "--format", "{{.Names}} {{.ID}}").lines
    return {(line.split()[0], line.split()[1]) for line in lines}


def test_the_logs_of_a_service_that_ended(engine: Daemon, compose: Compose) -> None:
    compose("up", "-d", "--build")
    wait_until(lambda: "hi from web" in compose("logs", "--no-color", "once"), "the service has ended")
    compose("down", "-v", "--rmi", "local")
    assert "shop-db" not in engine.docker("images", "--format", "{{.Repository}}").out
