"""A younger Docker than this Debian has: dockerd 26.1, buildx and compose, from Debian's next release.

It is the reference for what 20.10 does not do yet (API 1.42 to 1.45, BuildKit, several networks at creation),
and its plugins are real clients. The packages are unpacked in the cache and not installed; runc stays that of
this release, because the younger one wants a younger C library.
"""

import functools
from pathlib import Path

from tests.support.client_packages import installed
from tests.support.debian_packages import unpack
from tests.support.environment import cache_dir

_SUITE = "trixie"
_PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io")


@functools.cache
def present_docker() -> Path:
    """The folder with ``usr/bin``, ``usr/sbin`` and the command line's plugins. Raises NotInstalledError."""
    folder = cache_dir() / f"docker-{_SUITE}"
    installed(folder, lambda: unpack(folder, _SUITE, *_PACKAGES))
    return folder / "root"


def programs() -> str:
    """What comes before everything else in the PATH of dockerd and its containerd."""
    return f"{present_docker()}/usr/sbin:{present_docker()}/usr/bin"


def give_plugins(docker_config: Path) -> None:
    """Let the docker command line with this folder for its settings have ``buildx`` and ``compose``."""
    folder = docker_config / "cli-plugins"
    folder.mkdir(parents=True, exist_ok=True)
    for plugin in (present_docker() / "usr/libexec/docker/cli-plugins").iterdir():
        link = folder / plugin.name
        if not link.exists():
            link.symlink_to(plugin)
