"""The bridge: a front end that runs in the client asks for builds, and says which of them is the result.

buildx is one: it asks for one build by the Dockerfile front end, and returns that; its ``bake`` of an address
asks for the files there by a graph, and reads the definition among them.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.control_messages import CacheEntry
from scow.api.server.buildkit.gateway_messages import (
    BridgeSolveRequest,
    BridgeSolveResponse,
    Capability,
    EvaluateRequest,
    EvaluateResponse,
    FileRange,
    FrontendResult,
    InputsRequest,
    InputsResponse,
    PingRequest,
    PongResponse,
    ReadDirRequest,
    ReadDirResponse,
    ReadFileRequest,
    ReadFileResponse,
    Ref,
    RefMap,
    ReturnRequest,
    ReturnResponse,
    StatFileRequest,
    StatFileResponse,
)
from scow.api.server.buildkit.synced_files import stat_message
from scow.spec.frontend_build import Built, PlatformResult, ResultFiles
from scow.spec.llb import Definition

# The option that asks for a description of a Dockerfile instead of a build.
_REQUEST = "requestid"
_CAPABILITIES = (
    *("solve.base", "return", "returnmap", "importcaches", "proto.refarray", "reference.output"),
    *("readfile", "readdir", "statfile", "frontend.caps", "frontend.inputs", "gateway.solve.metadata"),
    *("gateway.solve.evaluate", "gateway.evaluate"),
)
"""util/apicaps and frontend/gateway/pb/caps.go of BuildKit: what is listed may be asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A build: by a front end with its options and inputs, or of a definition."""

    frontend: str
    options: Mapping[str, str]
    caches: tuple[CacheEntry, ...] = ()
    definition: Definition | None = None
    inputs: Mapping[str, Definition] = field(default_factory=dict)


Solve = Callable[[Asked], Awaitable[Built]]


class Bridge:
    """One client's front end. ``solve`` builds what it asks for, by graphs with ``capabilities``."""

    def __init__(self, solve: Solve, capabilities: Sequence[str]) -> None:
        self._solve = solve
        self._llb_capabilities = capabilities
        self._built: list[Built] = []
        self._results: dict[str, tuple[Built, PlatformResult]] = {}
        self._numbers = itertools.count(1)
        self._returned: asyncio.Future[Built | None] = asyncio.get_running_loop().create_future()

    async def result(self) -> Built | None:
        """What the front end returns; None for nothing at all. Raises CallError as it says."""
        return await self._returned

    async def aclose(self) -> None:
        """Let go of all builds."""
        if not self._returned.cancel() and not self._returned.cancelled():
            self._returned.exception()  # whoever would have heard it may be gone
        while self._built:
            await self._built.pop().aclose()
        self._results.clear()

    async def ping(self, _request: PingRequest) -> PongResponse:
        return PongResponse(
            tuple(Capability(name, True) for name in _CAPABILITIES),
            tuple(Capability(name, True) for name in self._llb_capabilities),
        )

    async def solve(self, request: BridgeSolveRequest) -> BridgeSolveResponse:
        definition = request.definition
        if definition is not None and definition.operations:
            asked = Asked("", {}, request.cache_imports, definition)
        elif request.frontend:
            options, inputs = request.frontend_options, request.frontend_inputs
            asked = Asked(request.frontend, options, request.cache_imports, inputs=inputs)
        else:
            return BridgeSolveResponse(result=FrontendResult(ref=Ref()))
        built = await self._solve(asked)
        metadata = dict(built.metadata)
        if _REQUEST in request.frontend_options:
            # An answer and no image: there is nothing to refer to.
            await built.aclose()
            return BridgeSolveResponse(result=FrontendResult(ref=Ref(), metadata=metadata))
        self._built.append(built)
        refs = {it.platform: self._ref(built, it, definition) for it in built.results}
        if len(refs) == 1:
            (ref,) = refs.values()
            return BridgeSolveResponse(result=FrontendResult(ref=ref, metadata=metadata))
        return BridgeSolveResponse(result=FrontendResult(refs=RefMap(refs), metadata=metadata))

    def _ref(self, built: Built, result: PlatformResult, definition: Definition | None) -> Ref:
        """By which its client names a result; the client's own definition stands for what it asked by one."""
        name = f"build-{next(self._numbers)}"
        self._results[name] = built, result
        return Ref(name, definition or result.definition)

    # Files of results

    async def read_file(self, request: ReadFileRequest) -> ReadFileResponse:
        wanted = request.range or FileRange()
        files = self._files(request.ref)
        return ReadFileResponse(await files.read(request.path, wanted.offset, wanted.length))

    async def read_dir(self, request: ReadDirRequest) -> ReadDirResponse:
        found = await self._files(request.ref).entries(request.path, request.include_pattern)
        return ReadDirResponse(tuple(map(stat_message, found)))

    async def stat_file(self, request: StatFileRequest) -> StatFileResponse:
        return StatFileResponse(stat_message(await self._files(request.ref).about(request.path)))

    async def evaluate(self, request: EvaluateRequest) -> EvaluateResponse:
        """Nothing is put off here: it was done when it was asked for."""
        self._files(request.ref)
        return EvaluateResponse()

    async def inputs(self, _request: InputsRequest) -> InputsResponse:
        """A front end in the client has its inputs."""
        return InputsResponse()

    def _files(self, ref: str) -> ResultFiles:
        """Raises CallError."""
        found = self._results.get(ref)
        if found is None:
            raise CallError(Code.UNKNOWN, f"no such ref: {ref}")
        return found[1].files

    async def take_return(self, request: ReturnRequest) -> ReturnResponse:
        if self._returned.done():
            raise CallError(Code.FAILED_PRECONDITION, "a result was returned already")
        if (error := request.error) is not None and error.code:
            self._returned.set_exception(CallError(error.code, error.message, error.details))
        elif (result := request.result) is not None:
            self._returned.set_result(self._described(result))
        else:
            self._returned.set_result(None)
        return ReturnResponse()

    def _described(self, result: FrontendResult) -> Built | None:
        """The build that a result is of. Raises CallError, InvalidArgumentError."""
        found = {id(it): it for name in _names_of(result) if (it := self._results.get(name, (None,))[0])}
        if len(found) > 1:
            raise CallError(Code.UNIMPLEMENTED, "a result of several graphs is not supported")
        for built in found.values():
            built.describe(result.metadata)
            return built
        return None


def _names_of(result: FrontendResult) -> list[str]:
    if result.ref is not None:
        return [result.ref.id]
    if result.refs is not None:
        return [ref.id for ref in result.refs.refs.values()]
    return [result.old_ref]
