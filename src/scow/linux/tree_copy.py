"""Everything in one directory into another: owners, modes, times, attributes, hard links and device nodes.

Either side may be mounted in a container that runs, and that container may be hostile: everything is done
relative to descriptors of directories, and no symlink is followed. Sockets are left out: they are nothing
without the process that bound them.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from scow.linux import syscalls
from scow.linux.file_content import share_or_copy
from scow.linux.rootpath import open_in_root

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_directory(source: int, target: int) -> None:
    """Copy what is in directory ``source`` to the empty directory ``target``, and its own attributes.

    Both are descriptors, not of the kind O_PATH. Blocks. Raises ``OSError``; what is copied then, stays.
    """
    _Copy(target).run(source, target)


def copy_path(source: str, target: str) -> None:
    """``copy_directory`` by path; neither last name may be a symlink."""
    source_fd = os.open(source, _DIRECTORY)
    try:
        target_fd = os.open(target, _DIRECTORY)
        try:
            copy_directory(source_fd, target_fd)
        finally:
            os.close(target_fd)
    finally:
        os.close(source_fd)


def make_durable(path: str) -> None:
    """Have what was copied to directory ``path`` on its disk, for a power cut to find it complete."""
    syscalls.sync_file_system(path)


@dataclass(slots=True)
class _Folder:
    """A directory that is being copied: its two descriptors, where it is below the top, what is to come."""

    source: int
    target: int
    place: str
    names: list[str]


@dataclass(slots=True)
class _Copy:
    """``linked`` are the places, below ``top``, of files that have more than one name, by their number."""

    top: int
    linked: dict[tuple[int, int], str] = field(default_factory=dict)

    def run(self, source: int, target: int) -> None:
        """Not by recursion: a container nests as deep as it likes."""
        stack = [_Folder(source, target, "", os.listdir(source))]
        try:
            while stack:
                folder = stack[-1]
                if folder.names:
                    name = folder.names.pop()
                    if inner := self._entry(folder, name):
                        stack.append(inner)
                    continue
                # When all is in it: a directory's time is that of its last change.
                copy_metadata(folder.source, folder.target)
                stack.pop()
                if stack:
                    _close(folder)
        finally:
            for folder in stack[1:]:
                _close(folder)

    def _entry(self, folder: _Folder, name: str) -> _Folder | None:
        """Copy one entry; a directory is made, and is to be copied next."""
        try:
            info = os.lstat(name, dir_fd=folder.source)
        except FileNotFoundError:
            return None  # gone meanwhile
        place = f"{folder.place}/{name}"
        if stat.S_ISDIR(info.st_mode):
            return _open_directory(folder, name, place)
        if stat.S_ISREG(info.st_mode):
            self._file(folder, name, place)
        elif stat.S_ISLNK(info.st_mode):
            _symlink(folder, name, info)
        elif not stat.S_ISSOCK(info.st_mode):
            _node(folder, name, info)
        return None

    def _file(self, folder: _Folder, name: str, place: str) -> None:
        original = os.open(name, _OLD_FILE, dir_fd=folder.source)
        try:
            info = os.fstat(original)
            if not stat.S_ISREG(info.st_mode):
                return  # swapped meanwhile
            if info.st_nlink > 1 and self._link(info, folder.target, name, place):
                return
            copy = os.open(name, _NEW_FILE, 0o600, dir_fd=folder.target)
            try:
                share_or_copy(original, copy)
                copy_metadata(original, copy)
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


def _open_directory(folder: _Folder, name: str, place: str) -> _Folder:
    os.mkdir(name, 0o700, dir_fd=folder.target)
    inner = os.open(name, _DIRECTORY, dir_fd=folder.source)
    try:
        copy = os.open(name, _DIRECTORY, dir_fd=folder.target)
    except BaseException:
        os.close(inner)
        raise
    return _Folder(inner, copy, place, os.listdir(inner))


def _close(folder: _Folder) -> None:
    os.close(folder.source)
    os.close(folder.target)


def _symlink(folder: _Folder, name: str, info: os.stat_result) -> None:
    os.symlink(os.readlink(name, dir_fd=folder.source), name, dir_fd=folder.target)
    os.chown(name, info.st_uid, info.st_gid, dir_fd=folder.target, follow_symlinks=False)
    _copy_xattrs_by_name(folder, name)
    times = (info.st_atime_ns, info.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=folder.target, follow_symlinks=False)


def _node(folder: _Folder, name: str, info: os.stat_result) -> None:
    """A device or a FIFO, which must not be opened for its owner, mode and times."""
    os.mknod(name, stat.S_IFMT(info.st_mode) | 0o600, info.st_rdev, dir_fd=folder.target)
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder.target)
    try:
        place = f"/proc/self/fd/{fd}"
        os.chown(place, info.st_uid, info.st_gid)
        os.chmod(place, stat.S_IMODE(info.st_mode))
        _copy_xattrs_by_name(folder, name)
        os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))
    finally:
        os.close(fd)


def copy_metadata(source: int, target: int) -> None:
    """Owner, mode, extended attributes and times of what ``source`` is open on. Raises ``OSError``."""
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    # After the owner, whose change clears set-id bits and security.capability.
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    for name in _xattr_names(source):
        with _left_out():
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def _copy_xattrs_by_name(folder: _Folder, name: str) -> None:
    """Of what is not to be opened; a symlink is not followed."""
    old, new = (f"/proc/self/fd/{fd}/{name}" for fd in (folder.source, folder.target))
    for key in _xattr_names(old, follow_symlinks=False):
        value = os.getxattr(old, key, follow_symlinks=False)
        with _left_out():
            os.setxattr(new, key, value, follow_symlinks=False)


def _xattr_names(path: int | str, *, follow_symlinks: bool = True) -> list[str]:
    """None on a file system that has none."""
    with _left_out():
        return os.listxattr(path, follow_symlinks=follow_symlinks)
    return []


@contextmanager
def _left_out() -> Iterator[None]:
    """What the other file system does not have, and what has just been taken away."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.EOPNOTSUPP, errno.ENODATA):
            raise
