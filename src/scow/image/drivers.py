"""Which storage driver an engine uses: the one asked for, the one its data is in, or the best there is."""

import os
from pathlib import Path

from scow.errors import UnsupportedError
from scow.image.snapshots.base import SnapshotDriver
from scow.image.snapshots.overlay2 import Overlay2Driver
from scow.image.snapshots.probe import OverlayHost, probe_overlay
from scow.image.snapshots.vfs import VfsDriver

_REMOVED = frozenset({"aufs", "devicemapper", "overlay"})


def open_driver(root: Path, name: str | None) -> SnapshotDriver:
    """The driver called ``name`` on data root ``root``; ``None`` chooses. Blocks.

    Raises UnsupportedError with Docker's refusals, ``OSError`` if ``root`` cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    if name == "vfs":
        return VfsDriver(str(root / "vfs"))
    if name in _REMOVED:
        raise UnsupportedError(
            f"error initializing graphdriver: [graphdriver] ERROR: the {name} storage-driver has been "
            "deprecated and removed; visit https://docs.docker.com/go/storage-driver/ for more information"
        )
    if name not in (None, "", "overlay2"):
        raise UnsupportedError(f"error initializing graphdriver: driver not supported: {name}")
    host = probe_overlay(str(root))
    if isinstance(host, OverlayHost):
        return Overlay2Driver(str(root / "overlay2"), host)
    if name == "overlay2" or _has_data(root / "overlay2"):
        raise UnsupportedError(f"error initializing graphdriver: driver not supported: {host}")
    return VfsDriver(str(root / "vfs"))


def _has_data(folder: Path) -> bool:
    return folder.is_dir() and any(os.scandir(folder / "l" if (folder / "l").is_dir() else folder))
