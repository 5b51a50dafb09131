"""Reading a log's files, the rotated ones first, while they are written and rotated. Blocks of whole lines.

Files are told apart by their inode, so that a rotation between any two steps neither repeats nor skips
anything that still exists.
"""

import os
import shutil
import tempfile
import threading
from collections import deque
from gzip import GzipFile

from scow.logs.rotation import rotated_paths

BLOCK_BYTES = 256 * 1024
_TAIL_BLOCK_BYTES = 64 * 1024
_MOST_TRIES = 100


class LogFiles:
    """All of a log, oldest line first; ``read`` goes on where it stopped. Blocking; for one caller."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._files: deque[int] = deque()  # descriptors, oldest first; the last is the one being written
        self._position = 0  # in the first of them
        self._lock = threading.Lock()  # a caller that was cancelled closes while its read goes on

    def open(self, tail: int | None) -> None:
        """Go to the beginning, or to the last ``tail`` lines. A log without a file is empty."""
        with self._lock:
            for path in reversed(rotated_paths(self._path)):
                fd = _open(path)
                if fd < 0:
                    continue
                if any(os.path.samestat(os.fstat(fd), os.fstat(other)) for other in self._files):
                    os.close(fd)  # renamed since it was opened under its other name
                    continue
                self._files.appendleft(fd)
                if tail is not None:
                    self._position, found = _tail_start(fd, tail)
                    tail -= found
                    if not tail:
                        break

    def read(self) -> bytes:
        """The next lines; nothing: that is all, for now."""
        with self._lock:
            while self._files:
                block = _whole_lines(self._files[0], self._position)
                if block or len(self._files) == 1:
                    self._position += len(block)
                    return block
                os.close(self._files.popleft())
                self._position = 0
            return b""

    def catch_up(self) -> None:
        """Take note of a rotation, or a truncation, since the last time."""
        with self._lock:
            if not self._files:
                self._open_after(None)
                return
            newest = os.fstat(self._files[-1])
            try:
                named = os.stat(self._path)
            except FileNotFoundError:
                return  # between two steps of a rotation, or removed for good
            if not os.path.samestat(newest, named):
                self._open_after(newest)
            elif len(self._files) == 1 and named.st_size < self._position:
                self._position = 0

    def _open_after(self, known: os.stat_result | None) -> None:
        """Open what is newer than the file ``known``; everything, if that is rotated away."""
        fds = _open_all(self._path)
        if known is not None:
            for at, fd in enumerate(fds):
                if os.path.samestat(os.fstat(fd), known):
                    for older in fds[: at + 1]:
                        os.close(older)
                    fds = fds[at + 1 :]
                    break
        self._files.extend(fds)

    def close(self) -> None:
        """Close all files. May be called twice."""
        with self._lock:
            for fd in self._files:
                os.close(fd)
            self._files.clear()


def _open_all(path: str) -> list[int]:
    """Descriptors of all files, oldest first, from a moment without a rotation if one comes soon."""
    for _ in range(_MOST_TRIES):
        before = _inodes(path)
        fds = [fd for name, _ in before if (fd := _open(name)) >= 0]
        if _inodes(path) == before and not _is_rotating(path, before):
            return fds
        for fd in fds:
            os.close(fd)
    return [fd for name in rotated_paths(path) if (fd := _open(name)) >= 0]


def _is_rotating(path: str, found: list[tuple[str, int]]) -> bool:
    """Whether ``path`` has no file, or the names behind ``found`` go on after a free one."""
    behind = f"{path}.{len(found) + 1}"
    return not found or found[-1][0] != path or os.path.exists(behind) or os.path.exists(behind + ".gz")


def _inodes(path: str) -> list[tuple[str, int]]:
    found = []
    for name in rotated_paths(path):
        try:
            found.append((name, os.stat(name).st_ino))
        except FileNotFoundError:
            continue
    return found


def _open(path: str) -> int:
    """A descriptor of the file's plain text; -1: no such file."""
    try:
        if not path.endswith(".gz"):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with (
            GzipFile(path) as packed,
            tempfile.TemporaryFile(dir=os.path.dirname(path)) as plain,
        ):
            shutil.copyfileobj(packed, plain)
            plain.flush()
            return os.dup(plain.fileno())
    except FileNotFoundError:
        return -1


def _whole_lines(fd: int, position: int) -> bytes:
    """Lines from ``position`` on, at least one if there is one; what has no newline yet is left."""
    size_bytes = BLOCK_BYTES
    while True:
        data = os.pread(fd, size_bytes, position)
        if end := data.rfind(b"\n") + 1:
            return data[:end]
        if len(data) < size_bytes:
            return b""
        size_bytes *= 2


def _tail_start(fd: int, lines: int) -> tuple[int, int]:
    """Where the last ``lines`` lines of a file begin, and how many there are."""
    wanted = lines + 1  # newlines: the one before the first line, too
    position = os.fstat(fd).st_size
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
