"""The two directions of an attached container on one thread: a poll loop over standard input and the socket.

Input is sent without blocking and held back while the engine does not take more; standard output may block,
which is how a slow reader slows the container down. Signal handlers run in between.
"""

import _socket
import os
import select
import time

from scow.api.client.multiplex import STDERR, STDOUT, SYSTEM_ERROR, Demultiplexer
from scow.cli.exits import CommandError
from scow.cli.terminal import (
    DEFAULT_DETACH_KEYS,
    DetachKeys,
    enter_raw_mode,
    leave_raw_mode,
    parse_detach_keys,
)
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.api.client.client import Hijacked
    from scow.cli.output import Output

_READ_SIZE = 256 * 1024
_INPUT_SIZE = 64 * 1024
_RETRIES = 10
_RETRY_STEP_S = 0.01

ENDED, DETACHED, EXITED = "ended", "detached", "exited"


class Attachment:
    """Pumps between the standard streams and a hijacked connection.

    ``out`` and ``err`` are None where that stream is not attached; with ``tty`` everything goes to ``out``
    unframed, and input is raw and watched for detach keys.
    """

    def __init__(
        self,
        hijacked: "Hijacked",
        *,
        tty: bool,
        stdin: bool,
        out: "Output | None",
        err: "Output | None",
        detach_keys: str = "",
        on_resize_failed: "Callable[[], None] | None" = None,
    ) -> None:
        self._sock = hijacked.sock
        self._early = hijacked.early
        self._tty = tty and out is not None
        self._outputs = {STDOUT: out, STDERR: err}
        self._stdin_open = stdin
        self._pending = b""
        self._closing = not stdin
        self._demultiplexer = Demultiplexer()
        self._keys = DetachKeys(_detach_sequence(detach_keys)) if stdin and tty else None
        self._raw_input = stdin and tty
        self._resize: Callable[[], bool] | None = None
        self._on_resize_failed = on_resize_failed
        self._resizes_left = 0
        self._next_resize = 0.0

    def resize_with(self, resize: "Callable[[], bool]") -> None:
        """Set the window's size now, and a few times more soon if the process is not there yet."""
        self._resize = resize
        self._resizes_left = _RETRIES + 1
        self._try_resize()

    def run(self, exit_fd: int = -1) -> str:
        """Pump until it ends and say how.

        ENDED: no more output, or no output attached and all input sent. DETACHED: the keys were typed.
        EXITED: ``exit_fd`` became readable with no output attached.
        """
        if self._raw_input:
            enter_raw_mode()
        try:
            return self._pump(exit_fd)
        except BrokenPipeError:
            # Nobody reads any more. The container goes on; Docker's command line says this and leaves.
            raise CommandError("write /dev/stdout: broken pipe") from None
        finally:
            leave_raw_mode()

    def close(self) -> None:
        self._sock.close()

    def _pump(self, exit_fd: int) -> str:
        reads_output = any(self._outputs.values())
        if self._early and reads_output:
            self._show(self._early)
        self._finish_input()
        while True:
            if not reads_output and self._closing and not self._pending:
                return ENDED
            ready = self._wait(reads_output, exit_fd)
            self._try_resize()
            if ready.get(0) and self._stdin_open and not self._pending and not self._read_input():
                return DETACHED
            events = ready.get(self._sock.fileno(), 0)
            if self._pending and events & (select.POLLOUT | select.POLLERR | select.POLLHUP):
                self._send_pending()
            if reads_output and events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                if not self._read_output():
                    return ENDED
            elif exit_fd in ready:
                return EXITED

    def _wait(self, reads_output: bool, exit_fd: int) -> dict[int, int]:
        poller = select.poll()
        if self._stdin_open and not self._pending:
            poller.register(0, select.POLLIN)
        events = (select.POLLIN if reads_output else 0) | (select.POLLOUT if self._pending else 0)
        if events:
            poller.register(self._sock.fileno(), events)
        if exit_fd >= 0 and not reads_output:
            poller.register(exit_fd, select.POLLIN)
        timeout_ms = None
        if self._resizes_left:
            timeout_ms = max(0.0, self._next_resize - time.monotonic()) * 1000
        return dict(poller.poll(timeout_ms))

    def _read_input(self) -> bool:
        """False when the detach keys were typed."""
        try:
            data = os.read(0, _INPUT_SIZE)
        except OSError:
            data = b""
        if not data:
            self._stdin_open = False
            self._closing = True
        detached = False
        if self._keys and data:
            data, detached = self._keys.feed(data)
        self._pending += data
        self._send_pending()
        return not detached

    def _send_pending(self) -> None:
        try:
            if self._pending:
                sent = self._sock.send(self._pending, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)
                self._pending = self._pending[sent:]
        except BlockingIOError:
            return
        except OSError:  # the container is gone; what it said last is still to be read
            self._stdin_open = False
            self._closing = True
            self._pending = b""
        self._finish_input()

    def _finish_input(self) -> None:
        """Half-close once all input is sent: the container's standard input ends there."""
        if self._closing and not self._pending:
            try:
                self._sock.shutdown(_socket.SHUT_WR)
            except OSError:
                pass

    def _read_output(self) -> bool:
        try:
            data = self._sock.recv(_READ_SIZE)
        except ConnectionResetError:
            return False
        if data:
            self._show(data)
        return bool(data)

    def _show(self, data: bytes) -> None:
        if self._tty:
            out = self._outputs[STDOUT]
            if out is not None:
                out.write_bytes(data)
            return
        write_frames(self._demultiplexer, data, self._outputs[STDOUT], self._outputs[STDERR])

    def _try_resize(self) -> None:
        if not self._resizes_left or self._resize is None or time.monotonic() < self._next_resize:
            return
        self._resizes_left -= 1
        if self._resize():
            self._resizes_left = 0
        elif self._resizes_left:
            self._next_resize = time.monotonic() + _RETRY_STEP_S * (_RETRIES + 1 - self._resizes_left)
        elif self._on_resize_failed:
            self._on_resize_failed()


def write_frames(
    demultiplexer: Demultiplexer, data: bytes, out: "Output | None", err: "Output | None"
) -> None:
    """Write the frames in ``data`` where they belong. Raises CommandError for the engine's own error."""
    try:
        for stream, run in demultiplexer.feed(data):
            if stream == SYSTEM_ERROR:
                raise CommandError(f"error from daemon in stream: {run.decode('utf-8', 'replace')}")
            target = err if stream == STDERR else out
            if target is not None:
                target.write_bytes(run)
    except ValueError as exc:
        raise CommandError(str(exc)) from exc


def _detach_sequence(text: str) -> bytes:
    if not text:
        return DEFAULT_DETACH_KEYS
    try:
        return parse_detach_keys(text)
    except InvalidArgumentError:
        return DEFAULT_DETACH_KEYS
