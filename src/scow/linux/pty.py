"""Terminals: their size (ioctl_tty(2))."""

import fcntl
import struct
import termios

_WINSIZE = struct.Struct("HHHH")
_MAX = 0xFFFF


def set_window_size(fd: int, rows: int, columns: int) -> None:
    """Set the size of the terminal behind ``fd``, either end; if it changed, the foreground gets SIGWINCH.

    The kernel counts in 16 bits, and so does Docker: of larger numbers the rest is dropped.
    """
    fcntl.ioctl(fd, termios.TIOCSWINSZ, _WINSIZE.pack(rows & _MAX, columns & _MAX, 0, 0))


def window_size(fd: int) -> tuple[int, int]:
    """Rows and columns of the terminal behind ``fd``. ENOTTY: it is none."""
    rows, columns, _, _ = _WINSIZE.unpack(fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_WINSIZE.size)))
    return rows, columns
