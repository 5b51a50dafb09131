"""The content of one file into another: shared where the file system can, else copied without its holes."""

import errno
import fcntl
import os

_FICLONE = 0x40049409  # linux/fs.h
_NO_CLONE = frozenset({errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM})
_PIECE_BYTES = 1 << 24


def share_or_copy(source: int, target: int) -> bool:
    """Fill the empty file ``target``; whether the two share their blocks (FICLONE, ioctl_ficlonerange(2)).

    Both are descriptors at their beginning. Raises ``OSError``.
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as exc:
        if exc.errno not in _NO_CLONE:
            raise
    else:
        return True
    _copy_extents(source, target, os.fstat(source).st_size)
    return False


def _copy_extents(source: int, target: int, size: int) -> None:
    """Only what is there: a sparse file stays one."""
    place = 0
    while place < size:
        try:
            start = os.lseek(source, place, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole is left
                break
            raise
        place = os.lseek(source, start, os.SEEK_HOLE)
        _copy_range(source, target, start, place)
    os.ftruncate(target, size)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    os.lseek(target, start, os.SEEK_SET)
    while start < end:
        # sendfile and not copy_file_range, which does not go from one file system to another of its kind.
        sent = os.sendfile(target, source, start, min(_PIECE_BYTES, end - start))
        if sent == 0:
            return  # it has become shorter meanwhile
        start += sent
