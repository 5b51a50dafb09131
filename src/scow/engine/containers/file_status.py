"""What is told of one file of a container: ``docker cp`` decides by it what to do."""

import os
import stat

from scow.engine.timestamps import rfc3339
from scow.linux.rootpath import follow_in_root
from scow.spec.engine_api.files import PathStat

# Go's os.FileMode, io/fs/fs.go.
_GO_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_GO_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_file_mode(mode: int) -> int:
    """``st_mode`` as Go has it."""
    bits = sum(go for bit, go in _GO_BITS.items() if mode & bit)
    return mode & 0o777 | _GO_KINDS.get(stat.S_IFMT(mode), 0) | bits


def path_stat(root_fd: int, path: str, status: os.stat_result) -> PathStat:
    """``status`` is of ``path`` in the container's root ``root_fd``, a symlink not followed. Raises ELOOP."""
    link_target = follow_in_root(root_fd, path) if stat.S_ISLNK(status.st_mode) else ""
    return PathStat(
        name=last_name(path),
        size=status.st_size,
        mode=go_file_mode(status.st_mode),
        mtime=rfc3339(status.st_mtime_ns),
        link_target=link_target,
    )


def last_name(path: str) -> str:
    """As Go's ``filepath.Base``: ``.`` stays, slashes at the end do not count."""
    return path.rstrip("/").rpartition("/")[2] or "/"
