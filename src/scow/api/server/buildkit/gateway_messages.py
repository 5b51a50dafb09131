"""Messages of ``moby.buildkit.v1.frontend.LLBBridge``, as far as they are used.

Numbers of fields are BuildKit's, frontend/gateway/pb/gateway.proto and util/apicaps/pb/caps.proto.
"""

from dataclasses import dataclass

from scow.api.grpc.status import StatusMessage
from scow.api.grpc.wire import (
    Message,
    boolean,
    inner,
    many,
    mapping,
    messages_by_text,
    octets_by_text,
    text,
)
from scow.api.server.buildkit.control_messages import CacheEntry, Definition, WorkerRecord

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
class FrontendResult(Message):
    """One result, or one for each platform."""

    old_ref: str = text(1)
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
