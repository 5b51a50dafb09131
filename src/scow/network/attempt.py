"""One connect in progress on a worker thread, undone when its caller has gone."""

import asyncio
import threading
from collections.abc import Callable

from scow.errors import ScowError
from scow.network.endpoint import ConnectRequest, Endpoint, kernel_errors
from scow.tasks import run_blocking, to_end


class Attempt:
    """``connect`` makes an endpoint or leaves nothing, ``undo`` takes one back; both block.

    A lock orders the connect and the undoing of it, which run on different threads.
    """

    def __init__(
        self, connect: Callable[[ConnectRequest], Endpoint], undo: Callable[[Endpoint], None]
    ) -> None:
        self._connect = connect
        self._undo = undo
        self._lock = threading.Lock()
        self._abandoned = False
        self._endpoint: Endpoint | None = None

    async def make(self, request: ConnectRequest) -> Endpoint:
        """The endpoint. Cancelling this undoes it. Raises what ``connect`` raises."""
        try:
            with kernel_errors():
                return await run_blocking(self._make, request)
        except asyncio.CancelledError:
            await to_end(run_blocking(self._abandon))
            raise

    def _make(self, request: ConnectRequest) -> Endpoint:
        with self._lock:
            if self._abandoned:
                raise ScowError("the caller has gone")
            self._endpoint = self._connect(request)
            return self._endpoint

    def _abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            if self._endpoint is not None:
                self._undo(self._endpoint)
