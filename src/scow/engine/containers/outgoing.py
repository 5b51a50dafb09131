"""A tar on its way to a client, piece by piece as the client takes them.

Each piece is made in the pool while the one before is being sent: no thread waits for a client, and two
pieces are in memory at most.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack

from scow.errors import NotFoundError
from scow.image.threads import run_to_end
from scow.tasks import TaskOwner


class OutgoingTar:
    """An archive to be sent once. ``resources`` go when it has been sent, given up, or cut off.

    Iterating raises NotFoundError in the middle if the container is removed, ``OSError`` where it cannot be
    read.
    """

    def __init__(self, tasks: TaskOwner, done: Callable[[], None] | None = None) -> None:
        self._tasks = tasks
        self._done = done
        self._resources = AsyncExitStack()
        self._pieces: Generator[bytes, None, None] | None = None
        self._step = asyncio.Lock()
        self._cut = False

    def start(self, pieces: Generator[bytes, None, None], resources: AsyncExitStack) -> None:
        """Take over what is to be sent and what it needs."""
        self._pieces = pieces
        self._resources = resources

    def cut_off(self) -> None:
        """The container is going: let go of its files now, however long the client would take."""
        self._cut = True
        self._tasks.start(self.aclose(), name="end of a copy")

    async def aclose(self) -> None:
        """Give up what is left. May be called twice."""
        async with self._step:
            pieces, self._pieces = self._pieces, None
            resources, self._resources = self._resources, AsyncExitStack()
            if pieces is not None:
                await run_to_end(pieces.close)
            await resources.aclose()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        ahead: asyncio.Future[bytes] | None = None
        try:
            piece = await self._next()
            while piece:
                ahead = asyncio.shield(self._next())
                yield piece
                piece = await ahead
            if self._done is not None:
                self._done()
        finally:
            if ahead is not None and not ahead.cancel() and not ahead.cancelled():
                ahead.exception()  # seen: nobody waits for this piece any more
            await self.aclose()

    async def _next(self) -> bytes:
        async with self._step:
            if self._cut:
                raise NotFoundError("the container was removed")
            if self._pieces is None:
                return b""
            return await run_to_end(next, self._pieces, b"")
