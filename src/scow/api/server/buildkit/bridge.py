"""The bridge: a front end asks for builds, and says which of them is the result.

It may run in the client: buildx asks for one build by the Dockerfile front end, and returns that; its
``bake`` of an address asks for the files there by a graph, and reads the definition among them. Or it is the
program of an image, whose standard streams are the connection.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence

from scow.api.grpc import server
from scow.api.grpc.server import IncomingCall
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.bridge_calls import bridge_handlers
from scow.api.server.buildkit.control_messages import WorkerRecord
from scow.api.server.buildkit.failures import as_call_error, front_end_failure, place_of
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
    ResolveImageRequest,
    ResolveImageResponse,
    ResolveSourceRequest,
    ResolveSourceResponse,
    ReturnRequest,
    ReturnResponse,
    SourceImage,
    StatFileRequest,
    StatFileResponse,
    WarnRequest,
    WarnResponse,
)
from scow.api.server.buildkit.synced_files import stat_message
from scow.errors import ScowError
from scow.spec.build_progress import WarningTold
from scow.spec.driven_build import Asked, Bytes, DrivenBuild, FoundImage, Returned
from scow.spec.frontend_build import Built, Exchange, PlatformResult, ResultFiles
from scow.spec.llb import Definition
from scow.spec.llb import Platform as PlatformMessage
from scow.spec.platform import Platform

# The option that asks for a description of a Dockerfile instead of a build.
_REQUEST = "requestid"
_CAPABILITIES = (
    *("solve.base", "return", "returnmap", "importcaches", "proto.refarray", "reference.output"),
    *("readfile", "readdir", "statfile", "frontend.caps", "frontend.inputs", "gateway.solve.metadata"),
    *("gateway.solve.evaluate", "gateway.evaluate", "gateway.warnings", "source.metaresolver"),
    *("resolveimage", "resolveimage.resolvemode"),
)
"""util/apicaps and frontend/gateway/pb/caps.go of BuildKit: what is listed may be asked for."""
_OCI_LAYOUT = 1
_PULL = "pull"


def layout_address(reference: str, store: str) -> str:
    """An image of a layout that the client has as ``store``, or as the name that the image has."""
    name, at, digest = reference.partition("@")
    return f"oci-layout://{store or name}{at}{digest}"


class Bridge:
    """See ``Conversation``: one front end's questions to the build that it drives."""

    def __init__(
        self,
        driven: DrivenBuild,
        inputs: Mapping[str, Definition],
        capabilities: Sequence[str],
        workers: tuple[WorkerRecord, ...],
    ) -> None:
        """``capabilities`` are those of graphs."""
        self._driven = driven
        self._inputs = inputs
        self._llb_capabilities = capabilities
        self._workers = workers
        self._built: list[Built] = []
        self._results: dict[str, tuple[Built, PlatformResult]] = {}
        self._numbers = itertools.count(1)
        self._returned: asyncio.Future[Returned] = asyncio.get_running_loop().create_future()

    async def serve(self, below: Bytes) -> None:
        await server.serve(below, bridge_handlers(self._itself), as_error=as_call_error)

    async def _itself(self, _call: IncomingCall) -> "Bridge":
        return self

    def refuse(self, error: Exception) -> None:
        if self._returned.done() and self._returned.exception() is not None:
            return
        self._returned = asyncio.get_running_loop().create_future()
        self._returned.set_exception(error)

    async def returned(self) -> Built:
        """What the front end returns, when it does. Raises FrontEndFailedError, ScowError."""
        built = await self._driven.joined(await self._returned)
        self._built.append(built)
        return built

    async def result(self) -> Built:
        if not self._returned.done():
            raise ScowError("no result for incomplete build")
        return await self.returned()

    async def aclose(self) -> None:
        if not self._returned.cancel() and not self._returned.cancelled():
            self._returned.exception()  # whoever would have heard it may be gone
        while self._built:
            await self._built.pop().aclose()
        self._results.clear()

    async def ping(self, _request: PingRequest) -> PongResponse:
        return PongResponse(
            tuple(Capability(name, True) for name in _CAPABILITIES),
            tuple(Capability(name, True) for name in self._llb_capabilities),
            self._workers,
        )

    async def solve(self, request: BridgeSolveRequest) -> BridgeSolveResponse:
        definition = request.definition
        imports = tuple(Exchange(it.kind, it.attributes) for it in request.cache_imports)
        if definition is not None and definition.operations:
            asked = Asked("", {}, imports, definition)
        elif request.frontend:
            options, inputs = request.frontend_options, request.frontend_inputs
            asked = Asked(request.frontend, options, imports, inputs=inputs)
        else:
            return BridgeSolveResponse(result=FrontendResult(ref=Ref()))
        built = await self._driven.solve(asked)
        metadata = dict(built.metadata)
        if _REQUEST in request.frontend_options:
            # An answer and no image: there is nothing to refer to.
            await built.aclose()
            return BridgeSolveResponse(result=FrontendResult(ref=Ref(), metadata=metadata))
        self._built.append(built)
        refs = {it.platform: self._ref(built, it, definition) for it in built.results}
        if len(refs) == 1:
            (ref,) = refs.values()
            return BridgeSolveResponse(ref.id, FrontendResult(ref=ref, metadata=metadata))
        return BridgeSolveResponse(result=FrontendResult(refs=RefMap(refs), metadata=metadata))

    def _ref(self, built: Built, result: PlatformResult, definition: Definition | None) -> Ref:
        """By which its client names a result; the client's own definition stands for what it asked by one."""
        name = f"build-{next(self._numbers)}"
        self._results[name] = built, result
        return Ref(name, definition or result.definition)

    # What a build begins from

    async def resolve_image(self, request: ResolveImageRequest) -> ResolveImageResponse:
        reference = request.ref
        if request.resolver == _OCI_LAYOUT:
            reference = layout_address(reference, request.store)
        found = await self._found(reference, request.platform, request.mode, request.log_name)
        return ResolveImageResponse(found.digest, found.config, request.ref)

    async def resolve_source(self, request: ResolveSourceRequest) -> ResolveSourceResponse:
        source = request.source
        if source is None:
            raise CallError(Code.INVALID_ARGUMENT, "source is required")
        kind, _, reference = source.identifier.partition("://")
        if kind == "oci-layout":
            reference = layout_address(reference, source.attributes.get("oci.store", ""))
        elif kind != "docker-image":
            return ResolveSourceResponse(source)
        found = await self._found(reference, request.platform, request.mode, request.log_name)
        return ResolveSourceResponse(source, SourceImage(found.digest, found.config))

    async def _found(
        self, reference: str, platform: PlatformMessage | None, mode: str, log_name: str
    ) -> FoundImage:
        wanted = None
        if platform is not None and platform.architecture:
            wanted = Platform(platform.os, platform.architecture, platform.variant)
        shown = reference if "://" in reference else f"docker-image://{reference}"
        name = log_name or f"resolve image config for {shown}"
        return await self._driven.image(reference, wanted, always_pull=mode == _PULL, name=name)

    async def warn(self, request: WarnRequest) -> WarnResponse:
        self._driven.warn(
            WarningTold(
                request.digest,
                request.short.decode(errors="replace"),
                b"\n".join(request.detail).decode(errors="replace"),
                request.url,
                place_of(request.info, request.ranges),
                request.level or 1,
            )
        )
        return WarnResponse()

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
        return InputsResponse(dict(self._inputs))

    def _files(self, ref: str) -> ResultFiles:
        """Raises CallError."""
        found = self._results.get(ref)
        if found is None:
            raise CallError(Code.UNKNOWN, f"no such ref: {ref}")
        return found[1].files

    async def take_return(self, request: ReturnRequest) -> ReturnResponse:
        if self._returned.done():
            raise CallError(Code.UNKNOWN, "gateway result is already set")
        if (error := request.error) is not None:
            self._returned.set_exception(front_end_failure(error))
        elif (result := request.result) is not None:
            self._returned.set_result(Returned(self._named(result), result.metadata))
        else:
            raise CallError(Code.UNKNOWN, "gateway return must be either result or err")
        return ReturnResponse()

    def _named(self, result: FrontendResult) -> dict[str, tuple[Built, PlatformResult] | None]:
        """The results that are meant, by platform. Raises CallError."""
        found: dict[str, tuple[Built, PlatformResult] | None] = {}
        for platform, name in _names_of(result).items():
            if name and name not in self._results:
                raise CallError(Code.UNKNOWN, f"return reference {name} not found")
            found[platform] = self._results.get(name)
        return found


def _names_of(result: FrontendResult) -> dict[str, str]:
    if result.ref is not None:
        return {"": result.ref.id}
    if result.refs is not None:
        return {platform: ref.id for platform, ref in result.refs.refs.items()}
    if result.old_refs is not None:
        return result.old_refs.refs
    return {"": result.old_ref or ""}
