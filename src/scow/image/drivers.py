"""Which storage driver an engine uses: the one asked for, the one its data is in, or the best there is."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from scow.errors import UnsupportedError
from scow.image.snapshots.base import SnapshotDriver
from scow.image.snapshots.options import check_switch, parse_driver_options, parse_limit
from scow.image.snapshots.overlay2 import Overlay2Driver
from scow.image.snapshots.probe import OverlayHost, backing_filesystem, probe_overlay

_log = logging.getLogger(__name__)

_REMOVED = frozenset({"aufs", "devicemapper", "overlay"})
_WRONG_FILE_SYSTEM = "prerequisites for driver not satisfied (wrong filesystem?)"


def open_driver(root: Path, name: str | None, options: Sequence[str] = ()) -> SnapshotDriver:
    """The driver called ``name`` on data root ``root``; ``None`` chooses. Blocks.

    ``options`` are ``storage-opts``. Raises UnsupportedError with Docker's refusals, InvalidArgumentError,
    ``OSError`` if ``root`` cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    parsed = parse_driver_options(options)
    if name in _REMOVED:
        raise _refusal(
            f"[graphdriver] ERROR: the {name} storage-driver has been deprecated and removed; visit "
            "https://docs.docker.com/go/storage-driver/ for more information"
        )
    if name == "zfs":
        raise _refusal(_WRONG_FILE_SYSTEM)  # as Docker without the zfs program
    if name not in (None, "", "overlay2", "vfs", "btrfs"):
        raise _refusal(f"driver not supported: {name}")
    if name == "btrfs" or (not name and _has_data(root / "btrfs" / "subvolumes")):
        return _open_btrfs(root, parsed)
    if name == "vfs":
        return _open_vfs(root, parsed)
    host = probe_overlay(str(root))
    if isinstance(host, OverlayHost):
        return _open_overlay2(root, host, parsed)
    if name == "overlay2" or _has_data(root / "overlay2" / "l") or _has_data(root / "overlay2"):
        raise _refusal(f"driver not supported: {host}")
    return _open_vfs(root, parsed)


def _open_overlay2(root: Path, host: OverlayHost, options: Mapping[str, str]) -> SnapshotDriver:
    for key, value in options.items():
        match key:
            case "overlay2.override_kernel_check":
                check_switch(key, value)
                _log.warning("the option %s has no effect: the kernel is asked, not its version", key)
            case "overlay2.size" if host.backing != "xfs":
                found = f"Found {host.backing}"
                raise _refusal(f"Storage Option overlay2.size only supported for backingFS XFS. {found}")
            case "overlay2.size":
                raise _refusal(
                    "Storage option overlay2.size not supported. Filesystem does not support Project Quota: "
                    "Filesystem does not support, or has not enabled quotas"
                )
            case _:
                raise _refusal(f"overlay2: unknown option {key}")
    return Overlay2Driver(str(root / "overlay2"), host)


def _open_vfs(root: Path, options: Mapping[str, str]) -> SnapshotDriver:
    for key in options:
        if key == "size":
            raise _refusal("Filesystem does not support, or has not enabled quotas")
        raise _refusal(f"unknown option {key} for vfs")
    from scow.image.snapshots.vfs import VfsDriver

    return VfsDriver(str(root / "vfs"))


def _open_btrfs(root: Path, options: Mapping[str, str]) -> SnapshotDriver:
    if backing_filesystem(str(root)) != "btrfs":
        raise _refusal(_WRONG_FILE_SYSTEM)
    min_space_bytes = 0
    for key, value in options.items():
        if key != "btrfs.min_space":
            raise _refusal(f"unknown option {key}")
        min_space_bytes = parse_limit(value)
    from scow.image.snapshots.btrfs import BtrfsDriver  # few data roots are on one

    return BtrfsDriver(str(root / "btrfs"), min_space_bytes)


def _refusal(why: str) -> UnsupportedError:
    return UnsupportedError(f"error initializing graphdriver: {why}")


def _has_data(folder: Path) -> bool:
    return folder.is_dir() and bool(os.listdir(folder))
