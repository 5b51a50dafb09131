"""A build's progress in BuildKit's form: a stream of what changed since the last message."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from scow.api.grpc.buildkit.progress import (
    Position,
    Range,
    SourceInfo,
    StatusResponse,
    VertexLog,
    VertexMessage,
    VertexStatus,
    VertexWarning,
)
from scow.spec.build_progress import (
    BuildProgress,
    OutputTold,
    Place,
    TransferTold,
    VertexTold,
    WarningTold,
)

_BATCH = 200


class ProgressLog:
    """What one build has told so far; every reader gets all of it from the beginning.

    Output is kept as long as the build, so its size is bounded: what goes beyond is counted, not kept.
    """

    _MAX_OUTPUT_BYTES = 32 << 20

    def __init__(self) -> None:
        self._told: list[BuildProgress] = []
        self._output_bytes = 0
        self._ended = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def tell(self, progress: BuildProgress) -> None:
        """Add what happened."""
        if isinstance(progress, OutputTold):
            self._output_bytes += len(progress.data)
            if self._output_bytes > self._MAX_OUTPUT_BYTES:
                return
        self._told.append(progress)
        self._wake()

    def end(self) -> None:
        """Nothing more will be told."""
        self._ended = True
        self._wake()

    async def responses(self) -> AsyncIterator[StatusResponse]:
        """From the beginning to the end of the build."""
        given = 0
        while True:
            batch = self._told[given : given + _BATCH]
            if batch:
                given += len(batch)
                yield status_response(batch)
            elif self._ended:
                return
            else:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
                await waiter

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)


def status_response(batch: list[BuildProgress]) -> StatusResponse:
    """Some steps of progress as one message."""
    return StatusResponse(
        vertexes=tuple(_vertex(it) for it in batch if isinstance(it, VertexTold)),
        statuses=tuple(_transfer(it) for it in batch if isinstance(it, TransferTold)),
        logs=tuple(_output(it) for it in batch if isinstance(it, OutputTold)),
        warnings=tuple(_warning(it) for it in batch if isinstance(it, WarningTold)),
    )


def source_info(place: Place) -> tuple[SourceInfo, Range]:
    """A place in a file, as BuildKit says it."""
    lines = Range(Position(place.first_line), Position(place.last_line))
    return SourceInfo(place.file_name, place.text), lines


def _vertex(told: VertexTold) -> VertexMessage:
    return VertexMessage(
        told.digest, told.inputs, told.name, told.cached, told.started_ns, told.completed_ns, told.error
    )


def _transfer(told: TransferTold) -> VertexStatus:
    return VertexStatus(
        told.id,
        told.digest,
        told.id,
        told.current,
        told.total,
        told.at_ns,
        told.started_ns or told.at_ns,
        told.completed_ns,
    )


def _output(told: OutputTold) -> VertexLog:
    return VertexLog(told.digest, told.at_ns, told.stream, told.data)


def _warning(told: WarningTold) -> VertexWarning:
    info: SourceInfo | None = None
    ranges: tuple[Range, ...] = ()
    if told.place is not None:
        info, lines = source_info(told.place)
        ranges = (lines,)
    return VertexWarning(
        told.digest, told.level, told.short.encode(), (told.detail.encode(),), told.url, info, ranges
    )
