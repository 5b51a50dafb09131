"""Wakes those who follow a file, by inotify(7) on its directory: a new file under its name counts too.

One inotify instance for all followers: the kernel allows a user 128. It exists while somebody follows.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from scow.linux.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Inotify

_MASK = IN_MODIFY | IN_CREATE | IN_MOVED_TO


class _Watches:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._inotify = Inotify()
        self._followers: dict[int, list[tuple[str, asyncio.Event]]] = {}
        loop.add_reader(self._inotify.fileno(), self._read)

    def add(self, path: str, changed: asyncio.Event) -> int:
        watch = self._inotify.add_watch(os.path.dirname(path), _MASK)
        self._followers.setdefault(watch, []).append((os.path.basename(path), changed))
        return watch

    def remove(self, watch: int, changed: asyncio.Event) -> bool:
        """Whether anybody is left."""
        left = [follower for follower in self._followers[watch] if follower[1] is not changed]
        self._followers[watch] = left
        if not left:
            del self._followers[watch]
            try:
                self._inotify.remove_watch(watch)
            except OSError:
                pass  # the directory is gone, and the watch with it
        if self._followers:
            return True
        self.loop.remove_reader(self._inotify.fileno())
        self._inotify.close()
        return False

    def _read(self) -> None:
        for event in self._inotify.read():
            for watch, followers in self._followers.items():
                for name, changed in followers:
                    # -1: the kernel has dropped events, so everything may have changed.
                    if event.watch == -1 or (event.watch == watch and event.name == name):
                        changed.set()


_watches: _Watches | None = None


@contextmanager
def watch_file(path: str, changed: asyncio.Event) -> Iterator[None]:
    """Set ``changed`` whenever the file of that name has been written or replaced.

    Raises ``FileNotFoundError`` if its directory does not exist.
    """
    global _watches
    loop = asyncio.get_running_loop()
    if _watches is None or _watches.loop is not loop:
        _watches = _Watches(loop)
    watches = _watches
    watch = watches.add(path, changed)
    try:
        yield
    finally:
        if not watches.remove(watch, changed) and _watches is watches:
            _watches = None
