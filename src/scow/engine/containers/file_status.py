"""What is told of one file of a container: ``docker cp`` decides by it what to do."""

import os
import stat

from scow.engine.timestamps import rfc3339
from scow.linux.rootpath import follow_in_root
from scow.spec.engine_api.files import PathStat
from scow.spec.go_file_mode import go_file_mode


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
