"""Records of builds as BuildKit's clients ask for them, and the blobs that they name."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from scow.api.grpc.buildkit.content import (
    CONTENT_INFO,
    READ_CONTENT,
    ContentInfo,
    ContentInfoRequest,
    ContentInfoResponse,
    ContentPiece,
    ReadContent,
)
from scow.api.grpc.buildkit.history import (
    LISTEN_HISTORY,
    TIMESTAMP,
    UPDATE_HISTORY,
    Descriptor,
    EventKind,
    ExporterMessage,
    HistoryEventMessage,
    HistoryRecord,
    HistoryRequest,
    HistoryUpdated,
    NumberedDescriptor,
    ResultInfo,
    UpdateHistory,
)
from scow.api.grpc.server import Handler, IncomingCall, unary
from scow.api.grpc.status import CallError, Code, StatusMessage
from scow.api.server.buildkit.history_forms import messages_of
from scow.errors import NotFoundError
from scow.spec.build_history import (
    BlobEntry,
    BuildHistory,
    BuildRecord,
    HistoryEvent,
    HistoryQuery,
    ResultEntry,
)

_KINDS = {
    "started": EventKind.STARTED,
    "complete": EventKind.COMPLETE,
    "deleted": EventKind.DELETED,
}
_PIECE_BYTES = 1 << 20
_NS = 1_000_000_000


class HistoryCalls:
    """Answers them out of the engine's ``history``."""

    def __init__(self, history: BuildHistory) -> None:
        self._history = history

    def handlers(self) -> Mapping[str, Handler]:
        """What is answered, by path."""
        return {
            LISTEN_HISTORY: self._listen,
            UPDATE_HISTORY: unary(UpdateHistory, self._update),
            CONTENT_INFO: unary(ContentInfoRequest, self._info),
            READ_CONTENT: self._read,
        }

    async def told(self, ref: str, call: IncomingCall) -> bool:
        """Tell all that a build told that has ended; False if there is none by that name."""
        record = await self._history.find(ref)
        if record is None:
            return False
        call.begin(_moment())
        if record.logs is not None:
            for message in messages_of(await self._history.blob(record.logs.digest)):
                await call.send(message)
        return True

    async def _listen(self, call: IncomingCall) -> None:
        request = await call.receive(HistoryRequest) or HistoryRequest()
        query = HistoryQuery(
            request.ref, request.active_only, request.early_exit, request.filters, request.limit
        )
        call.begin(_moment())
        async for event in self._history.events(query):
            await call.send(_event(event))

    async def _update(self, request: UpdateHistory, _call: IncomingCall) -> HistoryUpdated:
        if request.delete:
            await self._history.delete(request.ref)
        elif not request.finalize:  # which waits for traces, and there are none
            await self._history.pin(request.ref, pinned=request.pinned)
        return HistoryUpdated()

    async def _info(self, request: ContentInfoRequest, _call: IncomingCall) -> ContentInfoResponse:
        return ContentInfoResponse(ContentInfo(request.digest, len(await self._blob(request.digest))))

    async def _read(self, call: IncomingCall) -> None:
        request = await call.receive(ReadContent) or ReadContent()
        data = await self._blob(request.digest)
        if not 0 <= request.offset <= len(data) or request.size < 0:
            raise CallError(Code.OUT_OF_RANGE, f"read past object length {len(data)} bytes")
        end = min(len(data), request.offset + request.size) if request.size else len(data)
        call.begin()
        for offset in range(request.offset, end, _PIECE_BYTES):
            await call.send(ContentPiece(offset, data[offset : min(end, offset + _PIECE_BYTES)]))

    async def _blob(self, digest: str) -> bytes:
        try:
            return await self._history.blob(digest)
        except NotFoundError as exc:
            raise CallError(Code.NOT_FOUND, exc.message) from exc


def _moment() -> dict[str, str]:
    """What time it is: clients count by it how long a build has been going on."""
    now_ns = time.time_ns()
    second = datetime.fromtimestamp(now_ns // _NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {TIMESTAMP: f"{second}.{now_ns % _NS:09d}Z"}


def _event(event: HistoryEvent) -> HistoryEventMessage:
    record = _record(event.record) if event.record is not None else HistoryRecord(ref=event.ref)
    return HistoryEventMessage(_KINDS[event.kind], record)


def _record(record: BuildRecord) -> HistoryRecord:
    error = record.error
    return HistoryRecord(
        ref=record.ref,
        frontend=record.frontend,
        attributes=record.attributes,
        exporters=tuple(ExporterMessage(it.kind, it.attributes) for it in record.exporters),
        error=StatusMessage(error.code, error.message) if error is not None else None,
        created_at=record.created_ns,
        completed_at=record.completed_ns,
        logs=_descriptor(record.logs),
        response=record.response,
        result=_result(record.result) if record.result is not None else None,
        results={platform: _result(it) for platform, it in record.results.items()},
        generation=record.generation,
        pinned=record.pinned,
        cached_steps=record.cached_steps,
        total_steps=record.total_steps,
        completed_steps=record.completed_steps,
        external_error=_descriptor(record.details),
        warnings=record.warnings,
    )


def _result(entry: ResultEntry) -> ResultInfo:
    numbered = [NumberedDescriptor(number, _descriptor(it)) for number, it in sorted(entry.results.items())]
    return ResultInfo(
        first=numbered[0].descriptor if numbered else None,
        attestations=tuple(filter(None, map(_descriptor, entry.attestations))),
        results=tuple(numbered),
    )


def _descriptor(entry: BlobEntry | None) -> Descriptor | None:
    if entry is None:
        return None
    return Descriptor(entry.media_type, entry.digest, entry.size, entry.annotations)
