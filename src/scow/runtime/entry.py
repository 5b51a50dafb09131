"""What scow-reaper holds of one process: its descriptors, its attach sockets, and at last its exit code.

    PENDING     attach sockets came before the spawn
    STARTING    the runtime command runs
    RUNNING     the runtime said that the process runs; scow-shim has the descriptors too
    ENDING      the process is gone, scow-shim still delivers its output
    EXITED      all output has been read, logged and delivered; kept until scowd forgets it

The reaper's copies of the descriptors are what makes scow-shim replaceable at any moment.
"""

from __future__ import annotations

import _socket
import os
import struct

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from typing import Any

PENDING, STARTING, RUNNING, ENDING, EXITED = "pending", "starting", "running", "ending", "exited"

# The most of a runtime's complaint that is kept; runc's longest messages are a few hundred bytes.
_MAX_DIAGNOSTICS = 16 * 1024
# Our own standard input: the engine made it one that a container's user can be given.
_NULL = 0


class Attachment:
    """One attach socket's end of ours, and what it is for."""

    __slots__ = ("fd", "id", "options")

    def __init__(self, attachment_id: int, fd: int, options: dict[str, Any]) -> None:
        self.id = attachment_id
        self.fd = fd
        self.options = options

    def end(self) -> None:
        """Give the peer its end of file, now, whoever else holds a copy of the descriptor."""
        sock = _socket.socket(fileno=self.fd)
        try:
            sock.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass  # the peer was first
        sock.close()


class Entry:
    """One process under its key. Every descriptor in it is closed by ``close``."""

    __slots__ = (
        "attachments",
        "carry",
        "console",
        "console_path",
        "diagnostics",
        "exit_code",
        "finished_at_ns",
        "key",
        "pid",
        "request",
        "request_id",
        "runtime_pid",
        "size",
        "state",
        "stdio",
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.state = PENDING
        self.request: dict[str, Any] = {}
        self.request_id = 0
        self.runtime_pid = 0
        self.pid = 0
        self.exit_code = -1
        self.finished_at_ns = 0
        self.stdio: dict[str, int] = {}  # "stdin", "stdout", "stderr" pipe ends, or "master"
        self.diagnostics = -1  # read end of what the runtime itself prints, where the process has a pty
        self.console: _socket.socket | None = None
        self.console_path = ""
        self.size: tuple[int, int] | None = None
        self.attachments: list[Attachment] = []
        self.carry: dict[int, bytes] = {}  # stream → the unfinished log line that scow-shim has last told

    def open_stdio(self, console_path: str) -> list[int]:
        """Make the pipes or the console socket; returns the child's 0, 1 and 2, to be closed after use."""
        child: list[int] = []
        try:
            if self.request["tty"]:
                self._open_console(console_path)
                child.append(os.dup(_NULL))
                self.diagnostics = _output_pipe(child)
                child.append(os.dup(child[1]))
            else:
                if self.request["stdin"]:
                    end, ours = os.pipe2(os.O_CLOEXEC)
                    child.append(end)
                    os.set_blocking(ours, False)
                    self.stdio["stdin"] = ours
                else:
                    child.append(os.dup(_NULL))
                self.stdio["stdout"] = _output_pipe(child)
                self.stdio["stderr"] = _output_pipe(child)
        except OSError:
            for fd in child:
                os.close(fd)
            raise
        return child

    def _open_console(self, path: str) -> None:
        self.console_path = path
        self.console = _socket.socket(
            _socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        )
        self.console.bind(path)
        self.console.listen(1)

    def accept_console(self) -> bool:
        """Put the runtime's connection in the place of the listening console socket, once it is there."""
        assert self.console is not None
        try:
            fd, _address = self.console._accept()  # type: ignore[attr-defined]  # what socket.accept calls
        except BlockingIOError:
            return False
        self.close_console()
        self.console = _socket.socket(fileno=fd)
        self.console.setblocking(False)
        return True

    def receive_master(self) -> None:
        """Take the pty master from the runtime's connection, if it has been sent by now.

        One connection, one message, one descriptor: runc's terminal protocol (docs/terminals.md there).
        """
        assert self.console is not None
        try:
            _data, ancillary, _flags, _from = self.console.recvmsg(
                4096, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        self.close_console()
        for level, kind, payload in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                (master,) = struct.unpack("i", payload[:4])
                os.set_blocking(master, False)
                self.stdio["master"] = master

    def apply_size(self) -> None:
        """Set the terminal's size, once both are there."""
        if self.size is not None and (master := self.stdio.get("master", -1)) >= 0:
            from scow.linux.pty import set_window_size  # most reapers never see a terminal

            set_window_size(master, *self.size)

    def close_console(self) -> None:
        """The console socket is only of use while the runtime command runs."""
        if self.console is not None:
            self.console.close()
            self.console = None
        if self.console_path:
            try:
                os.unlink(self.console_path)
            except FileNotFoundError:
                pass  # never bound: a start that failed before that must be told of all the same
            self.console_path = ""

    def take_diagnostics(self) -> bytes:
        """What a failed runtime printed: on the process's standard error, or on the pipe made for it."""
        fd = self.diagnostics if self.diagnostics >= 0 else self.stdio.get("stderr", -1)
        if fd < 0:
            return b""
        try:
            return os.read(fd, _MAX_DIAGNOSTICS)
        except BlockingIOError:
            return b""

    def close_diagnostics(self) -> None:
        """Nobody asks for the words of a runtime that succeeded."""
        if self.diagnostics >= 0:
            os.close(self.diagnostics)
            self.diagnostics = -1

    def close_stdin(self) -> None:
        """Drop our copy; the process reads end of file when scow-shim has dropped its own."""
        if (fd := self.stdio.pop("stdin", -1)) >= 0:
            os.close(fd)

    def close_stdio(self) -> None:
        """Close everything but the attach sockets."""
        self.close_console()
        self.close_diagnostics()
        for fd in self.stdio.values():
            os.close(fd)
        self.stdio.clear()


def _output_pipe(child: list[int]) -> int:
    ours, end = os.pipe2(os.O_CLOEXEC)
    child.append(end)
    os.set_blocking(ours, False)
    return ours
