"""Noticing that a peer is gone after it has shut down its sending side.

asyncio stops watching a socket for input at EOF, so a client that first half-closes and then dies would
go unseen until something is written to it. Linux reports the second half as EPOLLHUP even to those who
ask for no event at all; one epoll descriptor inside the event loop's own waits for just that. A Unix
socket hangs up when the peer closes it, TCP when the peer resets or keepalive gives up.
"""

import asyncio
import select
from collections.abc import Callable


class HangupWatcher:
    """Calls back once for each watched descriptor that hangs up."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._callbacks: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` when ``fd`` hangs up; at once (in the loop) if it has done so already."""
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._ready)
        if fd not in self._callbacks:
            self._epoll.register(fd, 0)
            self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Watch ``fd`` no longer. To be called before it is closed; not watched is fine too."""
        if self._callbacks.pop(fd, None) is not None and self._epoll is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Forget all. May be called twice."""
        self._callbacks.clear()
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _ready(self) -> None:
        if self._epoll is None:
            return
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks[fd]
            self.forget(fd)
            callback()


def has_hung_up(fd: int) -> bool:
    """Whether both directions of the socket are shut down by now."""
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))
