"""Suites that other people wrote for Docker's clients, as published with them, on scowd.

What dockerd passes has to pass; ``left_out`` has what does not, with the reason. The images are stand-ins;
a registry that mirrors Docker Hub has them too, for the tests that pull.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_images import python_archive, suite_archive
from tests.support.client_packages import NotInstalledError, published_tests, python_with_clients
from tests.support.daemons import Daemon, DaemonOptions
from tests.support.registry import registry

pytestmark = [pytest.mark.root, pytest.mark.needs("docker-registry")]

_HERE = Path(__file__).parent
_MIRROR = "127.0.0.1:5555"
_PYTHON = Path("/usr/bin/python3.11")
_TIMEOUT_S = 900
DAEMON = DaemonOptions(("--registry-mirror", f"http://{_MIRROR}"), images=False)


@pytest.fixture(scope="module")
def mirror(scow_daemon: Daemon) -> Iterator[str]:
    """What Docker Hub has, as far as the suites ask for it."""
    with registry(scow_daemon.folder / "registry", scow_daemon.namespace, address=_MIRROR) as found:
        names = ["alpine:3.10", "alpine:latest", "busybox:latest", "hello-world:latest"]
        scow_daemon.load(suite_archive())
        if _PYTHON.exists():
            names += ["python:latest", "python:3.13-alpine", "python:3.14-alpine"]
            scow_daemon.load(python_archive())
        for name in names:
            scow_daemon.docker("tag", name, f"{_MIRROR}/library/{name}")
            scow_daemon.docker("push", f"{_MIRROR}/library/{name}")
            scow_daemon.docker("rmi", f"{_MIRROR}/library/{name}")
        yield found.address


def run_suite(engine: Daemon, package: str, archive: Path, *tests: str) -> int:
    """Run ``tests``, files of a package's suite; returns how many passed, if none failed."""
    try:
        python, source = python_with_clients(), published_tests(package)
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    done = subprocess.run(
        engine.namespace.command(
            *(
                str(python),
                "-m",
                "pytest",
                "-q",
                "--tb=short",
                "-p",
                "suite_plugin",
                "-p",
                "no:cacheprovider",
            ),
            *("--timeout=240", "-c", "/dev/null", "--rootdir", str(source), *tests),
        ),
        cwd=source,
        env={
            "DOCKER_HOST": engine.host,
            "DOCKER_TEST_API_VERSION": "1.41",  # docker-py's: of the engines that its suite was written for
            "HOME": str(engine.home),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(_HERE),
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            "SUITE_ARCHIVE": str(archive),
            "SUITE_LEFT_OUT": str(_HERE / "left_out" / f"{package}.txt"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    return int(passed[1])


# The modules of docker-py's suite by what they are about, and how many tests pass at least.
_DOCKER_PY = {
    "containers": (("api_container",), 65),
    "container models": (("models_containers", "models_resources", "api_exec", "api_healthcheck"), 50),
    "networks": (("api_network", "models_networks"), 25),
    "build": (("api_build",), 15),
    "images": (("api_image", "models_images"), 25),
    "rest": (("api_client", "api_volume", "client", "errors", "models_volumes", "regression"), 20),
}


@pytest.mark.usefixtures("mirror")
@pytest.mark.timeout(_TIMEOUT_S)
@pytest.mark.parametrize("about", _DOCKER_PY)
def test_docker_py(scow_daemon: Daemon, about: str) -> None:
    modules, least = _DOCKER_PY[about]
    tests = [f"tests/integration/{module}_test.py" for module in modules]
    assert run_suite(scow_daemon, "docker", suite_archive(), *tests) >= least


@pytest.mark.usefixtures("mirror")
@pytest.mark.timeout(_TIMEOUT_S)
@pytest.mark.needs(str(_PYTHON))
def test_aiodocker(scow_daemon: Daemon) -> None:
    nouns = ("containers", "events", "execs", "images", "integration", "networks", "system", "volumes")
    tests = [f"tests/test_{noun}.py" for noun in nouns]
    assert run_suite(scow_daemon, "aiodocker", python_archive(), "-o", "asyncio_mode=auto", *tests) >= 65
