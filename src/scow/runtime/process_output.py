"""One readable end of a process's standard streams: a pipe, or the master of its terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import select

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from typing import Protocol

    from scow.runtime.poller import Poller

    class OutputOf(Protocol):
        """What an output needs of the process's streams."""

        poller: Poller

        @property
        def is_watched_by_clients(self) -> bool:
            """Whether what is read becomes frames for sockets."""

        def input_events(self, fd: int) -> int:
            """What else to poll for on the same descriptor: a master takes input too."""

        def flush_stdin(self) -> None:
            """The process takes input again."""

        def deliver(self, stream: int, chunk: bytes) -> None:
            """A piece of output."""

        def output_ended(self, output: Output) -> None:
            """End of file."""


# One skb of a stream socket holds 32 KiB in pages and some more in its head (unix_stream_sendmsg).
FRAME_READ_BYTES = 32 * 1024
_LOG_READ_BYTES = 64 * 1024
# For a process that fills its pipe (64 KiB, pipe(7)): it waits for us less often, and we wake less often.
_LARGE_PIPE_BYTES = 512 * 1024
# What may wait for a slow client after the end, when nothing can be left in the pipe.
MAX_LAST_WORDS_BYTES = 1024 * 1024


class Output:
    """One readable end: a pipe, or the pty master."""

    def __init__(self, container: OutputOf, fd: int, stream: int) -> None:
        self.fd = fd
        self._stream = stream
        self._container = container
        self._is_paused = True  # until every client that came before the first byte is here
        self._is_watched = False
        self._may_grow = True

    def update_events(self) -> None:
        """Poll for output unless it is paused; the master also takes input."""
        events = (0 if self._is_paused else select.EPOLLIN) | self._container.input_events(self.fd)
        poller = self._container.poller
        if not events:
            # Not just no events: EPOLLHUP cannot be masked, and would be reported without end.
            poller.forget(self.fd)
        elif self._is_watched:
            poller.change(self.fd, events)
        else:
            poller.watch(self.fd, events, self._ready)
        self._is_watched = bool(events)

    def pause(self, paused: bool) -> None:
        """Stop or go on reading."""
        if paused != self._is_paused:
            self._is_paused = paused
            self.update_events()

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT:
            self._container.flush_stdin()
        if events & ~select.EPOLLOUT and not self._is_paused:
            self._read()

    def read_rest(self) -> None:
        """Read what is there, but no more than a pipe holds when nobody refills it."""
        for _ in range(MAX_LAST_WORDS_BYTES // FRAME_READ_BYTES):
            if self.fd < 0 or not self._read():
                return

    def _read(self) -> bool:
        size_bytes = FRAME_READ_BYTES if self._container.is_watched_by_clients else _LOG_READ_BYTES
        try:
            chunk = os.read(self.fd, size_bytes)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno != errno.EIO:  # how a master says that no process has the terminal any more
                raise
            chunk = b""
        if self._may_grow and len(chunk) == _LOG_READ_BYTES:
            self._grow()
        if chunk:
            self._container.deliver(self._stream, chunk)
        else:
            self._container.output_ended(self)
        return bool(chunk)

    def _grow(self) -> None:
        """Once. A terminal has no size to change, and a user's pipes may together be too large (fcntl(2))."""
        self._may_grow = False
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _LARGE_PIPE_BYTES)
        except OSError:
            pass

    def close(self) -> None:
        """Close this process's copy."""
        self._container.poller.forget(self.fd)
        os.close(self.fd)
        self.fd = -1
