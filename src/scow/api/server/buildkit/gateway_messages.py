"""Messages of ``moby.buildkit.v1.frontend.LLBBridge``, as far as they are used.

Numbers of fields are BuildKit's, frontend/gateway/pb/gateway.proto and util/apicaps/pb/caps.proto.
"""

from dataclasses import dataclass

from scow.api.grpc.status import StatusMessage
from scow.api.server.buildkit.control_messages import CacheEntry, WorkerRecord
from scow.api.server.buildkit.session_messages import StatMessage
from scow.spec.llb import Definition, Platform, SourceInfo, SourceOp, SourceRange
from scow.spec.protobuf import (
    Message,
    boolean,
    inner,
    integer,
    many,
    mapping,
    maybe_text,
    messages_by_text,
    octets,
    octets_by_text,
    several_octets,
    text,
)

SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
BUILD_ID = "buildkit-controlapi-buildid"
"""The header that says whose front end a call comes from."""


@dataclass(frozen=True)
class Ref(Message):
    id: str = text(1)
    definition: Definition | None = inner(2, Definition)


@dataclass(frozen=True)
class RefMap(Message):
    refs: dict[str, Ref] = messages_by_text(1, Ref)


@dataclass(frozen=True)
class OldRefMap(Message):
    refs: dict[str, str] = mapping(1)


@dataclass(frozen=True)
class FrontendResult(Message):
    """One result, or one for each platform; older front ends have names alone."""

    old_ref: str | None = maybe_text(1)
    old_refs: OldRefMap | None = inner(2, OldRefMap)
    ref: Ref | None = inner(3, Ref)
    refs: RefMap | None = inner(4, RefMap)
    metadata: dict[str, bytes] = octets_by_text(10)


@dataclass(frozen=True)
class BridgeSolveRequest(Message):
    definition: Definition | None = inner(1, Definition)
    frontend: str = text(2)
    frontend_options: dict[str, str] = mapping(3)
    cache_imports: tuple[CacheEntry, ...] = many(12, CacheEntry)
    frontend_inputs: dict[str, Definition] = messages_by_text(13, Definition)
    evaluate: bool = boolean(14)


@dataclass(frozen=True)
class BridgeSolveResponse(Message):
    ref: str = text(1)
    result: FrontendResult | None = inner(3, FrontendResult)


@dataclass(frozen=True)
class ReturnRequest(Message):
    result: FrontendResult | None = inner(1, FrontendResult)
    error: StatusMessage | None = inner(2, StatusMessage)


@dataclass(frozen=True)
class ReturnResponse(Message):
    pass


@dataclass(frozen=True)
class Capability(Message):
    id: str = text(1)
    enabled: bool = boolean(2)


@dataclass(frozen=True)
class PingRequest(Message):
    pass


@dataclass(frozen=True)
class PongResponse(Message):
    frontend_capabilities: tuple[Capability, ...] = many(1, Capability)
    llb_capabilities: tuple[Capability, ...] = many(2, Capability)
    workers: tuple[WorkerRecord, ...] = many(3, WorkerRecord)


@dataclass(frozen=True)
class FileRange(Message):
    """All that follows ``offset`` if ``length`` is 0."""

    offset: int = integer(1)
    length: int = integer(2)


@dataclass(frozen=True)
class ReadFileRequest(Message):
    ref: str = text(1)
    path: str = text(2)
    range: FileRange | None = inner(3, FileRange)


@dataclass(frozen=True)
class ReadFileResponse(Message):
    data: bytes = octets(1)


@dataclass(frozen=True)
class ReadDirRequest(Message):
    ref: str = text(1)
    path: str = text(2)
    include_pattern: str = text(3)


@dataclass(frozen=True)
class ReadDirResponse(Message):
    entries: tuple[StatMessage, ...] = many(1, StatMessage)


@dataclass(frozen=True)
class StatFileRequest(Message):
    ref: str = text(1)
    path: str = text(2)


@dataclass(frozen=True)
class StatFileResponse(Message):
    stat: StatMessage | None = inner(1, StatMessage)


@dataclass(frozen=True)
class EvaluateRequest(Message):
    ref: str = text(1)


@dataclass(frozen=True)
class EvaluateResponse(Message):
    pass


@dataclass(frozen=True)
class InputsRequest(Message):
    pass


@dataclass(frozen=True)
class InputsResponse(Message):
    definitions: dict[str, Definition] = messages_by_text(1, Definition)


@dataclass(frozen=True)
class ResolveImageRequest(Message):
    """``resolver`` is 0 for registries, 1 for an OCI layout that the client has as ``store``."""

    ref: str = text(1)
    platform: Platform | None = inner(2, Platform)
    mode: str = text(3)
    log_name: str = text(4)
    resolver: int = integer(5)
    session: str = text(6)
    store: str = text(7)


@dataclass(frozen=True)
class ResolveImageResponse(Message):
    digest: str = text(1)
    config: bytes = octets(2)
    ref: str = text(3)


@dataclass(frozen=True)
class ResolveSourceRequest(Message):
    source: SourceOp | None = inner(1, SourceOp)
    platform: Platform | None = inner(2, Platform)
    log_name: str = text(3)
    mode: str = text(4)


@dataclass(frozen=True)
class SourceImage(Message):
    digest: str = text(1)
    config: bytes = octets(2)


@dataclass(frozen=True)
class ResolveSourceResponse(Message):
    source: SourceOp | None = inner(1, SourceOp)
    image: SourceImage | None = inner(2, SourceImage)


@dataclass(frozen=True)
class WarnRequest(Message):
    digest: str = text(1)
    level: int = integer(2)
    short: bytes = octets(3)
    detail: tuple[bytes, ...] = several_octets(4)
    url: str = text(5)
    info: SourceInfo | None = inner(6, SourceInfo)
    ranges: tuple[SourceRange, ...] = many(7, SourceRange)


@dataclass(frozen=True)
class WarnResponse(Message):
    pass


@dataclass(frozen=True)
class HealthRequest(Message):
    service: str = text(1)


@dataclass(frozen=True)
class HealthResponse(Message):
    """grpc.health.v1: 1 is serving."""

    status: int = integer(1)
