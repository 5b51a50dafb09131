"""The service that BuildKit's clients ask: builds, their progress, the cache and the builder itself."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import scow
from scow.api.grpc.buildkit.progress import STATUS, StatusRequest
from scow.api.grpc.server import Handler, IncomingCall, unary
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.bridge import Asked, Bridge
from scow.api.server.buildkit.client import SessionClient
from scow.api.server.buildkit.control_messages import (
    SERVICE,
    BuildkitVersion,
    CacheEntry,
    DiskUsageRequest,
    DiskUsageResponse,
    InfoRequest,
    InfoResponse,
    ListWorkersRequest,
    ListWorkersResponse,
    PruneRequest,
    SolveRequest,
    SolveResponse,
    UsageRecord,
    WorkerRecord,
)
from scow.api.server.buildkit.gateway_messages import (
    BUILD_ID,
    BridgeSolveRequest,
    EvaluateRequest,
    InputsRequest,
    PingRequest,
    ReadDirRequest,
    ReadFileRequest,
    ReturnRequest,
    StatFileRequest,
)
from scow.api.server.buildkit.gateway_messages import SERVICE as BRIDGE
from scow.api.server.buildkit.history import HistoryCalls
from scow.api.server.buildkit.jobs import Job, Jobs
from scow.api.server.buildkit.sessions import CallBytes, Sessions
from scow.spec.build_history import BuildRecording, ExporterEntry
from scow.spec.build_progress import BuildProgress
from scow.spec.frontend_build import (
    Built,
    CachePrune,
    CacheRecord,
    Exchange,
    FrontendBuilds,
    FrontendRequest,
)
from scow.spec.llb import Platform
from scow.spec.protobuf import Message

M = TypeVar("M", bound=Message)

_DOCKERFILE = "dockerfile.v0"
_GATEWAY = "gateway.v0"
_DOCKERFILE_IMAGES = frozenset({"docker/dockerfile", "docker/dockerfile-upstream"})
_VERSION = BuildkitVersion("scow", f"v0.13.1+scow-{scow.__version__}")
"""Clients decide by it what they may ask for, so it is BuildKit's whose protocol this is."""


class Control:
    """Builds by BuildKit's protocol. ``socket_folder`` is for sockets of clients' ssh agents."""

    def __init__(
        self, builds: FrontendBuilds, sessions: Sessions, socket_folder: str, worker_id: str
    ) -> None:
        self._builds = builds
        self._sessions = sessions
        self._socket_folder = socket_folder
        self._history = HistoryCalls(builds.history)
        self._jobs = Jobs()
        self._worker_id = worker_id

    def handlers(self) -> Mapping[str, Handler]:
        """What is answered, by path."""
        return {
            f"{SERVICE}Solve": unary(SolveRequest, self._solve),
            STATUS: self._status,
            f"{SERVICE}Session": self._session,
            f"{SERVICE}ListWorkers": unary(ListWorkersRequest, self._workers),
            f"{SERVICE}Info": unary(InfoRequest, self._info),
            f"{SERVICE}DiskUsage": unary(DiskUsageRequest, self._disk_usage),
            f"{SERVICE}Prune": self._prune,
            **self._history.handlers(),
            f"{BRIDGE}Ping": self._bridged(PingRequest, Bridge.ping),
            f"{BRIDGE}Solve": self._bridged(BridgeSolveRequest, Bridge.solve),
            f"{BRIDGE}ReadFile": self._bridged(
                ReadFileRequest, lambda bridge, asked: bridge.read_file(asked)
            ),
            f"{BRIDGE}ReadDir": self._bridged(ReadDirRequest, Bridge.read_dir),
            f"{BRIDGE}StatFile": self._bridged(
                StatFileRequest, lambda bridge, asked: bridge.stat_file(asked)
            ),
            f"{BRIDGE}Evaluate": self._bridged(EvaluateRequest, Bridge.evaluate),
            f"{BRIDGE}Inputs": self._bridged(InputsRequest, Bridge.inputs),
            f"{BRIDGE}Return": self._bridged(ReturnRequest, Bridge.take_return),
        }

    # Builds

    async def _solve(self, request: SolveRequest, _call: IncomingCall) -> SolveResponse:
        session = await self._sessions.get(request.session)
        client = SessionClient(session, self._socket_folder)
        job = Job(request.ref)
        try:
            await self._jobs.add(job)
            async with self._builds.history.recorded(
                request.ref,
                request.frontend,
                request.frontend_attributes,
                [ExporterEntry(kind=it.kind, attributes=dict(it.attributes)) for it in _exporters(request)],
                internal=request.internal,
            ) as recording:
                return SolveResponse(await self._built(request, client, job, recording))
        finally:
            job.log.end()
            self._jobs.remove(job)
            await client.aclose()

    async def _built(
        self, request: SolveRequest, client: SessionClient, job: Job, recording: BuildRecording
    ) -> dict[str, str]:
        def tell(progress: BuildProgress) -> None:
            recording.tell(progress)
            job.log.tell(progress)

        async def solve(asked: Asked) -> Built:
            if asked.definition is None:
                _check_frontend(asked.frontend, asked.options)
            imports = _exchanges((*asked.caches, *(request.cache.imports if request.cache else ())))
            wanted = FrontendRequest(
                asked.options,
                client,
                tell,
                imports,
                request.entitlements,
                definition=asked.definition,
                inputs=asked.inputs,
            )
            return await self._builds.solve(wanted)

        bridge = Bridge(solve, self._builds.graph_capabilities())
        try:
            if request.frontend:
                built: Built | None = await solve(
                    Asked(request.frontend, request.frontend_attributes, inputs=request.frontend_inputs)
                )
            elif request.definition is not None and request.definition.operations:
                built = await solve(Asked("", request.frontend_attributes, definition=request.definition))
            else:
                job.bridge = bridge
                built = await bridge.result()
            if built is None:
                return {}
            try:
                response = await built.export(
                    _exporters(request), _exchanges(request.cache.exports if request.cache else ())
                )
                recording.findings(built.findings)
                return response
            finally:
                await built.aclose()
        finally:
            job.bridge = None
            await bridge.aclose()

    async def _session(self, call: IncomingCall) -> None:
        """A client that has one connection for everything lends its things within a call."""
        call.begin()
        await self._sessions.serve(call.metadata, CallBytes(call))

    async def _status(self, call: IncomingCall) -> None:
        request = await call.receive(StatusRequest) or StatusRequest()
        if await self._history.told(request.ref, call):
            return
        progress = await self._jobs.progress(request.ref)
        call.begin()
        async for response in progress.responses():
            await call.send(response)

    def _bridged(self, kind: type[M], ask: Callable[[Bridge, M], Awaitable[Message]]) -> Handler:
        async def handle(request: M, call: IncomingCall) -> Message:
            build_id = call.metadata.get(BUILD_ID, "")
            if not build_id:
                raise CallError(Code.UNKNOWN, "no buildid found in context")
            bridge = (await self._jobs.get(build_id)).bridge
            if bridge is None:
                raise CallError(Code.UNAVAILABLE, f"no such job {build_id}")
            return await ask(bridge, request)

        return unary(kind, handle)

    # The builder

    async def _workers(self, _request: ListWorkersRequest, _call: IncomingCall) -> ListWorkersResponse:
        platforms = tuple(Platform(it.architecture, it.os, it.variant) for it in self._builds.platforms())
        return ListWorkersResponse((WorkerRecord(self._worker_id, {}, platforms, _VERSION),))

    async def _info(self, _request: InfoRequest, _call: IncomingCall) -> InfoResponse:
        return InfoResponse(_VERSION)

    async def _disk_usage(self, request: DiskUsageRequest, _call: IncomingCall) -> DiskUsageResponse:
        records = await self._builds.records(request.filter)
        return DiskUsageResponse(tuple(map(_usage, records)))

    async def _prune(self, call: IncomingCall) -> None:
        request = await call.receive(PruneRequest) or PruneRequest()
        wanted = CachePrune(
            request.all,
            request.filter,
            request.keep_duration_ns,
            request.reserved_bytes,
            request.max_used_bytes,
            request.min_free_bytes,
        )
        call.begin()
        for record in await self._builds.prune(wanted):
            await call.send(_usage(record))


def _check_frontend(frontend: str, options: Mapping[str, str]) -> None:
    """Raises CallError for another front end than ours, which is Docker's own under any of its names."""
    image = options.get("source", "").removeprefix("docker.io/").partition("@")[0].partition(":")[0]
    if frontend == _DOCKERFILE or (frontend == _GATEWAY and image in _DOCKERFILE_IMAGES):
        return
    name = options.get("source", frontend) if frontend == _GATEWAY else frontend
    raise CallError(Code.UNIMPLEMENTED, f"frontend {name} is not supported, only Docker's for Dockerfiles")


def _exchanges(entries: Iterable[CacheEntry]) -> tuple[Exchange, ...]:
    return tuple(Exchange(it.kind, it.attributes) for it in entries)


def _exporters(request: SolveRequest) -> tuple[Exchange, ...]:
    """Older clients name one, younger ones any number."""
    if request.exporters:
        return tuple(Exchange(it.kind, it.attributes) for it in request.exporters)
    return (Exchange(request.exporter, request.exporter_attributes),) if request.exporter else ()


def _usage(record: CacheRecord) -> UsageRecord:
    return UsageRecord(
        id=record.id,
        mutable=record.mutable,
        in_use=record.in_use,
        size=record.size_bytes,
        created_at=record.created_ns,
        last_used_at=record.last_used_ns,
        usage_count=record.usage_count,
        description=record.description,
        record_type=record.kind,
        shared=record.shared,
        parents=record.parents,
    )
