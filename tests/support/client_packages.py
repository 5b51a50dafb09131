"""Published clients of Docker, installed once: docker-py, aiodocker, testcontainers, dockerode.

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
    "pytest==9.0.2",
    "pytest-asyncio==1.3.0",
    "pytest-timeout==2.4.0",
)
_NODE_PACKAGES = ("dockerode@5.0.1",)
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
