"""An epoll(7) loop of callbacks, for the two small processes that must not carry asyncio (10 MB each).

Level-triggered: a handler may leave work for the next round. A handler that raises is reported on
standard error, and loses its descriptor when it does nothing else: one container's trouble neither ends
nor spins the process.
"""

from __future__ import annotations

import select
import sys

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[int], None]

_MAX_FAILURES = 10


class Poller:
    """Descriptors and who is told of their events; EPOLLHUP and EPOLLERR are always told."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._failures: dict[int, int] = {}  # descriptor → how often in a row its handler has raised

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call ``handler(events)`` when one of ``events`` (EPOLLIN …) is there on ``fd``."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Replace the events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``, before it is closed; nothing happens if it is not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._failures.pop(fd, None)
            self._epoll.unregister(fd)

    def run_once(self, timeout_s: float | None = None) -> bool:
        """Wait (``None``: for ever), call the handlers, and say whether there were any."""
        ready = [
            (fd, events, self._handlers.get(fd)) for fd, events in self._epoll.poll(timeout_s, maxevents=64)
        ]
        for fd, events, handler in ready:
            # An earlier handler of this round may have closed the descriptor, and its number be in use again.
            if handler is None or self._handlers.get(fd) is not handler:
                continue
            self._call(fd, events, handler)
        return bool(ready)

    def _call(self, fd: int, events: int, handler: Handler) -> None:
        try:
            handler(events)
        except Exception:
            # The other descriptors must be served, whatever is the matter with this one.
            sys.excepthook(*sys.exc_info())
            self._failures[fd] = self._failures.get(fd, 0) + 1
            if self._failures[fd] >= _MAX_FAILURES:
                self.forget(fd)
        else:
            if self._failures:
                self._failures.pop(fd, None)
