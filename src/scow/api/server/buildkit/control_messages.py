"""Messages of ``moby.buildkit.v1.Control``, as far as they are used.

Numbers of fields are BuildKit's, api/services/control/control.proto and solver/pb/ops.proto.
"""

from dataclasses import dataclass

import scow
from scow.api.grpc.buildkit.history import ExporterMessage
from scow.spec.llb import Definition, Platform
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

SERVICE = "/moby.buildkit.v1.Control/"
BUILDKIT_VERSION = f"v0.13.1+scow-{scow.__version__}"
"""Clients decide by it what they may ask for, so it is BuildKit's whose protocol this is."""


@dataclass(frozen=True)
class CacheEntry(Message):
    kind: str = text(1)
    attributes: dict[str, str] = mapping(2)


@dataclass(frozen=True)
class CacheOptions(Message):
    exports: tuple[CacheEntry, ...] = many(4, CacheEntry)
    imports: tuple[CacheEntry, ...] = many(5, CacheEntry)


@dataclass(frozen=True)
class SolveRequest(Message):
    ref: str = text(1)
    definition: Definition | None = inner(2, Definition)
    exporter: str = text(3)
    exporter_attributes: dict[str, str] = mapping(4)
    session: str = text(5)
    frontend: str = text(6)
    frontend_attributes: dict[str, str] = mapping(7)
    cache: CacheOptions | None = inner(8, CacheOptions)
    entitlements: tuple[str, ...] = texts(9)
    frontend_inputs: dict[str, Definition] = messages_by_text(10, Definition)
    internal: bool = boolean(11)
    exporters: tuple[ExporterMessage, ...] = many(13, ExporterMessage)


@dataclass(frozen=True)
class SolveResponse(Message):
    exporter_response: dict[str, str] = mapping(1)


@dataclass(frozen=True)
class UsageRecord(Message):
    id: str = text(1)
    mutable: bool = boolean(2)
    in_use: bool = boolean(3)
    size: int = integer(4)
    created_at: int | None = moment(6)
    last_used_at: int | None = moment(7)
    usage_count: int = integer(8)
    description: str = text(9)
    record_type: str = text(10)
    shared: bool = boolean(11)
    parents: tuple[str, ...] = texts(12)


@dataclass(frozen=True)
class DiskUsageRequest(Message):
    filter: tuple[str, ...] = texts(1)


@dataclass(frozen=True)
class DiskUsageResponse(Message):
    record: tuple[UsageRecord, ...] = many(1, UsageRecord)


@dataclass(frozen=True)
class PruneRequest(Message):
    filter: tuple[str, ...] = texts(1)
    all: bool = boolean(2)
    keep_duration_ns: int = integer(3)
    reserved_bytes: int = integer(4)
    max_used_bytes: int = integer(5)
    min_free_bytes: int = integer(6)


@dataclass(frozen=True)
class BuildkitVersion(Message):
    package: str = text(1)
    version: str = text(2)
    revision: str = text(3)


@dataclass(frozen=True)
class WorkerRecord(Message):
    id: str = text(1)
    labels: dict[str, str] = mapping(2)
    platforms: tuple[Platform, ...] = many(3, Platform)
    version: BuildkitVersion | None = inner(5, BuildkitVersion)


@dataclass(frozen=True)
class ListWorkersRequest(Message):
    filter: tuple[str, ...] = texts(1)


@dataclass(frozen=True)
class ListWorkersResponse(Message):
    record: tuple[WorkerRecord, ...] = many(1, WorkerRecord)


@dataclass(frozen=True)
class InfoRequest(Message):
    pass


@dataclass(frozen=True)
class InfoResponse(Message):
    version: BuildkitVersion | None = inner(1, BuildkitVersion)
