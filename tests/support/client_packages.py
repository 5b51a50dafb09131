"""Published clients of Docker, installed once, and the tests that the source archives of two of them have.

They have environments of their own in the cache, so that scow's development tools do not have to agree with
what the clients need. Raise a version here and the next run installs it beside the old one.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.environment import cache_dir

_PYTHON_PACKAGES = (
    "docker==7.2.0",
    "aiodocker==0.26.0",
    "testcontainers==4.15.0",
    "paramiko==4.0.0",  # docker-py's tests import it
    "async-timeout==5.0.1",  # aiodocker's
    "packaging==25.0",
    "pytest==9.0.2",
    "pytest-asyncio==1.3.0",
    "pytest-timeout==2.4.0",
)
_NODE_PACKAGES = ("dockerode@5.0.1",)
# The last compose that was a Python program, without its dependencies: it asks for a PyYAML that cannot be
# built any more, and works with the present one.
_COMPOSE_PACKAGES = (
    "docker-compose==1.29.2",
    "docker==5.0.3",
    "requests==2.31.0",
    "urllib3==1.26.20",
    "idna==3.10",
    "charset-normalizer==3.4.0",
    "certifi==2024.8.30",
    "websocket-client==0.59.0",
    "PyYAML==6.0.2",
    "jsonschema==3.2.0",
    "attrs==24.2.0",
    "pyrsistent==0.20.0",
    "six==1.16.0",
    "setuptools==68.2.2",
    "dockerpty==0.4.1",
    "docopt==0.6.2",
    "texttable==1.7.0",
    "python-dotenv==0.21.1",
    "distro==1.9.0",
)
# Source archives with the tests of the package: docker-py has left its tests out since.
_SOURCES = {"docker": "6.1.3", "aiodocker": "0.26.0"}
_INSTALL_S = 240


class NotInstalledError(Exception):
    """The clients cannot be had on this machine; the message says why."""


@functools.cache
def python_with_clients() -> Path:
    """A Python that can import them, and pytest. Raises NotInstalledError."""
    folder = _folder("clients-python", _PYTHON_PACKAGES)
    python = folder / "bin/python"

    def install() -> None:
        run(sys.executable, "-m", "venv", str(folder))
        run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PYTHON_PACKAGES)

    installed(folder, install)
    return python


@functools.cache
def node_modules() -> Path:
    """A ``node_modules`` with dockerode. Raises NotInstalledError."""
    if not shutil.which("npm"):
        raise NotInstalledError("npm is not on this machine")
    folder = _folder("clients-node", _NODE_PACKAGES)

    def install() -> None:
        folder.mkdir()
        (folder / "package.json").write_text("{}")
        # Without scripts: they would compile what only connections over ssh need.
        run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *_NODE_PACKAGES, cwd=folder)

    installed(folder, install)
    return folder / "node_modules"


@functools.cache
def docker_compose() -> Path:
    """``docker-compose`` 1.29. Raises NotInstalledError."""
    folder = _folder("clients-compose", _COMPOSE_PACKAGES)

    def install() -> None:
        run(sys.executable, "-m", "venv", str(folder))
        run(*_pip(folder), "install", "--quiet", "--no-deps", *_COMPOSE_PACKAGES)

    installed(folder, install)
    return folder / "bin/docker-compose"


@functools.cache
def published_tests(package: str) -> Path:
    """The folder of ``package``'s source archive, with its tests in ``tests``. Raises NotInstalledError."""
    wanted = f"{package}=={_SOURCES[package]}"
    folder = _folder(f"source-{package}", (wanted,))

    def install() -> None:
        folder.mkdir()
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", package, wanted,
            "-d", str(folder))  # fmt: skip
        (archive,) = folder.glob("*.tar.gz")
        run("tar", "-xzf", str(archive), "-C", str(folder), "--no-same-owner")
        (unpacked,) = folder.glob(f"{package}-*/tests")
        unpacked.rename(folder / "tests")
        shutil.rmtree(folder / unpacked.parent.name)
        archive.unlink()

    installed(folder, install)
    return folder


def _pip(folder: Path) -> tuple[str, ...]:
    return str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"


def _folder(name: str, packages: tuple[str, ...]) -> Path:
    recipe = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    return cache_dir() / f"{name}-{recipe}"


def installed(folder: Path, install: Callable[[], None]) -> None:
    """Have ``install`` make ``folder``, by one worker at a time; what was left half-made is made anew."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    done = folder / "installed"
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            install()
            done.touch()


def run(*argv: str, cwd: Path | None = None) -> None:
    try:
        subprocess.run(
            argv, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=_INSTALL_S
        )
    except subprocess.CalledProcessError as exc:
        raise NotInstalledError(exc.stderr.decode(errors="replace").strip()[-300:]) from exc
    except subprocess.TimeoutExpired as exc:
        raise NotInstalledError(f"{argv[0]} took more than {_INSTALL_S} s") from exc
