"""The writable end of a process's standard streams, with what it does not take yet."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.runtime.poller import Poller


class Input:
    """A pipe, or the master of a terminal, which has no end of file and whose events its output polls for."""

    def __init__(
        self,
        poller: Poller,
        fd: int,
        *,
        is_terminal: bool,
        fullness_changed: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        """``fd``: -1 for none. ``fullness_changed`` also after ``is_full`` has become false again."""
        self.fd = fd
        self.is_full = False
        """Whether the process does not take what there is: nothing more is to be read for it."""
        self._poller = poller
        self._is_terminal = is_terminal
        self._fullness_changed = fullness_changed
        self._closed = closed
        self._pending = b""
        self._ends = False

    @property
    def is_open(self) -> bool:
        """Whether input has anywhere to go."""
        return self.fd >= 0 and not self._ends

    def write(self, data: bytes) -> None:
        """Pass input on."""
        if self.is_open:
            self._pending += data
            self.flush()

    def flush(self) -> None:
        """Write what is pending, as far as the process takes it."""
        was_full = self.is_full
        try:
            while self._pending:
                self._pending = self._pending[os.write(self.fd, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            # EPIPE: the process has closed its standard input and goes on without.
            self._pending = b""
            self._ends = True
        self.is_full = bool(self._pending)
        if was_full != self.is_full:
            if not self._is_terminal:
                self._watch()
            self._fullness_changed()
        if self._ends and not self._pending and not self._is_terminal:
            self.close()
            self._closed()

    def _watch(self) -> None:
        if self.is_full:
            self._poller.watch(self.fd, select.EPOLLOUT, lambda _events: self.flush())
        else:
            self._poller.forget(self.fd)

    def end(self) -> None:
        """Give the process its end of file, after what is pending. A terminal has none."""
        if not self._is_terminal and self.is_open:
            self._ends = True
            self.flush()

    def close(self) -> None:
        """Close a pipe; forget a master, which is its output's to close. May be called twice."""
        if self.fd >= 0 and not self._is_terminal:
            self._poller.forget(self.fd)
            os.close(self.fd)
        self.fd = -1
        self.is_full = False
        self._pending = b""
