"""When scow-reaper or scow-shim gives back the memory that a start or an end of a process needed."""

from __future__ import annotations

import time

from scow.linux.memory_at_rest import give_back_memory

_AFTER_S = 3.0


class Rest:
    """Three seconds after the last start or end, once. A process that only speaks is no reason."""

    def __init__(self) -> None:
        """The process itself has just been started: the first rest is due."""
        self._due: float | None
        self.put_off()

    def put_off(self) -> None:
        """A process has been started, or has ended."""
        self._due = time.monotonic() + _AFTER_S

    def left_s(self) -> float | None:
        """Seconds until it is due; ``None``: there is nothing to give back."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def begin_if_due(self) -> None:
        """Give back what there is, if it is time."""
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            give_back_memory()
