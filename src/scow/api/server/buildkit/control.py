"""The service that BuildKit's clients ask: builds, their progress, the cache and the builder itself."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from scow.api.grpc.buildkit.progress import STATUS, StatusRequest
from scow.api.grpc.server import Handler, IncomingCall, unary
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.bridge import Bridge
from scow.api.server.buildkit.bridge_calls import bridge_handlers
from scow.api.server.buildkit.client import SessionClient
from scow.api.server.buildkit.control_messages import (
    BUILDKIT_VERSION,
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
)
from scow.api.server.buildkit.front_ends import worker_records
from scow.api.server.buildkit.gateway_messages import BUILD_ID
from scow.api.server.buildkit.history import HistoryCalls
from scow.api.server.buildkit.jobs import Job, Jobs
from scow.api.server.buildkit.sessions import CallBytes, Sessions
from scow.spec.build_history import BuildRecording, ExporterEntry
from scow.spec.build_progress import BuildProgress
from scow.spec.driven_build import DrivenBuild
from scow.spec.frontend_build import (
    Built,
    CachePrune,
    CacheRecord,
    Exchange,
    FrontendBuilds,
    FrontendRequest,
)

_DOCKERFILE = "dockerfile.v0"
_VERSION = BuildkitVersion("scow", BUILDKIT_VERSION)


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
            **bridge_handlers(self._bridge),
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

        wanted = FrontendRequest(
            request.frontend_attributes,
            client,
            tell,
            _exchanges(request.cache.imports if request.cache else ()),
            request.entitlements,
            inputs=request.frontend_inputs,
            frontend=request.frontend or _DOCKERFILE,
            session_id=request.session,
        )
        async with AsyncExitStack() as stack:
            if request.frontend:
                built = await self._builds.solve(wanted)
            elif request.definition is not None and request.definition.operations:
                built = await self._builds.solve(replace(wanted, definition=request.definition))
            else:
                driven = await self._builds.driven(wanted, stack)
                built = await self._returned(driven, job, stack)
            stack.push_async_callback(built.aclose)
            response = await built.export(
                _exporters(request), _exchanges(request.cache.exports if request.cache else ())
            )
            recording.findings(built.findings)
            return response

    async def _returned(self, driven: DrivenBuild, job: Job, stack: AsyncExitStack) -> Built:
        """What the client's own front end comes to, which may ask as long as ``stack`` is open."""
        workers = worker_records(self._worker_id, self._builds.platforms())
        bridge = Bridge(driven, {}, self._builds.graph_capabilities(), workers)
        stack.push_async_callback(bridge.aclose)
        stack.callback(setattr, job, "bridge", None)
        job.bridge = bridge
        return await bridge.returned()

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

    async def _bridge(self, call: IncomingCall) -> Bridge:
        """Of the build that a call is about. Raises CallError."""
        build_id = call.metadata.get(BUILD_ID, "")
        if not build_id:
            raise CallError(Code.UNKNOWN, "no buildid found in context")
        bridge = (await self._jobs.get(build_id)).bridge
        if bridge is None:
            raise CallError(Code.UNAVAILABLE, f"no such job {build_id}")
        return bridge

    # The builder

    async def _workers(self, _request: ListWorkersRequest, _call: IncomingCall) -> ListWorkersResponse:
        found = worker_records(self._worker_id, self._builds.platforms())
        return ListWorkersResponse(tuple(replace(it, version=_VERSION) for it in found))

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
