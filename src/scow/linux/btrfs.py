"""Subvolumes of btrfs: directories that are copied in no time, and may be limited (linux/btrfs.h).

Each function is one ioctl(2) with its structure. A subvolume is removed whole or not at all; others in it
have to go first, which ``remove_subvolume`` sees to.
"""

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator

_WRITE, _READ = 1, 2
_VOLUME = struct.Struct("q4088s")  # struct btrfs_ioctl_vol_args: descriptor, name
_LOOKUP = struct.Struct("QQ4080s")
_QUOTA = struct.Struct("QQ")
_LIMIT = struct.Struct("QQQQQQ")
_MAX_NAME_BYTES = 255
_FIRST_INODE = 256  # BTRFS_FIRST_FREE_OBJECTID: of the root of every subvolume
_ENABLE_QUOTAS = 1
_LIMIT_REFERENCED = 1
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _number(direction: int, number: int, size: int) -> int:
    """ioctl's number, as ``_IOC`` makes it."""
    return direction << 30 | size << 16 | 0x94 << 8 | number


_SNAPSHOT = _number(_WRITE, 1, _VOLUME.size)
_CREATE = _number(_WRITE, 14, _VOLUME.size)
_DESTROY = _number(_WRITE, 15, _VOLUME.size)
_INODE_LOOKUP = _number(_READ | _WRITE, 18, _LOOKUP.size)
_QUOTA_CONTROL = _number(_READ | _WRITE, 40, _QUOTA.size)
_QGROUP_LIMIT = _number(_READ, 43, _LIMIT.size)
_RESCAN_WAIT = _number(0, 46, 0)


def create_subvolume(folder_fd: int, name: str) -> None:
    """An empty one called ``name`` in a directory. Raises ``OSError``."""
    _call(folder_fd, _CREATE, _VOLUME.pack(0, _encoded(name)))


def snapshot_subvolume(source_fd: int, folder_fd: int, name: str) -> None:
    """A writable copy of a subvolume called ``name`` in a directory. Raises ``OSError``."""
    _call(folder_fd, _SNAPSHOT, _VOLUME.pack(source_fd, _encoded(name)))


def is_subvolume(fd: int) -> bool:
    """Whether a directory of btrfs is a subvolume."""
    return os.fstat(fd).st_ino == _FIRST_INODE


def remove_subvolume(folder_fd: int, name: str) -> None:
    """With all that is in it. Raises ``OSError``: FileNotFoundError if there is none."""
    try:
        _call(folder_fd, _DESTROY, _VOLUME.pack(0, _encoded(name)))
        return
    except OSError as exc:
        if exc.errno != errno.ENOTEMPTY:
            raise
    # Whoever may write to a directory may make subvolumes in it.
    _remove_nested(folder_fd, name)
    _call(folder_fd, _DESTROY, _VOLUME.pack(0, _encoded(name)))


def _remove_nested(folder_fd: int, name: str) -> None:
    stack = [os.open(name, _DIRECTORY, dir_fd=folder_fd)]
    try:
        while stack:
            fd = stack.pop()
            try:
                for child in _folders_in(fd):
                    stack.append(os.open(child, _DIRECTORY, dir_fd=fd))
            finally:
                os.close(fd)
    finally:
        for fd in stack:
            os.close(fd)


def _folders_in(fd: int) -> Iterator[str]:
    """The directories in one, without the subvolumes, which are removed when met."""
    for child in os.listdir(fd):
        status = os.stat(child, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            continue
        if status.st_ino == _FIRST_INODE:
            remove_subvolume(fd, child)
        else:
            yield child


def enable_quotas(fd: int) -> None:
    """Count what subvolumes hold, from now on; returns when what is there is counted. Repeatable."""
    _call(fd, _QUOTA_CONTROL, _QUOTA.pack(_ENABLE_QUOTAS, 0))
    fcntl.ioctl(fd, _RESCAN_WAIT)


def limit_subvolume(fd: int, size_bytes: int) -> None:
    """What can be read in a subvolume is at most so much; needs ``enable_quotas``. Raises ``OSError``."""
    _call(fd, _QGROUP_LIMIT, _LIMIT.pack(_subvolume_id(fd), _LIMIT_REFERENCED, size_bytes, 0, 0, 0))


def _subvolume_id(fd: int) -> int:
    tree, _, _ = _LOOKUP.unpack(_call(fd, _INODE_LOOKUP, _LOOKUP.pack(0, _FIRST_INODE, b"")))
    return int(tree)


def _call(fd: int, number: int, argument: bytes) -> bytes:
    """ioctl(2); what the kernel made of the argument. Python takes more than 1024 bytes by reference only."""
    buffer = bytearray(argument)
    fcntl.ioctl(fd, number, buffer)
    return bytes(buffer)


def _encoded(name: str) -> bytes:
    encoded = os.fsencode(name)
    if len(encoded) > _MAX_NAME_BYTES:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), name)
    return encoded
