"""The last events, in a file that outlives the engine; what is not written yet, in memory.

    <data root>/events.jsonl     one event a line, oldest first; at most about twice what counts as the last

Events are appended in batches, a quarter of a second after the first of a batch, and never synced: no start
of a container waits for a disk. So a kill of the engine costs at most the last quarter of a second of
history, and a power failure what the kernel had not yet written; whoever was listening has heard of it.
A last line that is torn, and any line that is no event, is passed over.

They are read where they are: a thousand of them in memory, one here and one there between what containers
needed while they ran, kept 2 MB of an idle engine.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from scow.spec.engine_api.event import Event
from scow.tasks import TaskOwner, run_blocking

MAX_EVENTS = 1024
"""Four times Docker's 256, which a busy hour outruns."""
MAX_BYTES = 1 << 20
"""Labels are part of events, and a client chooses their size."""
_BATCH_S = 0.25

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode

_log = logging.getLogger(__name__)


class EventHistory:
    """The last ``MAX_EVENTS`` events, fewer when they are large."""

    def __init__(self, path: Path | None = None) -> None:
        """``path``: where to keep them; ``None`` for memory only."""
        self._path = path
        self._file_bytes = 0  # of it, what is whole lines of ours
        self._unwritten = _LastLines()
        self._timer: asyncio.TimerHandle | None = None
        self._file_lock = asyncio.Lock()
        self._tasks = TaskOwner("events")

    def load(self) -> None:
        """See what earlier lives of the engine have left; once, at start-up. What is unreadable is lost."""
        if self._path is None:
            return
        try:
            with open(self._path, "rb") as file:
                self._file_bytes = sum(len(line) for line in file if line.endswith(b"\n"))
        except FileNotFoundError:
            return
        except OSError as exc:
            _log.warning("events of the past: %s", exc)

    def add(self, event: Event) -> None:
        """Remember ``event``."""
        self._unwritten.add(_encode(event) + b"\n")
        if self._path is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BATCH_S, self._due)

    async def between(self, since_ns: int, until_ns: int | None) -> list[Event]:
        """Events from ``since_ns`` to ``until_ns``, both included, oldest first.

        All that were added until the moment in which the caller goes on.
        """
        async with self._file_lock:
            lines = await self._written()
        for line in self._unwritten:
            lines.add(line)
        found: list[Event] = []
        for line in reversed(lines):
            try:
                event = _decode(line)
            except msgspec.MsgspecError:
                continue
            if event.time_nano < since_ns:
                break
            if until_ns is None or event.time_nano <= until_ns:
                found.append(event)
        return found[::-1]

    async def aclose(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._tasks.wait_idle()
        await self._write()

    async def _written(self) -> "_LastLines":
        if self._path is None:
            return _LastLines()
        try:
            return await run_blocking(_read, self._path, self._file_bytes)
        except OSError as exc:
            _log.warning("events of the past: %s", exc)
            return _LastLines()

    def _due(self) -> None:
        self._timer = None
        self._tasks.start(self._write(), name="history")

    async def _write(self) -> None:
        async with self._file_lock:
            batch = self._unwritten
            if self._path is None or not batch:
                return
            self._unwritten = _LastLines()
            is_large = self._file_bytes + batch.size_bytes > 2 * MAX_BYTES
            write = _replace if is_large else _append
            try:
                self._file_bytes = await run_blocking(write, self._path, self._file_bytes, batch)
            except OSError as exc:
                _log.warning("events are not kept: %s", exc)
                for line in self._unwritten:  # the next batch brings them all
                    batch.add(line)
                self._unwritten = batch


class _LastLines:
    """Lines of which those that came last are kept: ``MAX_EVENTS``, of ``MAX_BYTES`` unless one has more."""

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._lines: deque[bytes] = deque()
        self.size_bytes = 0
        for line in lines:
            self.add(line)

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self.size_bytes += len(line)
        while len(self._lines) > MAX_EVENTS or (self.size_bytes > MAX_BYTES and len(self._lines) > 1):
            self.size_bytes -= len(self._lines.popleft())

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def __reversed__(self) -> Iterator[bytes]:
        return reversed(self._lines)


def _read(path: Path, size_bytes: int) -> _LastLines:
    """The last of the first ``size_bytes`` of the file."""
    try:
        with open(path, "rb") as file:
            return _LastLines(_whole_lines(file, size_bytes))
    except FileNotFoundError:
        return _LastLines()


def _whole_lines(file: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    for line in file:
        size_bytes -= len(line)
        if size_bytes < 0 or not line.endswith(b"\n"):
            return
        yield line


def _append(path: Path, size_bytes: int, lines: Iterable[bytes]) -> int:
    """Write ``lines`` after the first ``size_bytes``, in the place of what is torn; returns the new size."""
    text = b"".join(lines)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size_bytes = min(size_bytes, os.fstat(fd).st_size)
        os.ftruncate(fd, size_bytes)
        os.lseek(fd, size_bytes, os.SEEK_SET)
        _write_all(fd, text)
    finally:
        os.close(fd)
    return size_bytes + len(text)


def _replace(path: Path, size_bytes: int, lines: Iterable[bytes]) -> int:
    """Write the last of all beside and rename: a kill leaves the one or the other. Returns the size."""
    last = _read(path, size_bytes)
    for line in lines:
        last.add(line)
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, b"".join(last))
    finally:
        os.close(fd)
    os.replace(new, path)
    return last.size_bytes


def _write_all(fd: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(fd, left) :]
