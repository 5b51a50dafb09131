"""docker-compose 1.29, the last that is a Python program, with a project of three services on scowd."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_packages import NotInstalledError, docker_compose
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

_PROJECT = Path(__file__).parent / "compose_project"
_TIMEOUT_S = 280


class Compose:
    """The command line, in a copy of the project; ``mark`` is a variable of the file."""

    def __init__(self, engine: Daemon, folder: Path) -> None:
        try:
            self._program = docker_compose()
        except NotInstalledError as exc:
            pytest.skip(str(exc))
        self.engine = engine
        self.mark = "one"
        self._folder = folder

    def __call__(self, *args: str, code: int = 0, by_docker: bool = False) -> str:
        """What it says on both streams; it must end with ``code``. ``by_docker``: by the docker client."""
        done = subprocess.run(
            self.engine.namespace.command(str(self._program), "--ansi", "never", *args),
            cwd=self._folder,
            env={
                "COMPOSE_DOCKER_CLI_BUILD": "0",
                "COMPOSE_INTERACTIVE_NO_CLI": str(int(not by_docker)),
                "COMPOSE_PROJECT_NAME": "composed",
                "DOCKER_HOST": self.engine.host,
                "HOME": str(self.engine.home),
                "LC_ALL": "C.UTF-8",
                "MARK": self.mark,
                "PATH": os.environ["PATH"],
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
        )
        assert done.returncode == code, f"docker-compose {' '.join(args)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def ids(self, service: str) -> list[str]:
        return self("ps", "-q", service).split()

    def run(self, service: str, script: str, code: int = 0) -> str:
        """``exec`` of a shell."""
        return self("exec", "-T", service, "sh", "-c", script, code=code).strip()

    def page(self) -> str:
        return self.engine.namespace.run("curl", "-s", "http://127.0.0.1:18080/").stdout


@pytest.fixture
def compose(scow_daemon: Daemon, tmp_path: Path) -> Iterator[Compose]:
    folder = tmp_path / "project"
    shutil.copytree(_PROJECT, folder)
    found = Compose(scow_daemon, folder)
    yield found
    found("down", "-v", "-t", "1", "--remove-orphans", "--rmi", "local")


def test_a_project_from_build_to_down(compose: Compose) -> None:
    assert "Successfully tagged composed_web:1" in compose("build", "web")
    assert "Using cache" in compose("build", "web")
    compose("up", "-d")
    wait_until(lambda: "Up (healthy)" in compose("ps"), "the database is healthy")
    assert compose.page() == "built by compose\n"
    assert compose("port", "web", "80").strip().endswith(":18080")
    assert re.search(r"worker_1 +\| worker is [0-9a-f]{12}", compose("logs", "--no-color"))
    assert compose("top", "db").count("nc -l") == 1
    assert compose.run("worker", "exit 7", code=7) == ""
    before = compose.ids("web")
    assert compose("up", "-d").count("is up-to-date") == 3
    assert compose.ids("web") == before


def test_names_addresses_and_volumes(compose: Compose) -> None:
    compose("up", "-d")
    assert compose.run("worker", "wget -q -O - http://web/") == "built by compose"
    assert compose.run("web", "wget -q -O - http://www/") == "built by compose"
    # An alias on a network that the worker is not on.
    assert compose.run("worker", "nslookup www >/dev/null || echo no") == "no"
    assert compose.run("worker", "nc -w 2 db 5432 </dev/null") == "answer"
    assert "172.30.77.10/24" in compose.run("db", "ip -4 addr")
    compose.run("web", "echo kept >/data/f")
    assert compose.run("db", "cat /shared/f") == "kept"
    assert "Read-only file system" in compose.run("db", "touch /shared/x", code=1)


def test_what_has_changed_is_made_anew_and_keeps_its_volume(compose: Compose) -> None:
    compose("up", "-d")
    compose.run("web", "echo kept >/data/f")
    web, db = compose.ids("web"), compose.ids("db")
    compose.mark = "two"
    assert "Recreating composed_web_1" in compose("up", "-d")
    assert compose.ids("db") == db
    assert compose.ids("web") != web
    assert compose.run("web", "cat /data/f; echo $MARK").split() == ["kept", "two"]
    assert compose.page() == "built by compose\n"


def test_verbs_of_a_service(compose: Compose) -> None:
    compose("up", "-d", "--scale", "worker=3", "db", "worker")
    assert len(compose.ids("worker")) == 3
    compose("up", "-d", "--scale", "worker=1", "db", "worker")
    assert len(compose.ids("worker")) == 1
    compose("pause", "worker")
    assert "Paused" in compose("ps", "worker")
    compose("unpause", "worker")
    compose("restart", "-t", "1", "worker")
    compose("kill", "worker")
    wait_until(lambda: "Exit 137" in compose("ps", "worker"), "it has been killed")
    compose("start", "worker")
    assert "Up" in compose("ps", "worker")
    compose("stop", "-t", "1", "db")
    assert re.search("Exit (0|137|143)", compose("ps", "db"))
    # Its own way attaches after the start (dockerpty maps lazily), so what is said at once may go past it.
    said = compose("run", "--rm", "-T", "--no-deps", "worker", "echo", "once", by_docker=True)
    assert "once" in said.splitlines()
    compose("run", "--rm", "-T", "--no-deps", "worker", "sh", "-c", "exit 5", code=5)
    compose("rm", "-f", "-s", "worker")
    assert compose.ids("worker") == []
