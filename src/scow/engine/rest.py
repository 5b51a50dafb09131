"""What is done once when the clients have gone: nothing that was needed for them is kept."""

import asyncio
from collections.abc import Callable

REST_AFTER_S = 3.0


class Rest:
    """Calls ``begin`` when no client has been there for ``after_s``; once, until the next has gone."""

    def __init__(self, begin: Callable[[], None], after_s: float = REST_AFTER_S) -> None:
        self._begin = begin
        self._after_s = after_s
        self._alone_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def clients_changed(self, present: bool) -> None:
        """The first client came or the last one went. Cheap: most of them come back in a moment."""
        loop = asyncio.get_running_loop()
        self._alone_since = None if present else loop.time()
        if not present and self._timer is None:
            self._timer = loop.call_later(self._after_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._alone_since is None:
            return  # the next to go sets a timer
        loop = asyncio.get_running_loop()
        left_s = self._alone_since + self._after_s - loop.time()
        if left_s > 0:
            self._timer = loop.call_later(left_s, self._look)
        else:
            self._begin()
