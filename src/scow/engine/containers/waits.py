"""Who waits for a container's end: the three conditions of ``POST /containers/{id}/wait``."""

import asyncio
from typing import Final

import msgspec

from scow.engine.containers.model import Container
from scow.engine.containers.states import Status
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container_views import WaitError, WaitResult

NOT_RUNNING: Final = "not-running"
NEXT_EXIT: Final = "next-exit"


class Waits:
    """Futures by container; settled by whoever makes the transition, after it is stored."""

    def __init__(self) -> None:
        self._exit: dict[str, list[asyncio.Future[WaitResult]]] = {}
        self._removal: dict[str, list[asyncio.Future[WaitResult]]] = {}

    def wait(self, doc: Container, condition: str) -> "asyncio.Future[WaitResult]":
        """A wait that is registered now and can be awaited later. Raises InvalidArgumentError."""
        future: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
        match condition:
            case "" | "not-running":
                # One that waits for its restart counts as running, as everywhere in Docker.
                if not doc.alive and doc.state.status is not Status.RESTARTING:
                    future.set_result(_result(doc.state.exit_code, doc.state.error))
                else:
                    self._exit.setdefault(doc.id, []).append(future)
            case "next-exit":
                self._exit.setdefault(doc.id, []).append(future)
            case "removed":
                self._removal.setdefault(doc.id, []).append(future)
            case _:
                raise InvalidArgumentError(f'invalid condition: "{condition}"')
        return future

    def exited(self, doc: Container) -> None:
        """The process ended and that is stored."""
        self._settle(self._exit, doc, doc.state.error)

    def removed(self, doc: Container, error: str = "") -> None:
        """The container is gone, or ``error`` says why not; that it could not be started was told before."""
        self._settle(self._exit, doc, error)
        self._settle(self._removal, doc, error)

    @staticmethod
    def _settle(board: dict[str, list[asyncio.Future[WaitResult]]], doc: Container, error: str) -> None:
        for future in board.pop(doc.id, []):
            if not future.done():
                future.set_result(_result(doc.state.exit_code, error))


def _result(code: int, error: str) -> WaitResult:
    return WaitResult(status_code=code, error=WaitError(message=error) if error else msgspec.UNSET)
