"""Docker's own command line, of today: the machine's when it is 28 or newer, else Debian's, in the cache.

What the tests expect of it, and compare scow's with, are its words of today; Debian 12 and 13 have others.
"""

import functools
import os
import re
import shutil
import subprocess

import pytest

from tests.support.client_packages import NotInstalledError, installed
from tests.support.debian_packages import unpack
from tests.support.environment import cache_dir

_OLDEST = (28, 0)
_SUITE = "forky"
_REWORDED = (28, 3)
_ELSEWHERE = {
    *("-H a -H b ps", "diff ''"),
    # Debian builds it with an older library for ports.
    *("-p ::1:8080:80 busybox", "run -p 80:foo busybox", "run --expose 90-80 busybox"),
}


def find() -> None:
    """Have the first ``docker`` in this process's PATH be one of today, where that can be had."""
    if docker_version() >= _OLDEST:
        return
    folder = cache_dir() / f"docker-cli-{_SUITE}"
    try:
        installed(folder, lambda: unpack(folder, _SUITE, "docker-cli"))
    except (NotInstalledError, OSError):
        return  # the tests that need it say so
    os.environ["PATH"] = f"{folder}/root/usr/bin:{os.environ['PATH']}"
    docker_version.cache_clear()


@functools.cache
def docker_version() -> tuple[int, int]:
    """Of the ``docker`` in PATH; ``(0, 0)``: none."""
    if not shutil.which("docker"):
        return (0, 0)
    told = subprocess.run(["docker", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def docker_cli_lacks() -> str:
    """Why Docker's command line cannot be a client here, or an empty string."""
    if docker_version() >= _OLDEST:
        return ""
    return f"docker {_OLDEST[0]} or newer is not here, nor to be had from Debian {_SUITE}"


def skip_reworded(line: str) -> None:
    """Leave a comparison out that holds for Docker 28.2 and not for newer ones."""
    if docker_version() >= _REWORDED and line in _ELSEWHERE:
        pytest.skip("newer dockers say it in other words")
