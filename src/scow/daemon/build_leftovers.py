"""What a build that was killed with its engine left on this machine, besides what other rooms clear away."""

import shutil
from contextlib import suppress
from pathlib import Path

from scow.config import Config
from scow.linux.mounts import unmount


def remove_build_leftovers(config: Config) -> None:
    """Secrets and scripts of programs, in memory; contexts, downloads, half removed cache mounts. Blocks."""
    volatile = config.exec_root / "build"
    for folder in volatile.iterdir() if volatile.is_dir() else ():
        with suppress(OSError):
            unmount(str(folder), lazy=True)
        _remove(folder)
    _remove(config.data_root / "tmp" / "builds")
    for archive in (config.data_root / "build" / "contexts").glob("*"):
        if not archive.with_suffix(".index").exists():
            archive.unlink(missing_ok=True)
    for gone in (config.data_root / "build" / "cache-mounts").glob(".gone-*"):
        _remove(gone)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
