"""Terminals: their size (ioctl_tty(2))."""

import fcntl
import struct
import termios

_WINSIZE = struct.Struct("HHHH")


def set_window_size(fd: int, rows: int, columns: int) -> None:
    """Set the size of the terminal behind ``fd``, either end; if it changed, the foreground gets SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, _WINSIZE.pack(rows, columns, 0, 0))


def window_size(fd: int) -> tuple[int, int]:
    """Rows and columns of the terminal behind ``fd``. ENOTTY: it is none."""
    rows, columns, _, _ = _WINSIZE.unpack(fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_WINSIZE.size)))
    return rows, columns
