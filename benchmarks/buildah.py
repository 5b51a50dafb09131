"""buildah, which builds without an engine, as something to compare ``scow build`` with.

It is unpacked from its Debian package and not installed. Steps run in its isolation ``chroot``, which does
least: no runtime, no control groups, the host's network. Its images lie on a fresh ext4, by overlay.
"""

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.case import NotHereError
from tests.support.client_packages import NotInstalledError, installed
from tests.support.debian_packages import unpack
from tests.support.disks import mounted_ext4
from tests.support.environment import cache_dir, disk_dir, run_dir
from tests.support.images import busybox_archive

_LIMIT_S = 600.0


class Buildah:
    """The program with a store of its own."""

    def __init__(self, program: Path, store: Path, run_folder: Path) -> None:
        self._command = [
            *(str(program), "--root", str(store), "--runroot", str(run_folder), "--storage-driver", "overlay")
        ]

    def build(self, context: Path) -> float:
        """Seconds of a build that has nothing to do again what it did before. Raises CalledProcessError."""
        began = time.perf_counter()
        options = ("--isolation", "chroot", "--network", "host", "--layers", "--jobs", str(os.cpu_count()))
        self.run("build", "-q", *options, "-t", "built", str(context))
        return time.perf_counter() - began

    def run(self, *words: str) -> None:
        """Another of its commands. Raises CalledProcessError."""
        subprocess.run(
            [*self._command, *words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=_LIMIT_S,
        )


@contextmanager
def buildah() -> Iterator[Buildah]:
    """With the busybox image. Raises NotHereError where its package cannot be had."""
    folder = cache_dir() / "buildah"
    try:
        installed(folder, lambda: unpack(folder, _suite(), "buildah"))
    except NotInstalledError as exc:
        raise NotHereError(str(exc)) from exc
    name = f"buildah-{os.getpid()}"
    with mounted_ext4(run_dir() / name, disk_dir() / f"{name}.ext4") as disk:
        found = Buildah(folder / "root/usr/bin/buildah", disk / "store", disk / "run")
        found.run("pull", "-q", f"docker-archive:{busybox_archive()}")
        yield found


def _suite() -> str:
    """The Debian release of this machine, whose libraries the program needs."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
