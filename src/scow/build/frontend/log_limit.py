"""How much a step may print: what goes beyond is left out, and the reader is told so.

Limits and words are BuildKit's (util/progress/logs): 2 MiB of each stream, and in its first seconds no more
than 200 KiB a second.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

_MAX_BYTES = 2 << 20
_MAX_BYTES_A_SECOND = 200 << 10


@dataclass(slots=True)
class LogLimit:
    """Of one stream of one step. ``clock`` tells seconds, ``began_s`` is when the step began by it."""

    clock: Callable[[], float]
    began_s: float
    _printed: int = 0
    _clips: bool = False

    def passed(self, data: bytes) -> bytes:
        """What is told of the next piece."""
        limit, shown = self._limit()
        before, self._printed = self._printed, self._printed + len(data)
        kept = data[: max(0, limit - before)]
        whole = len(kept) == len(data)
        if not whole and not self._clips:
            kept += f"\n[output clipped, log limit {shown} reached]\n".encode()
        self._clips = not whole
        return kept

    def _limit(self) -> tuple[int, str]:
        """Bytes from the beginning on, and how people are told."""
        by_speed = max(1, math.ceil(self.clock() - self.began_s)) * _MAX_BYTES_A_SECOND
        return (by_speed, "200KiB/s") if by_speed <= _MAX_BYTES else (_MAX_BYTES, "2MiB")
