"""Being told when a control group runs out of memory, for an event loop's ``add_reader``.

Version 1: an eventfd registered in ``cgroup.event_control`` (cgroup-v1/memory.rst, "OOM Control"), which is
written to when the killer is called. Version 2: ``memory.events`` is modified, and counts the kills.
"""

import errno
import os

from scow.linux.cgroups import Cgroup
from scow.linux.inotify import IN_MODIFY, Inotify

_COUNTER_BYTES = 8  # eventfd(2)


class OomNotice:
    """A watch on one group. Readable when there may be something; ``happened`` says whether there is."""

    def __init__(self, cgroup: Cgroup) -> None:
        """ENOENT: there is no such group. EOPNOTSUPP: the host has no memory controller."""
        directory = cgroup.directory("memory")
        if directory is None:
            raise OSError(errno.EOPNOTSUPP, "this host has no memory controller", cgroup.path)
        self._cgroup = cgroup
        self._seen = cgroup.oom_kill_count()
        self._inotify: Inotify | None = None
        self._eventfd = -1
        if cgroup.host.version == 2:
            self._inotify = _watch(f"{directory}/memory.events")
        else:
            self._eventfd = _register(directory)

    def fileno(self) -> int:
        """The descriptor to wait on; -1 once closed."""
        return self._inotify.fileno() if self._inotify is not None else self._eventfd

    def happened(self) -> bool:
        """Whether the group has run out of memory since the last call; does not wait."""
        if self._inotify is None:
            try:
                return bool(os.read(self._eventfd, _COUNTER_BYTES))
            except BlockingIOError:
                return False
        self._inotify.read()
        before, self._seen = self._seen, self._cgroup.oom_kill_count()
        return self._seen > before

    def close(self) -> None:
        """End the watch. May be called twice."""
        if self._inotify is not None:
            self._inotify.close()
        if self._eventfd >= 0:
            os.close(self._eventfd)
            self._eventfd = -1


def _watch(path: str) -> Inotify:
    inotify = Inotify()
    try:
        inotify.add_watch(path, IN_MODIFY)
    except BaseException:
        inotify.close()
        raise
    return inotify


def _register(directory: str) -> int:
    """The kernel keeps the registration until the eventfd is closed or the group is gone."""
    eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        control = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = os.open(f"{directory}/cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, f"{eventfd} {control}".encode())
            finally:
                os.close(fd)
        finally:
            os.close(control)
    except BaseException:
        os.close(eventfd)
        raise
    return eventfd
