"""Volumes that hold no more than they were made for.

Where the file system of the volumes can, the folder has a limit: as a subvolume of btrfs, or by its project
where it counts by those (ext4 with ``project,quota``, XFS with ``pquota``). Elsewhere the volume is an ext4
of the asked size in a sparse file beside it, mounted while somebody uses it; what mke2fs(8) and the journal
take is part of the size.
"""

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import btrfs
from scow.linux.loop_devices import attach_loop, loop_path
from scow.linux.mounts import is_mountpoint, mount, mount_of, unmount
from scow.linux.project_quota import forget_project, has_project_quotas, limit_directory, project_of

DISK = "disk.img"
NEW_DISK = "disk.img.new"
NEW_DISK_PLACE = "disk.place"
"""Where, beside the data, a disk that is being made is mounted."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# mke2fs makes no usable file system of less.
_LEAST_IMAGE_BYTES = 1 << 20
# Below are those that people give to trees by hand, from 1 on.
_FIRST_PROJECT = 1 << 20
# Where systems have it; scowd's own PATH may lack the folders of system programs.
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


class SizedFolders:
    """Gives folders below ``root`` their sizes. Everything blocks."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._choosing = threading.Lock()
        self._last_project = _FIRST_PROJECT - 1

    def check(self, size_bytes: int) -> None:
        """Whether a limit can be held to. Raises InvalidArgumentError."""
        if self._is_btrfs() or has_project_quotas(str(self._root)):
            return
        if shutil.which("mkfs.ext4", path=_PATH) is None:
            raise InvalidArgumentError("quota size requested but no quota support")
        if size_bytes < _LEAST_IMAGE_BYTES:
            raise InvalidArgumentError(f"a volume's size must be at least {_LEAST_IMAGE_BYTES} bytes")

    def make(self, data: Path, size_bytes: int) -> None:
        """Make the limit of the folder ``data``, which is empty if it has none. Raises ScowError."""
        try:
            if self.has_disk(data) or _project(data):
                return
            if self._is_btrfs():
                _limit_subvolume(data, size_bytes)
            elif has_project_quotas(str(self._root)):
                limit_directory(str(data), self._next_project(), size_bytes)
            else:
                make_disk(data.parent / DISK, size_bytes)
        except OSError as exc:
            raise ScowError(f"cannot limit volume path '{data}': {exc.strerror or exc}") from exc

    def _is_btrfs(self) -> bool:
        return mount_of(str(self._root)).fstype == "btrfs"

    def has_disk(self, data: Path) -> bool:
        """Whether ``data`` is a mount point for a file system in a file."""
        return (data.parent / DISK).exists()

    def mount(self, data: Path) -> None:
        """Have the data at its place. Raises ScowError."""
        if self.has_disk(data) and not is_mountpoint(str(data)):
            mount_disk(data.parent / DISK, data)

    def forget(self, data: Path) -> None:
        """Take a limit away, for the number to be free again. Raises ``OSError``."""
        if project := _project(data):
            forget_project(str(self._root), project)

    def like(self, data: Path, new: Path, size_bytes: int) -> None:
        """Give the empty folder ``new`` a limit of its own if ``data`` has one. Raises ``OSError``."""
        if _project(data):
            limit_directory(str(new), self._next_project(), size_bytes)
        elif size_bytes and self._is_btrfs():
            _limit_subvolume(new, size_bytes)

    def _next_project(self) -> int:
        """A number that no volume has."""
        with self._choosing:
            taken = {_project(folder / "_data") for folder in self._root.iterdir()}
            number = max(self._last_project, *taken, _FIRST_PROJECT - 1) + 1
            self._last_project = number
            return number


def _limit_subvolume(data: Path, size_bytes: int) -> None:
    """Give a subvolume its limit, or make one instead of the empty folder. Raises ``OSError``."""
    parent = os.open(data.parent, _DIRECTORY)
    try:
        if not _has_subvolume(data):
            data.rmdir()
            btrfs.create_subvolume(parent, data.name)
            data.chmod(0o755)
        fd = os.open(data.name, _DIRECTORY, dir_fd=parent)
        try:
            btrfs.enable_quotas(fd)
            btrfs.limit_subvolume(fd, size_bytes)
        finally:
            os.close(fd)
    finally:
        os.close(parent)


def _has_subvolume(data: Path) -> bool:
    fd = os.open(data, _DIRECTORY)
    try:
        return btrfs.is_subvolume(fd)
    finally:
        os.close(fd)


def make_disk(path: Path, size_bytes: int, fill: Callable[[Path], None] | None = None) -> None:
    """Make an ext4 of that size in a sparse file, which replaces what is at ``path``.

    ``fill`` is given the place where it is mounted meanwhile. Raises ScowError, ``OSError``; nothing is left
    or changed then.
    """
    import subprocess  # 0.5 MB, and few volumes have a size

    unfinished = path.with_name(NEW_DISK)
    try:
        with open(unfinished, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.truncate(size_bytes)
        program = shutil.which("mkfs.ext4", path=_PATH) or "mkfs.ext4"
        options = ("-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0")
        done = subprocess.run(
            (program, *options, str(unfinished)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ScowError(f"cannot make a file system of {size_bytes} bytes: {done.stderr.strip()}")
        _furnish(unfinished, path.with_name(NEW_DISK_PLACE), fill)
        os.rename(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _furnish(disk: Path, place: Path, fill: Callable[[Path], None] | None) -> None:
    """A volume is empty to begin with: what the image has goes into an empty one only."""
    place.mkdir(mode=0o700, exist_ok=True)
    try:
        mount_disk(disk, place)
        try:
            with suppress(FileNotFoundError):
                (place / "lost+found").rmdir()
            if fill is not None:
                fill(place)
        finally:
            unmount(str(place))
    finally:
        place.rmdir()


def mount_disk(disk: Path, place: Path) -> None:
    """Mount the file system in a file. Raises ScowError."""
    try:
        device = attach_loop(str(disk))
        try:
            mount(loop_path(device), str(place), fstype="ext4")
        finally:
            os.close(device)
    except OSError as exc:
        raise ScowError(f"failed to mount local volume: {disk}: {exc.strerror or exc}") from exc


def _project(data: Path) -> int:
    try:
        return project_of(str(data))
    except OSError:
        return 0  # no such folder, or a file system without projects
