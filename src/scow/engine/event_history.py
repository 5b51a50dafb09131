"""The last events, in memory and in a file that outlives the engine.

    <data root>/events.jsonl     one event a line, oldest first; at most about twice what memory holds

Events are appended in batches, a quarter of a second after the first of a batch, and never synced: no start
of a container waits for a disk. So a kill of the engine costs at most the last quarter of a second of
history, and a power failure what the kernel had not yet written; whoever was listening has heard of it.
A last line that is torn, and any line that is no event, is passed over.
"""

import asyncio
import logging
import os
from collections import deque
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
    """The last ``MAX_EVENTS`` events, fewer when they are large. Lines are kept as they are in the file."""

    def __init__(self, path: Path | None = None) -> None:
        """``path``: where to keep them; ``None`` for memory only."""
        self._path = path
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._unwritten: list[bytes] = []
        self._file_bytes = 0
        self._must_rewrite = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._tasks = TaskOwner("events")

    def load(self) -> None:
        """Read what earlier lives of the engine have left; once, at start-up. What is unreadable is lost."""
        if self._path is None:
            return
        try:
            with open(self._path, "rb") as file:
                # Line by line: the heap would keep the size of the whole file.
                for line in file:
                    self._file_bytes += len(line)
                    if line.endswith(b"\n"):
                        self._keep(line)
                    else:
                        self._must_rewrite = True  # what follows a torn line would be lost with it
        except FileNotFoundError:
            return
        except OSError as exc:
            _log.warning("events of the past: %s", exc)

    def add(self, event: Event) -> None:
        """Remember ``event``."""
        line = _encode(event) + b"\n"
        self._keep(line)
        if self._path is None:
            return
        self._unwritten.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BATCH_S, self._due)

    def between(self, since_ns: int, until_ns: int | None) -> list[Event]:
        """Events from ``since_ns`` to ``until_ns``, both included, oldest first."""
        found: list[Event] = []
        for line in reversed(self._lines):
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
        await self._tasks.wait_idle()
        await self._write()

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)
        while len(self._lines) > MAX_EVENTS or (self._bytes > MAX_BYTES and len(self._lines) > 1):
            self._bytes -= len(self._lines.popleft())

    def _due(self) -> None:
        self._timer = None
        self._tasks.start(self._write(), name="history")

    async def _write(self) -> None:
        async with self._writing:
            batch, self._unwritten = self._unwritten, []
            if self._path is None or not batch:
                return
            text = b"".join(batch)
            rewrite = self._must_rewrite or self._file_bytes + len(text) > 2 * MAX_BYTES
            if rewrite:
                text = b"".join(self._lines)
                self._unwritten = []
            try:
                await run_blocking(_replace if rewrite else _append, self._path, text)
            except OSError as exc:
                # A part may be written. Memory has all of it, and the next batch brings it.
                self._must_rewrite = True
                _log.warning("events are not kept: %s", exc)
                return
            self._file_bytes = len(text) if rewrite else self._file_bytes + len(text)
            self._must_rewrite = False


def _append(path: Path, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, text)
    finally:
        os.close(fd)


def _replace(path: Path, text: bytes) -> None:
    """Write beside and rename, so that a kill leaves the one or the other."""
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, text)
    finally:
        os.close(fd)
    os.replace(new, path)


def _write_all(fd: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(fd, left) :]
