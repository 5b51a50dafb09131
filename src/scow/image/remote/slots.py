"""So many transfers at once, and the number may change while they run."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """Taken in order of asking. Used on the event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Have one within the block; waits until one is free."""
        if self._waiting or self._taken >= self._limit:
            await self._turn()
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._pass_on()

    def resize(self, limit: int) -> None:
        """From now on ``limit``; what runs already, runs on."""
        self._limit = limit
        self._pass_on()

    async def _turn(self) -> None:
        """Until a slot has been taken for us."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():  # it was taken, for nobody
                self._taken -= 1
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting and self._taken < self._limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._taken += 1
                turn.set_result(None)
