"""The json-file driver's writer: a file of JSON lines, rotated by size.

Only whole lines stay in the file: what a dead writer has left unfinished is cut off by the next one. Output
is never held up or lost to an exception here: what the disk does not take is dropped, with one report.
"""

import _thread
import os
import sys
import time

from scow.logs.json_encoder import JsonLineEncoder
from scow.logs.rotation import compress, rotate

_REPAIR_READ_BYTES = 256 * 1024


class JsonFileWriter:
    """Writes the output of one container."""

    def __init__(
        self,
        path: str,
        *,
        max_bytes: int,
        max_files: int,
        compress: bool,
        attributes: bytes,
        carry: dict[int, bytes],
    ) -> None:
        """``max_bytes``: rotate at this size; -1: never. ``carry``: what another writer left unfinished."""
        self._path = path
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._compresses = compress
        self._compressing = _thread.allocate_lock()
        self._encoder = JsonLineEncoder(attributes, carry)
        self._fd = -1
        self._size = 0
        self._has_failed = False
        self._open()
        self._cut_torn_line()

    def _open(self) -> None:
        # "local" has a folder of its own in the container's.
        os.makedirs(os.path.dirname(self._path), mode=0o710, exist_ok=True)
        # 0640: dockerd's mode for its log files.
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _cut_torn_line(self) -> None:
        end = self._size
        while end > 0:
            start = max(0, end - _REPAIR_READ_BYTES)
            newline = os.pread(self._fd, end - start, start).rfind(b"\n")
            end = start + newline + 1
            if newline >= 0:
                break
        if end < self._size:
            os.ftruncate(self._fd, end)
            self._size = end

    def write(self, stream: int, chunk: bytes) -> None:
        """Log a piece of output of ``stream`` (1 or 2) as it was read."""
        if encoded := self._encoder.feed(stream, chunk, time.time_ns()):
            self._append(encoded)

    def carry(self) -> dict[int, bytes]:
        """The unfinished lines, by stream, that are in no file yet."""
        return self._encoder.carry.copy()

    def close(self) -> None:
        """Log unfinished lines too, and close the file."""
        if encoded := self._encoder.finish(time.time_ns()):
            self._append(encoded)
        os.close(self._fd)
        with self._compressing:
            pass  # who reads the log after the end is to find it complete

    def _append(self, lines: bytes) -> None:
        try:
            while self._max_bytes > 0 and self._size + len(lines) > self._max_bytes:
                # As dockerd: a file is full once a line has taken it to the limit or past it.
                end = lines.find(b"\n", max(0, self._max_bytes - self._size - 1)) + 1
                if self._size < self._max_bytes:
                    self._write_all(lines[:end])
                    lines = lines[end:]
                if not lines:
                    return
                self._rotate()
            self._write_all(lines)
        except OSError as exc:
            if not self._has_failed:
                self._has_failed = True
                sys.stderr.write(f"{self._path}: {exc.strerror}: output is not logged\n")
        else:
            self._has_failed = False

    def _write_all(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._fd, lines[written:] if written else lines)
        except OSError:
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)  # whole lines or none
            raise
        self._size += written

    def _rotate(self) -> None:
        if self._max_files < 2:
            os.ftruncate(self._fd, 0)
            self._size = 0
            return
        with self._compressing:
            rotate(self._path, self._max_files)
        os.close(self._fd)
        self._open()
        if self._compresses:
            self._compressing.acquire()
            _thread.start_new_thread(self._compress, ())

    def _compress(self) -> None:
        """In a thread: the one slow thing here, and zlib lets others run meanwhile."""
        try:
            compress(self._path + ".1")
        except OSError as exc:
            sys.stderr.write(f"{self._path}.1: {exc.strerror}: not compressed\n")
        finally:
            self._compressing.release()
