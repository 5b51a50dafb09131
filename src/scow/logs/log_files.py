"""Reading a log's files, the rotated ones first, while they are written and rotated. Blocks of whole lines.

A file is known by its beginning (``scow.logs.beginnings``), wherever a rotation has moved it by now. The
next one to read is always the earliest of those that begin later than the last one read; whoever is overtaken
by the rotation skips whole files. One search opens a few files ahead, which bounds a reader's descriptors.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator

from scow.logs.log_file import LogFile, open_log_file

BLOCK_BYTES = 256 * 1024
_AHEAD = 16
# More free numbers than a rotation and a crash can leave side by side in sight of one search.
_MOST_FREE = 8


class LogFiles:
    """All of a log, oldest line first; ``read`` goes on where it stopped. Blocking; for one caller."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: LogFile | None = None
        self._position = 0
        self._latest = ""  # the beginning of the file that is read or, without one, was read last
        self._ahead: deque[LogFile] = deque()
        self._end: tuple[str, int] | None = None  # the beginning of the last file, and how much of it counts
        self._lock = threading.Lock()  # a caller that was cancelled closes while its read goes on

    def open(self, tail: int | None, *, follow: bool) -> None:
        """Go to the beginning, or to the last ``tail`` lines. A log without a file is empty.

        Without ``follow`` what is written from now on does not count.
        """
        with self._lock:
            if not follow:
                self._note_end()
            if tail is not None:
                self._seek_tail(tail)

    @property
    def place(self) -> tuple[str, int]:
        """Where the next ``read`` begins, for ``go_on``: a file by its beginning, and a position in it."""
        return self._latest, self._position

    def go_on(self, place: tuple[str, int]) -> None:
        """Go to where another reader was, or to the next file if that one is gone. All that comes counts."""
        with self._lock:
            self._latest, position = place
            for file in _newest_first(self._path):
                if self._file is None and file.beginning == self._latest:
                    self._file, self._position = file, position
                else:
                    file.close()

    def _note_end(self) -> None:
        self._end = ("", 0)
        for file in _newest_first(self._path):
            with file:
                self._end = (file.beginning, file.size_bytes())
            return

    def _seek_tail(self, lines: int) -> None:
        for file in _newest_first(self._path):
            is_too_new = self._end is not None and file.beginning > self._end[0]
            if is_too_new or (self._file is not None and file.beginning >= self._file.beginning):
                file.close()  # or moved on, and seen once more
                continue
            self._close_file()
            self._file, self._latest = file, file.beginning
            self._position, found = file.tail_start(lines, self._limit(file))
            lines -= found
            if lines <= 0:
                return

    def read(self) -> bytes:
        """The next lines; nothing: that is all, for now."""
        with self._lock:
            while self._file is not None or self._advance():
                block = self._block()
                if not block and self._is_finished():
                    # What came between the first look and its last line.
                    block = self._block()
                    if not block:
                        self._close_file()
                        continue
                self._position += len(block)
                return block
            return b""

    def _block(self) -> bytes:
        file = self._file
        if file is None or (self._end is not None and file.beginning > self._end[0]):
            return b""
        block = file.whole_lines(self._position, BLOCK_BYTES, self._limit(file))
        # Asked after reading: if the file has been started over, by somebody else, this is none of it.
        return block if file.still_begins() else b""

    def _limit(self, file: LogFile) -> int | None:
        return self._end[1] if self._end is not None and self._end[0] == file.beginning else None

    def _is_finished(self) -> bool:
        """Whether nothing will be written to the file any more: it has been rotated, or started over."""
        file = self._file
        if file is None or file.is_packed or self._ahead or not file.still_begins():
            return True
        try:
            return not os.path.samestat(os.stat(self._path), file.status())
        except FileNotFoundError:
            return True  # between two steps of a rotation

    def _advance(self) -> bool:
        """Go to the next file, if there is one."""
        if self._end is not None and self._latest >= self._end[0]:
            return False
        if not self._ahead:
            self._ahead.extend(_begun_after(self._path, self._latest))
        if not self._ahead:
            return False
        self._file = self._ahead.popleft()
        self._latest, self._position = self._file.beginning, 0
        return True

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close all files. May be called twice."""
        with self._lock:
            self._close_file()
            while self._ahead:
                self._ahead.pop().close()


def _newest_first(path: str) -> Iterator[LogFile]:
    """All files that have a line, opened, by their numbers: the caller's to close."""
    number = free = 0
    while free < _MOST_FREE:
        file = open_log_file(path, number)
        number += 1
        if file is None:
            free += 1
            continue
        free = 0
        if file.beginning:
            yield file
        else:
            file.close()


def _begun_after(path: str, beginning: str) -> list[LogFile]:
    """The earliest files, at most ``_AHEAD``, that begin after ``beginning``; in order.

    Files move towards the higher numbers, as the search does: one that is newer than what is found at a
    number has been seen before at a lower one, so the first that is too old ends the search.
    """
    found: list[LogFile] = []
    try:
        for file in _newest_first(path):
            if file.beginning <= beginning:
                file.close()
                break
            if any(file.beginning == other.beginning for other in found):
                file.close()  # moved on, and seen once more
                continue
            found.append(file)
            found.sort(key=lambda one: one.beginning)
            if len(found) > _AHEAD:
                found.pop().close()
    except OSError:
        for file in found:
            file.close()
        raise
    return found
