"""The bridge: a front end that runs in the client asks for builds, and says which of them is the result.

buildx is one: it asks for one build by the Dockerfile front end, and returns that.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.control_messages import CacheEntry
from scow.api.server.buildkit.gateway_messages import (
    BridgeSolveRequest,
    BridgeSolveResponse,
    Capability,
    FrontendResult,
    PingRequest,
    PongResponse,
    Ref,
    ReturnRequest,
    ReturnResponse,
)
from scow.spec.frontend_build import Built

# The option that asks for a description of a Dockerfile instead of a build.
_REQUEST = "requestid"
_CAPABILITIES = (
    "solve.base",
    "return",
    "importcaches",
    "proto.refarray",
    "frontend.caps",
    "gateway.solve.metadata",
)
"""util/apicaps and frontend/gateway/pb/caps.go of BuildKit: what is listed may be asked for."""
_LLB_CAPABILITIES = (
    *("source.image", "source.local", "source.git", "source.http", "source.http.checksum"),
    "source.ocilayout",
    *("exporter.image.attestations", "exporter.image.annotations", "exporter.sourcedateepoch"),
)

Solve = Callable[[str, Mapping[str, str], tuple[CacheEntry, ...]], Awaitable[Built]]


class Bridge:
    """One client's front end. ``solve`` makes a build of a front end's name, options and caches."""

    def __init__(self, solve: Solve) -> None:
        self._solve = solve
        self._built: dict[str, Built] = {}
        self._numbers = itertools.count(1)
        self._returned: asyncio.Future[Built | None] = asyncio.get_running_loop().create_future()

    async def result(self) -> Built | None:
        """What the front end returns; None for nothing at all. Raises CallError as it says."""
        return await self._returned

    async def aclose(self) -> None:
        """Let go of all builds."""
        if not self._returned.cancel() and not self._returned.cancelled():
            self._returned.exception()  # whoever would have heard it may be gone
        for built in self._built.values():
            await built.aclose()
        self._built.clear()

    async def ping(self, _request: PingRequest) -> PongResponse:
        return PongResponse(
            tuple(Capability(name, True) for name in _CAPABILITIES),
            tuple(Capability(name, True) for name in _LLB_CAPABILITIES),
        )

    async def solve(self, request: BridgeSolveRequest) -> BridgeSolveResponse:
        if request.definition is not None and request.definition.operations:
            raise CallError(Code.UNIMPLEMENTED, "graphs of LLB are not supported, only Dockerfiles")
        if not request.frontend:
            return BridgeSolveResponse(result=FrontendResult(ref=Ref()))
        built = await self._solve(request.frontend, request.frontend_options, request.cache_imports)
        if _REQUEST in request.frontend_options:
            # An answer and no image: there is nothing to refer to.
            await built.aclose()
            return BridgeSolveResponse(result=FrontendResult(ref=Ref(), metadata=dict(built.metadata)))
        name = f"build-{next(self._numbers)}"
        self._built[name] = built
        return BridgeSolveResponse(result=FrontendResult(ref=Ref(name), metadata=dict(built.metadata)))

    async def take_return(self, request: ReturnRequest) -> ReturnResponse:
        if self._returned.done():
            raise CallError(Code.FAILED_PRECONDITION, "a result was returned already")
        if (error := request.error) is not None and error.code:
            self._returned.set_exception(CallError(error.code, error.message, error.details))
        elif (result := request.result) is not None:
            self._returned.set_result(self._built.get(_name_of(result)))
        else:
            self._returned.set_result(None)
        return ReturnResponse()


def _name_of(result: FrontendResult) -> str:
    if result.ref is not None:
        return result.ref.id
    if result.refs is not None:
        return next((ref.id for ref in result.refs.refs.values()), "")
    return result.old_ref
