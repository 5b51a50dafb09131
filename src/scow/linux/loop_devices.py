"""Block devices out of files (loop(4)); each goes by itself with its last user."""

import errno
import fcntl
import os
import struct
from pathlib import Path

# linux/loop.h
_LOOP_GET_STATUS64 = 0x4C05
_LOOP_CONFIGURE = 0x4C0A
_LOOP_CTL_GET_FREE = 0x4C82
_LO_FLAGS_AUTOCLEAR = 4
# struct loop_config: fd, block_size, struct loop_info64 (lo_flags at 52, lo_file_name at 56), reserved[8]
_CONFIG = struct.Struct("=II 52x I 64s 112x 64x")
# struct loop_info64: lo_device, lo_inode, and 216 bytes of others
_INFO = struct.Struct("=QQ 216x")
# Another process may take the number that we were just given.
_TRIES = 64


def attach_loop(path: str) -> int:
    """The file at ``path`` as a block device, made if it is none yet; returns a descriptor of it.

    A file is never in two: their file systems would know nothing of each other. One that was unmounted is
    still there while a mount namespace, of a container that is starting perhaps, has a copy of the mount.
    The device goes when the descriptor is closed and nothing is mounted from it, also by a kill. Linux 5.8.
    Raises ``OSError``.
    """
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if (present := _attached(os.fstat(backing))) is not None:
            return present
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            for _ in range(_TRIES):
                number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
                if (device := _configure(number, backing, path)) is not None:
                    return device
        finally:
            os.close(control)
    finally:
        os.close(backing)
    raise OSError(errno.EBUSY, "no free loop device", path)


def _attached(file: os.stat_result) -> int | None:
    """A descriptor of the device that has this file in it."""
    for found in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            device = os.open(f"/dev/{found.parent.parent.name}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # gone meanwhile, or not ours to open
        try:
            status = fcntl.ioctl(device, _LOOP_GET_STATUS64, bytes(_INFO.size))
        except OSError:
            os.close(device)  # cleared meanwhile
            continue
        if _INFO.unpack(status) == (file.st_dev, file.st_ino):
            return device
        os.close(device)
    return None


def _configure(number: int, backing: int, path: str) -> int | None:
    """The device of ``number`` with the file in it; None if somebody else was quicker."""
    device = os.open(_node(number), os.O_RDWR | os.O_CLOEXEC)
    try:
        name = os.fsencode(path)[:63]
        fcntl.ioctl(device, _LOOP_CONFIGURE, _CONFIG.pack(backing, 0, _LO_FLAGS_AUTOCLEAR, name))
    except OSError as exc:
        os.close(device)
        if exc.errno == errno.EBUSY:
            return None
        raise
    return device


def _node(number: int) -> str:
    """The device's name; in a container of somebody's the node may be missing."""
    path = f"/dev/loop{number}"
    if not os.path.exists(path):
        major = 7  # LOOP_MAJOR, linux/major.h
        os.mknod(path, 0o060660, os.makedev(major, number))
    return path


def loop_path(device: int) -> str:
    """The name of the device that ``device`` is a descriptor of."""
    return os.readlink(f"/proc/self/fd/{device}")
