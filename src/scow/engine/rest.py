"""What is done once when the clients have gone: nothing that was needed for them is kept."""

import asyncio
from collections.abc import Callable

_AFTER_S = 3.0


class Rest:
    """Calls ``begin`` when no client has been there for three seconds; once, until the next has gone."""

    def __init__(self, begin: Callable[[], None], after_s: float = _AFTER_S) -> None:
        self._begin = begin
        self._after_s = after_s
        self._timer: asyncio.TimerHandle | None = None

    def clients_changed(self, present: bool) -> None:
        """The first client came or the last one went."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not present:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._begin)
