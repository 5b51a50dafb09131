"""A younger Docker than this Debian has: dockerd 26.1, buildx and compose, from Debian's next release.

It is the reference for what 20.10 does not do yet (API 1.42 to 1.45, BuildKit, several networks at creation),
and its plugins are real clients. The packages are checked against Debian's keyring, unpacked in the cache and
not installed; runc stays that of this release, because the younger one wants a younger C library.
"""

import functools
import shutil
import subprocess
from pathlib import Path

from tests.support.client_packages import NotInstalledError, installed, run
from tests.support.environment import cache_dir

_SUITE = "trixie"
_PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SOURCE = f"deb [signed-by={_KEYRING}] http://deb.debian.org/debian {_SUITE} main\n"


@functools.cache
def present_docker() -> Path:
    """The folder with ``usr/bin``, ``usr/sbin`` and the command line's plugins. Raises NotInstalledError."""
    if not _KEYRING.exists():
        raise NotInstalledError(f"{_KEYRING} is not on this machine")
    folder = cache_dir() / f"docker-{_SUITE}"
    installed(folder, lambda: _unpack(folder))
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


def _unpack(folder: Path) -> None:
    state = folder / "apt"
    (state / "lists/partial").mkdir(parents=True)
    (state / "sources.list").write_text(_SOURCE)
    settings = (
        f"Dir::Etc::sourcelist={state}/sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::lists={state}/lists",
        f"Dir::Cache={state}",
        "APT::Sandbox::User=root",
    )
    apt = ["apt-get", "-qq", *(word for setting in settings for word in ("-o", setting))]
    run(*apt, "update", cwd=folder)
    run(*apt, "download", *_PACKAGES, cwd=folder)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
        package.unlink()
    shutil.rmtree(state)
