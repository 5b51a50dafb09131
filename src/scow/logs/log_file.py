"""One file of a log, open for reading: plain, or packed and then unpacked when its lines are wanted."""

import os
from typing import Self

from scow.logs.beginnings import beginning_in, beginning_of
from scow.logs.rotation import PACKED, numbered

_TAIL_BLOCK_BYTES = 64 * 1024


class LogFile:
    """A context manager that closes it."""

    def __init__(self, path: str, fd: int, *, is_packed: bool) -> None:
        """Takes over ``fd``."""
        self.is_packed = is_packed
        self._folder = os.path.dirname(path)
        self._fd = fd
        self._is_unpacked = False
        self.beginning = self._packed_beginning() if is_packed else beginning_of(fd)
        """When it begins; "" while it has no line."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._fd)

    def status(self) -> os.stat_result:
        return os.fstat(self._fd)

    def size_bytes(self) -> int:
        """Of its lines, unpacked."""
        return os.fstat(self._plain()).st_size

    def still_begins(self) -> bool:
        """Whether it is what it was when it was opened; a packed file never changes."""
        return self.is_packed or beginning_of(self._fd) == self.beginning

    def whole_lines(self, position: int, size_bytes: int, limit: int | None) -> bytes:
        """Lines from ``position`` on, at least one if there is one; what has no newline yet is left.

        ``limit``: where the file is to end.
        """
        fd = self._plain()
        while True:
            wanted = size_bytes if limit is None else min(size_bytes, limit - position)
            if wanted <= 0:
                return b""
            data = os.pread(fd, wanted, position)
            if end := data.rfind(b"\n") + 1:
                return data[:end]
            if len(data) < size_bytes:
                return b""
            size_bytes *= 2

    def tail_start(self, lines: int, limit: int | None) -> tuple[int, int]:
        """Where the last ``lines`` lines before ``limit`` begin, and how many there are."""
        wanted = lines + 1  # newlines: the one before the first line, too
        fd = self._plain()
        position = os.fstat(fd).st_size
        if limit is not None:
            position = min(position, limit)
        while position > 0:
            start = max(0, position - _TAIL_BLOCK_BYTES)
            block = os.pread(fd, position - start, start)
            count = block.count(b"\n")
            if count >= wanted:
                newline = len(block)
                for _ in range(wanted):
                    newline = block.rfind(b"\n", 0, newline)
                return start + newline + 1, lines
            wanted -= count
            position = start
        return 0, lines + 1 - wanted

    def _plain(self) -> int:
        """A descriptor of the lines: a packed file is replaced by a temporary one."""
        if self.is_packed and not self._is_unpacked:
            from scow.logs.packed import unpack  # gzip and tempfile: most logs are never packed

            unpack(self._fd, self._folder)
            self._is_unpacked = True
        return self._fd

    def _packed_beginning(self) -> str:
        from scow.logs.packed import first_line

        return beginning_in(head) if (head := first_line(self._fd)) else ""


def open_log_file(path: str, number: int) -> LogFile | None:
    """The file of that number, 0 the newest; ``None``: there is none.

    Plain first: it goes only after the packed one has come.
    """
    for name in numbered(path, number)[: 2 if number else 1]:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            return LogFile(path, fd, is_packed=number > 0 and name.endswith(PACKED))
        except OSError:
            os.close(fd)
            raise
    return None
