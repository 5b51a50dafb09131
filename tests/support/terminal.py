"""A program on a pseudo-terminal, as a person has it: type, read the screen, change the window."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from tests.support.waiting import PATIENCE_S


class Terminal:
    """``argv`` running on its own terminal; use as a context manager, which ends it."""

    def __init__(self, argv: list[str], env: dict[str, str], rows: int = 24, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        self._set_size(rows, columns)
        # A session of its own with this terminal in control, so that Ctrl-C and SIGWINCH arrive.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *argv], stdin=slave, stdout=slave, stderr=slave, env=env
        )
        os.close(slave)
        self.output = ""
        self._seen = 0

    def _set_size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows: int, columns: int) -> None:
        self._set_size(rows, columns)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read(self, timeout_s: float) -> bool:
        """Take in what is there, waiting up to ``timeout_s``; False at the end of the session."""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the last process on the terminal is gone
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern: str, timeout_s: float = PATIENCE_S) -> re.Match[str]:
        """Read until ``pattern`` (a regular expression) appears after what was matched before."""
        deadline = time.monotonic() + timeout_s
        alive = True
        while True:
            if match := re.compile(pattern).search(self.output, self._seen):
                self._seen = match.end()
                return match
            assert alive, f"session ended without {pattern!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {pattern!r} in {timeout_s:g} s:\n{self.output}"
            alive = self._read(0.2)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.2):
            assert time.monotonic() < deadline, f"no end in {timeout_s:g} s:\n{self.output}"
        return self.process.wait(timeout_s)

    def hang_up(self) -> None:
        """As a window that is closed: the processes get SIGHUP, and are waited for."""
        os.close(self._master)
        self._master = -1
        self.process.wait(PATIENCE_S)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self._master >= 0:
            os.close(self._master)
        self.process.wait()
