"""The cache kept small by itself: policies, applied when builds have ended.

A policy is a prune; each begins with what the one before it has left (BuildKit's garbage collection,
docs/buildkitd.toml.md). Without policies of one's own there are four, as Docker has them: what is made anew
most easily goes after two days, the rest after sixty; then what no image has is brought below the limits,
and at last everything.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scow.errors import ScowError
from scow.spec.frontend_build import CachePrune, CacheRecord
from scow.tasks import TaskOwner

_log = logging.getLogger(__name__)
_DAY_NS = 24 * 3600 * 1_000_000_000
_EASILY_MADE = "type==source.local,type==exec.cachemount,type==source.git.checkout"
_EASILY_MADE_BYTES = 512_000_000
# Of the disk, where no limit is set: never less than a tenth for the cache, never more than four fifths, and
# a fifth is left to others (BuildKit, DetectDefaultGCCap).
_RESERVED, _MAX_USED, _MIN_FREE = 0.10, 0.80, 0.20
# Of all builds that end within it, the last has the cache looked through.
_PAUSE_S = 60.0

Prune = Callable[[CachePrune], Awaitable[list[CacheRecord]]]


class Upkeep:
    """Applies ``policies``; ``tasks`` owns that work. Used on the event loop."""

    def __init__(self, policies: Sequence[CachePrune], prune: Prune, tasks: TaskOwner) -> None:
        self._policies = tuple(policies)
        self._prune = prune
        self._tasks = tasks
        self._wanted = False
        self._resting = False

    def build_ended(self) -> None:
        """Look through the cache, now or when the pause since the last time is over."""
        if not self._policies:
            return
        self._wanted = True
        if not self._resting:
            self._begin()

    def _begin(self) -> None:
        self._resting = False
        if self._wanted:
            self._wanted, self._resting = False, True
            self._tasks.start(self.trim(), name="upkeep of the build cache")
            asyncio.get_running_loop().call_later(_PAUSE_S, self._begin)

    async def trim(self) -> None:
        """All policies, once; never raises ScowError."""
        for policy in self._policies:
            try:
                gone = await self._prune(policy)
            except (ScowError, OSError) as exc:
                _log.warning("upkeep of the build cache: %s", exc)
                return
            if gone:
                size = sum(record.size_bytes for record in gone)
                _log.info("upkeep of the build cache: %d results with %d bytes are gone", len(gone), size)


def stock_policies(
    folder: Path, reserved_bytes: int, max_used_bytes: int, min_free_bytes: int
) -> tuple[CachePrune, ...]:
    """Docker's four, within these limits; all 0 is for shares of the disk that ``folder`` is on."""
    if not reserved_bytes and not max_used_bytes and not min_free_bytes:
        total = shutil.disk_usage(folder).total
        reserved_bytes, max_used_bytes = int(total * _RESERVED), int(total * _MAX_USED)
        min_free_bytes = int(total * _MIN_FREE)
    most = CachePrune(
        reserved_bytes=reserved_bytes, max_used_bytes=max_used_bytes, min_free_bytes=min_free_bytes
    )
    return (
        CachePrune(filters=(_EASILY_MADE,), keep_ns=2 * _DAY_NS, max_used_bytes=_EASILY_MADE_BYTES),
        replace(most, keep_ns=60 * _DAY_NS),
        most,
        replace(most, all=True),
    )
