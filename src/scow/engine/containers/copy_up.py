"""An empty volume takes what the image has at its mount point, owners, modes and attributes included."""

import os
import shutil
import stat
from pathlib import Path

from scow.linux.rootpath import resolve_in_root


def copy_up(rootfs: Path, destination: str, volume: Path) -> None:
    """Copy the image's directory ``destination`` into ``volume`` if that is empty.

    A missing directory leaves the volume as it is; symlinks in the path stay inside ``rootfs``.
    """
    if any(volume.iterdir()):
        return
    try:
        source = Path(resolve_in_root(str(rootfs), destination))
    except FileNotFoundError:
        return
    if not source.is_dir():
        return
    _copy_children(source, volume)
    _copy_metadata(source, volume)


def _copy_children(source: Path, target: Path) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            _copy_entry(Path(entry.path), target / entry.name)


def _copy_entry(source: Path, target: Path) -> None:
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        target.mkdir()
        _copy_children(source, target)
    elif stat.S_ISREG(mode):
        shutil.copyfile(source, target)
    elif stat.S_ISLNK(mode):
        target.symlink_to(os.readlink(source))
    elif stat.S_ISSOCK(mode):
        return
    else:
        os.mknod(target, mode, source.lstat().st_rdev)
    _copy_metadata(source, target)


def _copy_metadata(source: Path, target: Path) -> None:
    info = source.lstat()
    os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    # After chown, which clears set-id bits and security.capability.
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
    for name in os.listxattr(source, follow_symlinks=False):
        if not name.startswith("trusted.overlay."):
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)
