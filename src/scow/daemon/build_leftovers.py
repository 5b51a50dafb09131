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
    for cache_mount in (config.data_root / "build" / "cache-mounts").glob("*"):
        _tidy(cache_mount)


def _tidy(cache_mount: Path) -> None:
    """No program has seen one that was not described yet; see ``scow.build.execute.cache_mounts``."""
    if cache_mount.name.startswith(".gone-") or not (cache_mount / "about.json").exists():
        _remove(cache_mount)
    for half in cache_mount.glob("about.json.*"):
        half.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
