"""A hijacked connection: two directions that end independently of each other."""

import asyncio
from collections.abc import Awaitable, Callable

from scow.api.http.inflow import Inflow


class Duplex:
    """What the taker of a hijacked connection reads and writes. It is closed for him when he returns."""

    def __init__(self, inflow: Inflow, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._inflow = inflow
        self._write = write
        self._closed = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether the client is gone altogether; having shut down its sending side is not that."""
        return self._closed.is_set()

    async def read(self) -> bytes:
        """Next bytes from the client; b"" when it has shut down its side, or is gone."""
        return await self._inflow.read()

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client does not read. Raises ConnectionError when it is gone."""
        await self._write(data)

    async def wait_closed(self) -> None:
        """Until the client is gone altogether."""
        await self._closed.wait()

    def end_input(self, on_exhausted: Callable[[], None]) -> bool:
        """For the connection: no more will come. Whether some is still here, to be read before the call."""
        self._inflow.end()
        if self._inflow.empty:
            return False
        self._inflow.on_exhausted = on_exhausted
        return True

    def mark_closed(self) -> None:
        """For the connection: the client is gone."""
        self._inflow.end()
        self._closed.set()
