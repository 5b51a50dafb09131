"""The json-file driver's writer: a file of JSON lines, rotated by size.

Only whole lines stay in the file: what a dead writer has left unfinished is cut off by the next one. Output
is never held up or lost to an exception here: what the disk does not take is dropped, with one report, and
the file is opened anew with the next piece of output.
"""

import os
import sys
import time
from _bisect import bisect_left

from scow.logs.beginnings import beginning_of
from scow.logs.compression import Compressor
from scow.logs.json_encoder import JsonLineEncoder, rfc3339_nano
from scow.logs.rotation import numbered, rotate

_REPAIR_READ_BYTES = 64 * 1024
_TIME_LENGTH = len("2024-05-01T10:00:00.123456789Z")


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
        self._compressor = Compressor(path) if compress and max_files > 1 else None
        self._encoder = JsonLineEncoder(attributes, carry)
        self._fd = -1
        self._size = 0
        self._begins_ns = 0  # the time of the first line of this file or, while it has none, of the last one
        self._has_failed = False
        self._append(b"", 0)
        if self._compressor is not None:
            self._compressor.start()

    def write(self, stream: int, chunk: bytes) -> None:
        """Log a piece of output of ``stream`` (1 or 2) as it was read."""
        now_ns = time.time_ns()
        if encoded := self._encoder.feed(stream, chunk, now_ns):
            self._append(encoded, now_ns)

    def carry(self) -> dict[int, bytes]:
        """The unfinished lines, by stream, that are in no file yet."""
        return self._encoder.carry.copy()

    def close(self) -> None:
        """Log unfinished lines too, and close the file."""
        now_ns = time.time_ns()
        if encoded := self._encoder.finish(now_ns):
            self._append(encoded, now_ns)
        self._close_file()
        if self._compressor is not None:
            self._compressor.close()

    # ------------------------------------------------------------------ the file

    def _open(self) -> None:
        # "local" has a folder of its own in the container's.
        os.makedirs(os.path.dirname(self._path), mode=0o710, exist_ok=True)
        # 0640: dockerd's mode for its log files.
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size
        self._cut_torn_line()
        self._begins_ns = max(self._begins_ns, self._beginning_ns())

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

    def _beginning_ns(self) -> int:
        """When the file begins, or the one before it; of a packed one it need not be known."""
        beginning = beginning_of(self._fd)
        if not beginning:
            try:
                fd = os.open(numbered(self._path, 1)[0], os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return 0
            try:
                beginning = beginning_of(fd)
            finally:
                os.close(fd)
        if len(beginning) != _TIME_LENGTH or not beginning[:4].isdigit():
            return 0  # none of ours
        return bisect_left(range(1 << 62), beginning, key=rfc3339_nano)

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # ------------------------------------------------------------------ lines

    def _append(self, lines: bytes, now_ns: int) -> None:
        """Write lines that all have the time ``now_ns``."""
        try:
            if self._fd < 0:
                self._open()
            self._write(lines, now_ns)
        except OSError as exc:
            # Opened again, it has whole lines only.
            self._close_file()
            if not self._has_failed:
                self._has_failed = True
                sys.stderr.write(f"{self._path}: {exc.strerror}: output is not logged\n")
        else:
            self._has_failed = False

    def _write(self, lines: bytes, now_ns: int) -> None:
        while self._max_bytes > 0 and self._size + len(lines) > self._max_bytes:
            if self._size < self._max_bytes:
                lines, now_ns = self._begin(lines, now_ns)
                # As dockerd: a file is full once a line has taken it to the limit or past it.
                end = lines.find(b"\n", max(0, self._max_bytes - self._size - 1)) + 1
                self._write_all(lines[:end])
                lines = lines[end:]
            if not lines:
                return
            self._rotate()
        lines, now_ns = self._begin(lines, now_ns)
        self._write_all(lines)

    def _begin(self, lines: bytes, now_ns: int) -> tuple[bytes, int]:
        """An empty file begins later than the one before it, whatever the clock says: see ``beginnings``."""
        if self._size or not lines:
            return lines, now_ns
        if now_ns <= self._begins_ns:
            stamp = b'"time":"%b"}\n'
            later = rfc3339_nano(self._begins_ns + 1).encode()
            lines = lines.replace(stamp % rfc3339_nano(now_ns).encode(), stamp % later)
            now_ns = self._begins_ns + 1
        self._begins_ns = now_ns
        return lines, now_ns

    def _write_all(self, lines: bytes) -> None:
        written = 0
        while written < len(lines):
            written += os.write(self._fd, lines[written:] if written else lines)
        self._size += written

    def _rotate(self) -> None:
        self._close_file()
        if self._compressor is None:
            rotate(self._path, self._max_files)
        else:
            with self._compressor.lock:
                rotate(self._path, self._max_files)
        self._open()
        if self._compressor is not None:
            self._compressor.start()
