"""A build's progress: ``moby.buildkit.v1.Control/Status``.

Numbers of fields are BuildKit's, api/services/control/control.proto and solver/pb/ops.proto.
"""

from dataclasses import dataclass

from scow.spec.protobuf import (
    Message,
    boolean,
    inner,
    integer,
    many,
    moment,
    octets,
    several_octets,
    text,
    texts,
)

STATUS = "/moby.buildkit.v1.Control/Status"


@dataclass(frozen=True)
class Position(Message):
    line: int = integer(1)
    character: int = integer(2)


@dataclass(frozen=True)
class Range(Message):
    start: Position | None = inner(1, Position)
    end: Position | None = inner(2, Position)


@dataclass(frozen=True)
class SourceInfo(Message):
    filename: str = text(1)
    data: bytes = octets(2)


@dataclass(frozen=True)
class StatusRequest(Message):
    ref: str = text(1)


@dataclass(frozen=True)
class VertexMessage(Message):
    digest: str = text(1)
    inputs: tuple[str, ...] = texts(2)
    name: str = text(3)
    cached: bool = boolean(4)
    started: int | None = moment(5)
    completed: int | None = moment(6)
    error: str = text(7)


@dataclass(frozen=True)
class VertexStatus(Message):
    id: str = text(1)
    vertex: str = text(2)
    name: str = text(3)
    current: int = integer(4)
    total: int = integer(5)
    timestamp: int | None = moment(6)
    started: int | None = moment(7)
    completed: int | None = moment(8)


@dataclass(frozen=True)
class VertexLog(Message):
    vertex: str = text(1)
    timestamp: int | None = moment(2)
    stream: int = integer(3)
    data: bytes = octets(4)


@dataclass(frozen=True)
class VertexWarning(Message):
    vertex: str = text(1)
    level: int = integer(2)
    short: bytes = octets(3)
    detail: tuple[bytes, ...] = several_octets(4)
    url: str = text(5)
    info: SourceInfo | None = inner(6, SourceInfo)
    ranges: tuple[Range, ...] = many(7, Range)


@dataclass(frozen=True)
class StatusResponse(Message):
    vertexes: tuple[VertexMessage, ...] = many(1, VertexMessage)
    statuses: tuple[VertexStatus, ...] = many(2, VertexStatus)
    logs: tuple[VertexLog, ...] = many(3, VertexLog)
    warnings: tuple[VertexWarning, ...] = many(4, VertexWarning)
