"""The standard streams of one process in scow-shim: out to attach sockets and the log, in from the sockets.

Every read of the process's output becomes one frame for each attach socket and one call of the log. A
client that does not read stops the process's output, as with Docker: its socket's buffer
(`ATTACH_BUFFER_BYTES`) and one frame are all that is kept for it. A frame fits into one socket buffer
(skb), so that the kernel takes it whole or not at all, and a shim that is killed cannot leave half a frame
in a stream.
"""

from __future__ import annotations

import errno
import os
import select
import time

from scow.runtime.attach_socket import AttachSocket
from scow.spec import stdcopy

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from scow.runtime.poller import Poller

    class LogSink(Protocol):
        """Where output is logged. Never raises for want of space."""

        def write(self, stream: int, chunk: bytes) -> None:
            """Log a piece of output of ``stream`` (1 or 2) as it was read."""

        def carry(self) -> dict[int, bytes]:
            """The unfinished lines, by stream, that are in no file yet."""

        def close(self) -> None:
            """Log unfinished lines too, and close the file."""


STDOUT, STDERR = 1, 2

# One skb of a stream socket holds 32 KiB in pages and some more in its head (unix_stream_sendmsg).
_FRAME_READ_BYTES = 32 * 1024
_LOG_READ_BYTES = 64 * 1024

# Once the process is gone its output is read to the end. Somebody else may hold the pipe (`sh -c 'sleep
# 99 &'`): then it is enough that nothing came for a while. Docker waits two seconds in all.
_QUIET_S = 0.25
_MAX_DRAIN_S = 2.0
# What may wait for a slow client in this last phase, when nothing can be left in the pipe.
_MAX_LAST_WORDS_BYTES = 1024 * 1024


class Output:
    """One readable end: a pipe, or the pty master."""

    def __init__(self, container: Container, fd: int, stream: int) -> None:
        self.fd = fd
        self._stream = stream
        self._container = container
        self._is_paused = True  # until every client that came before the first byte is here
        self._is_watched = False

    def update_events(self) -> None:
        """Poll for output unless it is paused; the master also takes input."""
        writes_here = self.fd == self._container.stdin_fd and self._container.is_stdin_full
        events = (0 if self._is_paused else select.EPOLLIN) | (select.EPOLLOUT if writes_here else 0)
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
        for _ in range(_MAX_LAST_WORDS_BYTES // _FRAME_READ_BYTES):
            if self.fd < 0 or not self._read():
                return

    def _read(self) -> bool:
        try:
            chunk = os.read(self.fd, _FRAME_READ_BYTES if self._container.clients else _LOG_READ_BYTES)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno != errno.EIO:  # how a master says that no process has the terminal any more
                raise
            chunk = b""
        if chunk:
            self._container.deliver(self._stream, chunk)
        else:
            self._container.output_ended(self)
        return bool(chunk)

    def close(self) -> None:
        """Close this process's copy."""
        self._container.poller.forget(self.fd)
        os.close(self.fd)
        self.fd = -1


class Container:
    """The streams of one process, from ``open`` until ``drained`` has been told."""

    def __init__(
        self,
        key: str,
        stdio: dict[str, int],
        stdin_once: bool,
        log: LogSink | None,
        poller: Poller,
        tell: Callable[[dict[str, Any]], None],
        active: set[Container],
    ) -> None:
        """``active``: where to be noted whenever something has been logged."""
        self.key = key
        self.poller = poller
        self.log = log
        self.clients: list[AttachSocket] = []
        self.is_stdin_full = False
        self.is_drained = False
        self.told_carry: dict[int, bytes] = {}
        self._tell = tell
        self._active = active
        self._stdin_once = stdin_once
        self._stdin_pending = b""
        self._stdin_ends = False
        self._has_ended = False
        self._is_flowing = False
        self._quiet_at = 0.0
        self._latest_at = 0.0
        master = stdio.get("master", -1)
        self._is_terminal = master >= 0
        self.stdin_fd = master if self._is_terminal else stdio.get("stdin", -1)
        if self._is_terminal:
            self._outputs = [Output(self, master, STDOUT)]
        else:
            self._outputs = [Output(self, stdio["stdout"], STDOUT), Output(self, stdio["stderr"], STDERR)]

    # ------------------------------------------------------------------ output

    def start_output(self) -> None:
        """Begin to read: the clients that were to see the first byte are attached."""
        self._is_flowing = True
        self.resume_output()

    def deliver(self, stream: int, chunk: bytes) -> None:
        """Send one piece of output to everybody, then log it."""
        frame = b""
        for client in self.clients[:]:
            if client.wants & stream:
                if client.framed and not frame:
                    frame = stdcopy.frame(stream, chunk)
                client.send(frame if client.framed else chunk)
        if self.log is not None:
            self.log.write(stream, chunk)
            self._active.add(self)
        if self._has_ended:
            self._quiet_at = time.monotonic() + _QUIET_S
        if self.clients:
            self.resume_output()

    def resume_output(self) -> None:
        """Read on, or not, by what the clients have left to take."""
        allowed = _MAX_LAST_WORDS_BYTES if self._has_ended else 0
        if not self._is_flowing:
            return
        is_blocked = any(len(client.pending) > allowed for client in self.clients)
        for output in self._outputs:
            output.pause(is_blocked)

    def output_ended(self, output: Output) -> None:
        """End of file on one of the outputs."""
        self._outputs.remove(output)
        if output.fd == self.stdin_fd:
            self.stdin_fd = -1
            self._stdin_pending = b""
            self.is_stdin_full = False
        output.close()
        if not self._outputs and self._has_ended:
            self._finish()

    # ------------------------------------------------------------------ input

    @property
    def takes_stdin(self) -> bool:
        """Whether input has anywhere to go."""
        return self.stdin_fd >= 0 and not self._stdin_ends

    def write_stdin(self, data: bytes) -> None:
        """Pass input on; while the process does not take it, no client's input is read."""
        if not self.takes_stdin:
            return
        self._stdin_pending += data
        self.flush_stdin()

    def flush_stdin(self) -> None:
        """Write what is pending, as far as the process takes it."""
        was_full = self.is_stdin_full
        try:
            while self._stdin_pending:
                self._stdin_pending = self._stdin_pending[os.write(self.stdin_fd, self._stdin_pending) :]
        except BlockingIOError:
            pass
        except OSError:
            # EPIPE: the process has closed its standard input and goes on without.
            self._stdin_pending = b""
            self._stdin_ends = True
        self.is_stdin_full = bool(self._stdin_pending)
        if was_full != self.is_stdin_full:
            self._watch_stdin()
            for client in self.clients:
                client.update_events()
        if self._stdin_ends and not self._stdin_pending:
            self._close_stdin()

    def _watch_stdin(self) -> None:
        if self._is_terminal:
            for output in self._outputs:
                output.update_events()
        elif self.is_stdin_full:
            self.poller.watch(self.stdin_fd, select.EPOLLOUT, lambda _events: self.flush_stdin())
        else:
            self.poller.forget(self.stdin_fd)

    def client_ended_stdin(self) -> None:
        """End of file from a client: the process's too, if it was to have one client's input only."""
        if self._stdin_once:
            self.end_stdin()

    def end_stdin(self) -> None:
        """Give the process its end of file, after what is pending. A terminal has none."""
        if not self._is_terminal and self.takes_stdin:
            self._stdin_ends = True
            self.flush_stdin()

    def _close_stdin(self) -> None:
        if not self._is_terminal and self.stdin_fd >= 0:
            self.poller.forget(self.stdin_fd)
            os.close(self.stdin_fd)
            self.stdin_fd = -1
            self._tell({"op": "stdin_closed", "key": self.key})

    # ------------------------------------------------------------------ clients and the end

    def attach(self, client_id: int, fd: int, options: dict[str, Any]) -> None:
        """Take in one more client."""
        self.clients.append(AttachSocket(client_id, fd, options, self))

    def detach(self, client: AttachSocket) -> None:
        """Let a client go, and with it what it kept the others waiting for."""
        self.clients.remove(client)
        client.close()
        self._tell({"op": "detached", "key": self.key, "id": client.id})
        self.resume_output()

    def process_ended(self) -> None:
        """The process is gone: read what it left, then finish."""
        self._has_ended = True
        now = time.monotonic()
        self._quiet_at, self._latest_at = now + _QUIET_S, now + _MAX_DRAIN_S
        self.resume_output()
        if not self._outputs:
            self._finish()

    def finish_at(self) -> float:
        """When to call ``finish_late`` of a process that has ended, on the monotonic clock."""
        return min(self._quiet_at, self._latest_at)

    def finish_at_end_of_output(self) -> None:
        """Nobody will say when the process ends."""
        self._has_ended = True
        self._quiet_at = self._latest_at = float("inf")
        self.start_output()
        if not self._outputs:
            self._finish()

    def finish_late(self) -> None:
        """Somebody else holds the pipe: take what is in it, and leave it."""
        for output in self._outputs[:]:
            output.read_rest()
        if not self.is_drained:
            self._finish()

    def _finish(self) -> None:
        """Log the rest, let the clients go when each has got everything, and tell."""
        self.is_drained = True
        for output in self._outputs:
            output.close()
        self._outputs.clear()
        if self.stdin_fd >= 0 and not self._is_terminal:
            self.poller.forget(self.stdin_fd)
            os.close(self.stdin_fd)
        self.stdin_fd = -1
        if self.log is not None:
            self.log.close()
        for client in self.clients[:]:
            if client.finish():
                self.detach(client)
        self._tell({"op": "drained", "key": self.key})
