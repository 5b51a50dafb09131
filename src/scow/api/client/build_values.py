"""BuildKit's messages about builds as the values that the rest of the program knows."""

from collections.abc import Iterator

from scow.api.grpc.buildkit.history import Descriptor, HistoryRecord, ResultInfo
from scow.api.grpc.buildkit.progress import StatusResponse, VertexWarning
from scow.spec.build_history import BlobEntry, BuildRecord, ExporterEntry, FailureEntry, ResultEntry
from scow.spec.build_progress import BuildProgress, OutputTold, Place, TransferTold, VertexTold, WarningTold


def record_of(message: HistoryRecord) -> BuildRecord:
    """A record as an engine sent it."""
    error = message.error
    return BuildRecord(
        ref=message.ref,
        frontend=message.frontend,
        attributes=message.attributes,
        exporters=[ExporterEntry(kind=it.kind, attributes=it.attributes) for it in message.exporters],
        created_ns=message.created_at or 0,
        completed_ns=message.completed_at,
        error=FailureEntry(code=error.code, message=error.message) if error is not None else None,
        details=_entry(message.external_error),
        logs=_entry(message.logs),
        trace=_entry(message.trace),
        response=message.response,
        result=_result(message.result) if message.result is not None else None,
        results={platform: _result(it) for platform, it in message.results.items()},
        generation=message.generation,
        pinned=message.pinned,
        total_steps=message.total_steps,
        completed_steps=message.completed_steps,
        cached_steps=message.cached_steps,
        warnings=message.warnings,
    )


def progress_of(message: StatusResponse) -> list[BuildProgress]:
    """What a message tells, in the order in which it happened: messages have it by kind."""
    return sorted(_told(message), key=_moment)


def _moment(told: BuildProgress) -> int:
    if isinstance(told, VertexTold):
        return told.completed_ns or told.started_ns or 0
    if isinstance(told, TransferTold):
        return told.completed_ns or told.at_ns
    return told.at_ns if isinstance(told, OutputTold) else 0


def _told(message: StatusResponse) -> Iterator[BuildProgress]:
    """Of steps that have ended also that they began: what is kept may have only how they ended."""
    for it in message.vertexes:
        if it.completed is not None:
            yield VertexTold(it.digest, it.name, it.inputs, started_ns=it.started)
        yield VertexTold(it.digest, it.name, it.inputs, it.cached, it.started, it.completed, it.error)
    for status in message.statuses:
        yield TransferTold(
            status.id,
            status.vertex,
            status.current,
            status.total,
            status.timestamp or 0,
            status.started,
            status.completed,
        )
    for log in message.logs:
        yield OutputTold(log.vertex, log.stream, log.data, log.timestamp or 0)
    for warning in message.warnings:
        yield _warning(warning)


def _warning(message: VertexWarning) -> WarningTold:
    place = None
    if message.info is not None and message.ranges:
        first, last = message.ranges[0].start, message.ranges[-1].end
        lines = (first.line if first else 0, last.line if last else 0)
        place = Place(message.info.filename, message.info.data, *lines)
    detail = b"\n".join(message.detail).decode("utf-8", "replace")
    short = message.short.decode("utf-8", "replace")
    return WarningTold(message.vertex, short, detail, message.url, place, message.level)


def _result(message: ResultInfo) -> ResultEntry:
    numbered = {it.number: _entry(it.descriptor) for it in message.results}
    if not numbered and message.first is not None:
        numbered = {0: _entry(message.first)}
    return ResultEntry(
        attestations=[entry for it in message.attestations if (entry := _entry(it)) is not None],
        results={number: entry for number, entry in numbered.items() if entry is not None},
    )


def _entry(message: Descriptor | None) -> BlobEntry | None:
    if message is None:
        return None
    return BlobEntry(
        media_type=message.media_type,
        digest=message.digest,
        size=message.size,
        annotations=message.annotations,
    )
