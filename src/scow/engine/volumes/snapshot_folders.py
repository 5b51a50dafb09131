"""What is beside the data of a volume: its snapshots, and what is still being made.

snapshots/<name>            a copy of the data
restored                    the same on its way to be the data
disk.img.new, disk.place    a file system on its way to be that of the volume, and where it is mounted
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from scow.engine.volumes.sizes import NEW_DISK, NEW_DISK_PLACE
from scow.image.trees import remove_path
from scow.linux.mounts import is_mountpoint, unmount

RESTORED = "restored"
_SNAPSHOTS = "snapshots"


def snapshot_folder(folder: Path, name: str) -> Path:
    """Where the snapshot ``name`` of the volume in ``folder`` is."""
    return folder / _SNAPSHOTS / name


def export_folder(folder: Path, user: str) -> Path:
    """Where a copy is that is being sent to ``user``; no snapshot can have that name."""
    return folder / _SNAPSHOTS / f".{user}"


def release_leftovers(folder: Path) -> None:
    """Unmount what was being made when an engine was killed; blocks. Raises ``OSError``."""
    with suppress(FileNotFoundError):
        while is_mountpoint(str(folder / NEW_DISK_PLACE)):
            unmount(str(folder / NEW_DISK_PLACE), lazy=True)


def remove_leftovers(folder: Path, snapshots: Collection[str]) -> None:
    """Remove what is no snapshot and not the data; blocks. Raises ``OSError``."""
    if (folder / _SNAPSHOTS).is_dir():
        for path in (folder / _SNAPSHOTS).iterdir():
            if path.name not in snapshots:
                remove_path(str(path))
    release_leftovers(folder)
    for name in (RESTORED, NEW_DISK, NEW_DISK_PLACE):
        remove_path(str(folder / name))
