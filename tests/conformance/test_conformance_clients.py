"""Docker's clients, as published, on scowd: what their users do with containers, images, volumes and streams.

The scenarios are in the files beside this one and run in an environment that has the clients and not scow.
With ``--client dockerd`` they run on dockerd too, which proves that they ask for nothing it does not give.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.client_packages import NotInstalledError, node_modules, python_with_clients
from tests.support.daemons import Daemon

pytestmark = pytest.mark.root

_HERE = Path(__file__).parent
_TIMEOUT_S = 280


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """dockerd only when it is asked for by name: it takes a minute, and the scenarios seldom change."""
    wanted = metafunc.config.getoption("--client") or ()
    metafunc.parametrize(
        "engine", ["scow_daemon", *(["dockerd"] if "dockerd" in wanted else [])], indirect=True
    )


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Daemon:
    daemon: Daemon = request.getfixturevalue(request.param)
    return daemon


def run(engine: Daemon, *argv: str, **variables: str) -> None:
    """Run ``argv`` in the engine's network; what it says is shown when it fails."""
    environment = {
        "DOCKER_HOST": engine.host,
        "HOME": str(engine.home),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    done = subprocess.run(
        engine.namespace.command(*argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ["docker_py", "aiodocker", "testcontainers"])
def test_python_clients(engine: Daemon, package: str) -> None:
    try:
        python = python_with_clients()
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    run(
        engine,
        *(str(python), "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--timeout=200"),
        *("--noconftest", "-c", "/dev/null", "--rootdir", str(_HERE), "-o", "asyncio_mode=auto"),
        str(_HERE / f"client_{package}.py"),
        TESTCONTAINERS_RYUK_DISABLED="true",
        TESTCONTAINERS_CONNECTION_MODE="docker_host",
    )


@pytest.mark.needs("node")
def test_dockerode(engine: Daemon) -> None:
    try:
        modules = node_modules()
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    run(engine, "node", "--test", str(_HERE / "client_dockerode.js"), DOCKERODE=str(modules / "dockerode"))
