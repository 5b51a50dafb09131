"""Limits on what a directory tree may hold: project quotas of ext4 and XFS (quotactl(2), FS_IOC_FSSETXATTR).

A directory has a project id; whatever is made in it afterwards inherits that; the limit is on the id.
"""

import errno
import fcntl
import os
import struct

from scow.linux import syscalls

# linux/fs.h
_FSGETXATTR = 0x801C581F
_FSSETXATTR = 0x401C5820
_FSX = struct.Struct("=IIIII8x")  # xflags, extsize, nextents, projid, cowextsize
_PROJECT_INHERIT = 0x200
# linux/quota.h, linux/dqblk_xfs.h
_PROJECT = 2
_Q_GETQUOTA, _Q_SETQUOTA = 0x800007, 0x800008
_Q_XGETQSTAT, _Q_XSETQLIM = 0x5805, 0x5804
_BLOCK_LIMITS = 1  # QIF_BLIMITS
_DQBLK = struct.Struct("=8Q I 4x")  # bhardlimit, bsoftlimit, curspace, …, valid; limits in KiB
_XFS_ENFORCED = 0x20  # FS_QUOTA_PDQ_ENFD
_XFS_STATE = struct.Struct("=b H b 200x")
# struct fs_disk_quota: version, flags, fieldmask, id, blk_hardlimit, blk_softlimit, the rest
_XFS_DQUOT = struct.Struct("=b b H I Q Q 88x")
_XFS_VERSION, _XFS_PROJECT_FLAG, _XFS_BLOCK_LIMITS = 1, 2, 0x4 | 0x8
_SECTOR_BYTES = 512


def has_project_quotas(folder: str) -> bool:
    """Whether the file system of ``folder`` counts by project and holds to its limits."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _is_xfs(fd):
            state = bytearray(_XFS_STATE.size)
            syscalls.quotactl_fd(fd, _Q_XGETQSTAT << 8 | _PROJECT, 0, state)
            return bool(int.from_bytes(state[2:4], "little") & _XFS_ENFORCED)
        syscalls.quotactl_fd(fd, _Q_GETQUOTA << 8 | _PROJECT, 0, bytearray(_DQBLK.size))
    except OSError:
        return False  # not this file system, not turned on, or Linux before 5.14
    finally:
        os.close(fd)
    return True


def project_of(folder: str) -> int:
    """The project id of a directory, 0 for none. Raises ``OSError`` where there is no such thing."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return int(_attributes(fd)[3])
    finally:
        os.close(fd)


def limit_directory(folder: str, project: int, size_bytes: int) -> None:
    """Give an empty directory a project of its own, and that a limit. Raises ``OSError``."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags, extent_size, extents, _, cow_extent_size = _attributes(fd)
        changed = (flags | _PROJECT_INHERIT, extent_size, extents, project, cow_extent_size)
        _set_limit(fd, project, size_bytes)
        fcntl.ioctl(fd, _FSSETXATTR, _FSX.pack(*changed))
    finally:
        os.close(fd)


def forget_project(folder: str, project: int) -> None:
    """Take the limit of ``project`` away; ``folder`` is anywhere on the file system. Raises ``OSError``."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _set_limit(fd, project, 0)
    finally:
        os.close(fd)


def _attributes(fd: int) -> tuple[int, ...]:
    return _FSX.unpack(fcntl.ioctl(fd, _FSGETXATTR, bytes(_FSX.size)))


def _set_limit(fd: int, project: int, size_bytes: int) -> None:
    """0 is no limit."""
    if _is_xfs(fd):
        blocks = -(-size_bytes // _SECTOR_BYTES)
        quota = _XFS_DQUOT.pack(_XFS_VERSION, _XFS_PROJECT_FLAG, _XFS_BLOCK_LIMITS, project, blocks, blocks)
        syscalls.quotactl_fd(fd, _Q_XSETQLIM << 8 | _PROJECT, project, bytearray(quota))
        return
    blocks = -(-size_bytes // 1024)
    limits = _DQBLK.pack(blocks, blocks, 0, 0, 0, 0, 0, 0, _BLOCK_LIMITS)
    syscalls.quotactl_fd(fd, _Q_SETQUOTA << 8 | _PROJECT, project, bytearray(limits))


def _is_xfs(fd: int) -> bool:
    """XFS has quotactl(2) commands of its own; of the file system's name only mountinfo tells."""
    device = os.fstat(fd).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/thread-self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            if fields[2] == wanted:
                return fields[fields.index("-") + 1] == "xfs"
    raise OSError(errno.ENOENT, "no mount has this device", wanted)
