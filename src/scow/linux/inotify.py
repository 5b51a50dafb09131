"""File change notices (inotify(7)) for an event loop's ``add_reader``."""

import os
import struct
from types import TracebackType
from typing import NamedTuple, Self

from scow.linux import syscalls

IN_MODIFY = 0x0002
IN_ATTRIB = 0x0004
IN_CLOSE_WRITE = 0x0008
IN_MOVED_FROM = 0x0040
IN_MOVED_TO = 0x0080
IN_CREATE = 0x0100
IN_DELETE = 0x0200
IN_DELETE_SELF = 0x0400
IN_MOVE_SELF = 0x0800
IN_Q_OVERFLOW = 0x4000
IN_IGNORED = 0x8000
IN_ONLYDIR = 0x01000000

_HEADER = struct.Struct("iIII")
_READ_SIZE = 64 * 1024


class Event(NamedTuple):
    """``watch`` is what ``add_watch`` returned, -1 in an overflow; ``name`` is set inside a directory."""

    watch: int
    mask: int
    cookie: int
    name: str


class Inotify:
    """One inotify instance: non-blocking, close-on-exec, closed by ``close`` or ``with``.

    The kernel drops events when 16384 are unread and says so with IN_Q_OVERFLOW: then look at everything.
    """

    def __init__(self) -> None:
        """EMFILE: the user has ``fs.inotify.max_user_instances`` already."""
        self._fd = syscalls.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """The descriptor to wait on; -1 once closed."""
        return self._fd

    def add_watch(self, path: str, mask: int) -> int:
        """Watch ``path`` for the IN_… of ``mask``; again for the same inode replaces its mask."""
        return syscalls.inotify_add_watch(self._fd, path, mask)

    def remove_watch(self, watch: int) -> None:
        """Stop a watch. EINVAL: it ended by itself, because its file is gone."""
        syscalls.inotify_rm_watch(self._fd, watch)

    def read(self) -> list[Event]:
        """What has happened since the last call, without waiting."""
        try:
            buffer = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return []
        events: list[Event] = []
        offset = 0
        while offset < len(buffer):
            watch, mask, cookie, length = _HEADER.unpack_from(buffer, offset)
            offset += _HEADER.size
            name = buffer[offset : offset + length].rstrip(b"\0")
            offset += length
            events.append(Event(watch, mask, cookie, os.fsdecode(name)))
        return events

    def close(self) -> None:
        """End all watches. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
