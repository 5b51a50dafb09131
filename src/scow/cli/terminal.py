"""The caller's terminal: raw mode, its size, and detach keys in what is typed."""

import os
import termios

from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import Any
else:
    import _signal as signal  # without the enumerations, 4 ms of each attached run

DEFAULT_DETACH_KEYS = b"\x10\x11"
"""Ctrl-P Ctrl-Q."""
_CONTROL = "@abcdefghijklmnopqrstuvwxyz[\\]^_"
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6


_saved: "list[Any] | None" = None
"""Settings of standard input before raw mode; a process has just the one terminal."""


def enter_raw_mode() -> None:
    """Raw mode on standard input, if it is a terminal, until ``leave_raw_mode``."""
    global _saved
    if _saved is None and os.isatty(0) and not os.environ.get("NORAW"):
        _saved = termios.tcgetattr(0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _leave_and_die)
        termios.tcsetattr(0, termios.TCSANOW, _raw(_saved))


def leave_raw_mode() -> None:
    """Put the settings back; harmless when there is nothing to do, and in a signal handler."""
    global _saved
    settings, _saved = _saved, None
    if settings is not None:
        termios.tcsetattr(0, termios.TCSANOW, settings)


def _leave_and_die(number: int, frame: "FrameType | None") -> None:
    """Signals that would leave the terminal raw behind: put it right, then die of them after all."""
    leave_raw_mode()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _raw(settings: "list[Any]") -> "list[Any]":
    raw = [*settings[:6], list(settings[_CC])]
    raw[_IFLAG] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    raw[_OFLAG] &= ~termios.OPOST
    raw[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    raw[_CFLAG] = raw[_CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw[_CC][termios.VMIN] = 1
    raw[_CC][termios.VTIME] = 0
    return raw


def require_terminal_input(*, attach_stdin: bool, tty: bool) -> None:
    """Docker's refusal to give a container a terminal that the caller has not."""
    if attach_stdin and tty and not os.isatty(0):
        raise CommandError("the input device is not a TTY")


def terminal_size(fd: int) -> tuple[int, int]:
    """(rows, columns), zeros when ``fd`` is no terminal."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return 0, 0
    return size.lines, size.columns


def parse_detach_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` or ``a,b``. Raises InvalidArgumentError."""
    codes = bytearray()
    for key in text.split(","):
        if len(key) == 1 and key.isascii():
            codes += key.encode()
        elif key == "DEL":
            codes.append(127)
        elif len(key) == 6 and key.startswith("ctrl-") and key[5] in _CONTROL:
            codes.append(_CONTROL.index(key[5]))
        else:
            raise InvalidArgumentError(f"Unknown character: '{key}'")
    return bytes(codes)


class DetachKeys:
    """Looks for the key sequence in typed bytes, which may arrive one by one.

    What could be its beginning is held back until it is clear that it is not.
    """

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """(bytes to pass on, whether the sequence is complete); nothing behind it counts."""
        keys, matched = self._keys, self._matched
        passed = bytearray()
        for byte in data:
            if matched and byte != keys[matched]:
                passed += keys[:matched]
                matched = 0
                passed.append(byte)
            elif byte == keys[matched]:
                matched += 1
                if matched == len(keys):
                    self._matched = 0
                    return bytes(passed), True
            else:
                passed.append(byte)
        self._matched = matched
        return bytes(passed), False
