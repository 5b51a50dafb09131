"""An empty volume takes what the image has at its mount point, owners, modes and attributes included.

The volume may be mounted in a container that runs, and that container may be hostile: everything is written
relative to descriptors of directories, and no symlink is followed on that side.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from scow.linux.rootpath import open_in_root

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE_BYTES = 1 << 24


def copy_up(rootfs: Path, destination: str, volume: Path, subpath: str = "") -> None:
    """Copy the image's directory ``destination`` into ``volume`` if that is empty.

    A missing directory, of the image or of ``subpath`` in the volume, leaves everything as it is; symlinks on
    the way stay inside ``rootfs`` and ``volume``. Raises ``OSError``.
    """
    try:
        target = open_in_root(str(volume), subpath, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if os.listdir(target):
            return
        source = open_in_root(str(rootfs), destination, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    else:
        _Copy(target).children(source, target, "")
        _copy_metadata(source, target)
        os.close(source)
    finally:
        os.close(target)


@dataclass(slots=True)
class _Copy:
    """``linked`` are the places, below ``top``, of files that have more than one name, by their number."""

    top: int
    linked: dict[tuple[int, int], str] = field(default_factory=dict)

    def children(self, source: int, target: int, place: str) -> None:
        """Copy everything in one directory, which is ``place`` below the top."""
        for name in os.listdir(source):
            self._entry(source, target, name, f"{place}/{name}")

    def _entry(self, source: int, target: int, name: str, place: str) -> None:
        info = os.lstat(name, dir_fd=source)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(name, dir_fd=target)
            self._directory(source, target, name, place)
        elif stat.S_ISREG(info.st_mode):
            self._file(source, target, name, place)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
            os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)
        elif not stat.S_ISSOCK(info.st_mode):
            os.mknod(name, stat.S_IFMT(info.st_mode) | 0o600, info.st_rdev, dir_fd=target)
            self._node(source, target, name)

    def _directory(self, source: int, target: int, name: str, place: str) -> None:
        inner = os.open(name, _DIRECTORY, dir_fd=source)
        try:
            copy = os.open(name, _DIRECTORY, dir_fd=target)
            try:
                self.children(inner, copy, place)
                _copy_metadata(inner, copy)
            finally:
                os.close(copy)
        finally:
            os.close(inner)

    def _file(self, source: int, target: int, name: str, place: str) -> None:
        original = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            info = os.fstat(original)
            if info.st_nlink > 1 and self._link(info, target, name, place):
                return
            copy = os.open(name, _NEW_FILE, 0o600, dir_fd=target)
            try:
                while os.sendfile(copy, original, None, _PIECE_BYTES):
                    pass
                _copy_metadata(original, copy)
            finally:
                os.close(copy)
        finally:
            os.close(original)

    def _link(self, info: os.stat_result, target: int, name: str, place: str) -> bool:
        """A further name of a file that has been copied; the first one is remembered."""
        first = self.linked.setdefault((info.st_dev, info.st_ino), place)
        if first == place:
            return False
        fd = open_in_root(self.top, first, os.O_PATH | os.O_NOFOLLOW)
        try:
            os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=target, follow_symlinks=True)
        finally:
            os.close(fd)
        return True

    def _node(self, source: int, target: int, name: str) -> None:
        """Owner, mode and times of a device or a FIFO, which must not be opened for it."""
        info = os.lstat(name, dir_fd=source)
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=target)
        try:
            place = f"/proc/self/fd/{fd}"
            os.chown(place, info.st_uid, info.st_gid)
            os.chmod(place, stat.S_IMODE(info.st_mode))
            os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))
        finally:
            os.close(fd)


def _copy_metadata(source: int, target: int) -> None:
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    # After the owner, whose change clears set-id bits and security.capability.
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    for name in os.listxattr(source):
        if not name.startswith("trusted.overlay."):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
