"""Debian packages that nobody installs: checked against Debian's keyring, and unpacked for the tests."""

import shutil
import subprocess
from pathlib import Path

from tests.support.client_packages import NotInstalledError, run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack(folder: Path, suite: str, *packages: str) -> None:
    """Unpack ``packages`` of the release ``suite`` into ``folder``/root. Raises NotInstalledError.

    ``linux-image-cloud-amd64*`` stands for what ``linux-image-cloud-amd64`` depends on, the kernel of today.
    """
    if not _KEYRING.exists():
        raise NotInstalledError(f"{_KEYRING} is not on this machine")
    state = folder / "apt"
    (state / "lists/partial").mkdir(parents=True)
    (state / "sources.list").write_text(
        f"deb [signed-by={_KEYRING}] http://deb.debian.org/debian {suite} main\n"
    )
    settings = (
        f"Dir::Etc::sourcelist={state}/sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::lists={state}/lists",
        f"Dir::Cache={state}",
        "APT::Sandbox::User=root",
        # A mirror may be a snapshot; what is signed is as good for tests when it is old.
        "Acquire::Check-Valid-Until=false",
    )
    options = [word for setting in settings for word in ("-o", setting)]
    run("apt-get", "-qq", *options, "update", cwd=folder)
    run("apt-get", "-qq", *options, "download", *(_named(name, options) for name in packages), cwd=folder)
    unpack_downloaded(folder)
    shutil.rmtree(state)


def unpack_downloaded(folder: Path) -> None:
    """All packages in ``folder`` go into ``folder``/root."""
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
        package.unlink()


def _named(package: str, options: list[str]) -> str:
    if not package.endswith("*"):
        return package
    told = subprocess.run(
        ["apt-cache", *options, "depends", package.rstrip("*")], capture_output=True, text=True
    ).stdout
    for line in told.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends":
            return name
    raise NotInstalledError(f"no package {package.rstrip('*')} here")
