"""Sends what one container has logged to a destination, from where the last forwarder of it has come to.

Each line is sent at least once: the place in the log is written down after a block of lines has been sent.
While the container runs, nothing is given up: what the destination does not take waits in the log's files,
until their rotation takes it. After the end of the container a dead destination is waited for a few seconds.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from scow.logs.log_files import LogFiles
from scow.logs.reader import follow
from scow.logs.remote.destination import Destination
from scow.logs.remote.records import Record, records
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
LAST_WORDS_S = 5.0


class Forwarder:
    """From a log at ``path`` to a ``destination``; ``bookmark`` is the file that remembers the place."""

    def __init__(self, path: str, bookmark: Path, destination: Destination) -> None:
        self._path = path
        self._bookmark = bookmark
        self._destination = destination
        self._is_open = False

    async def run(self, ended: asyncio.Future[Any]) -> None:
        """Send what there is and what comes, until ``ended`` is done and all is sent or given up."""
        files = LogFiles(self._path)
        try:
            await run_blocking(self._go_on, files)
            async with aclosing(follow(self._path, files, ended)) as blocks:
                async for block in blocks:
                    if not await self._sent(records(block), ended):
                        return
                    await run_blocking(self._remember, files.place)
        finally:
            files.close()
            self._destination.close()

    async def _sent(self, lines: Sequence[Record], ended: asyncio.Future[Any]) -> bool:
        """Send, if need be again and again; whether that has succeeded in the end."""
        pause_s, deadline = _FIRST_PAUSE_S, float("inf")
        while True:
            try:
                if not self._is_open:
                    await self._destination.open()
                    self._is_open = True
                await self._destination.send(lines)
            except OSError as exc:
                self._is_open = False
                if pause_s == _FIRST_PAUSE_S:
                    _log.warning("%s: %s; trying again", self._path, exc)
            else:
                return True
            if ended.done():
                deadline = min(deadline, time.monotonic() + LAST_WORDS_S)
                if time.monotonic() + pause_s > deadline:
                    _log.error("%s: %d lines could not be sent", self._path, len(lines))
                    return False
                await asyncio.sleep(pause_s)
            else:
                await asyncio.wait({ended}, timeout=pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _go_on(self, files: LogFiles) -> None:
        try:
            beginning, position = json.loads(self._bookmark.read_text())
        except (OSError, ValueError):
            return  # nothing has been sent yet
        files.go_on((beginning, position))

    def _remember(self, place: tuple[str, int]) -> None:
        part = self._bookmark.with_suffix(".part")
        try:
            part.write_text(json.dumps(place))
            os.replace(part, self._bookmark)
        except OSError as exc:
            _log.warning(
                "%s: %s", self._bookmark, exc
            )  # a full disk: after a crash some lines are sent twice
