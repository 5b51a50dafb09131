"""Leaving when nobody needs the engine: no container alive, no client, for a while.

One timer, set when the last activity ends; an engine in use has none.
"""

import asyncio
from collections.abc import Callable


class IdleExit:
    """Calls ``leave`` after ``after_s`` seconds without activity; never if ``after_s`` is None.

    ``busy`` says whether something keeps the engine here that is not a client: a running container.
    """

    def __init__(self, after_s: float | None, busy: Callable[[], bool], leave: Callable[[], None]) -> None:
        self._after_s = after_s
        self._busy = busy
        self._leave = leave
        self._clients = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to count, from now."""
        self._rearm()

    def clients_changed(self, present: bool) -> None:
        """The first client came or the last one went."""
        self._clients = present
        self._rearm()

    def state_changed(self) -> None:
        """A container started or ended."""
        self._rearm()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._after_s is not None and not self._clients and not self._busy():
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._expired)

    def _expired(self) -> None:
        self._timer = None
        if not self._clients and not self._busy():
            self._leave()
