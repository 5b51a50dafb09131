"""Records of builds: ``moby.buildkit.v1.Control``, ListenBuildHistory and UpdateBuildHistory.

Numbers of fields are BuildKit's, api/services/control/control.proto.
"""

from dataclasses import dataclass
from enum import IntEnum

from scow.api.grpc.status import StatusMessage
from scow.spec.protobuf import (
    Message,
    boolean,
    inner,
    integer,
    many,
    mapping,
    messages_by_text,
    moment,
    text,
    texts,
)

LISTEN_HISTORY = "/moby.buildkit.v1.Control/ListenBuildHistory"
UPDATE_HISTORY = "/moby.buildkit.v1.Control/UpdateBuildHistory"
TIMESTAMP = "buildkit-current-timestamp"
"""The header of an answer that says what time it is there, RFC 3339."""


class EventKind(IntEnum):
    STARTED = 0
    COMPLETE = 1
    DELETED = 2


@dataclass(frozen=True)
class HistoryRequest(Message):
    active_only: bool = boolean(1)
    ref: str = text(2)
    early_exit: bool = boolean(3)
    filters: tuple[str, ...] = texts(4)
    limit: int = integer(5)


@dataclass(frozen=True)
class UpdateHistory(Message):
    ref: str = text(1)
    pinned: bool = boolean(2)
    delete: bool = boolean(3)
    finalize: bool = boolean(4)


@dataclass(frozen=True)
class HistoryUpdated(Message):
    pass


@dataclass(frozen=True)
class Descriptor(Message):
    media_type: str = text(1)
    digest: str = text(2)
    size: int = integer(3)
    annotations: dict[str, str] = mapping(5)


@dataclass(frozen=True)
class NumberedDescriptor(Message):
    """An entry of a map by number."""

    number: int = integer(1)
    descriptor: Descriptor | None = inner(2, Descriptor)


@dataclass(frozen=True)
class ResultInfo(Message):
    """``first`` is for clients that know of one export only."""

    first: Descriptor | None = inner(1, Descriptor)
    attestations: tuple[Descriptor, ...] = many(2, Descriptor)
    results: tuple[NumberedDescriptor, ...] = many(3, NumberedDescriptor)


@dataclass(frozen=True)
class ExporterMessage(Message):
    kind: str = text(1)
    attributes: dict[str, str] = mapping(2)


@dataclass(frozen=True)
class HistoryRecord(Message):
    ref: str = text(1)
    frontend: str = text(2)
    attributes: dict[str, str] = mapping(3)
    exporters: tuple[ExporterMessage, ...] = many(4, ExporterMessage)
    error: StatusMessage | None = inner(5, StatusMessage)
    created_at: int | None = moment(6)
    completed_at: int | None = moment(7)
    logs: Descriptor | None = inner(8, Descriptor)
    response: dict[str, str] = mapping(9)
    result: ResultInfo | None = inner(10, ResultInfo)
    results: dict[str, ResultInfo] = messages_by_text(11, ResultInfo)
    generation: int = integer(12)
    trace: Descriptor | None = inner(13, Descriptor)
    pinned: bool = boolean(14)
    cached_steps: int = integer(15)
    total_steps: int = integer(16)
    completed_steps: int = integer(17)
    external_error: Descriptor | None = inner(18, Descriptor)
    warnings: int = integer(19)


@dataclass(frozen=True)
class HistoryEventMessage(Message):
    kind: int = integer(1)
    record: HistoryRecord | None = inner(2, HistoryRecord)
