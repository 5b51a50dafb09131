"""The application: every request of the Engine API becomes exactly one answer here.

The request edge: whatever a handler raises becomes a status and ``{"message": …}``.
"""

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import scow
from scow.api.http.answer import Answer, Full
from scow.api.http.head import RefusedError
from scow.api.http.query import clean_path, escape_path, parse_target
from scow.api.http.request import Request
from scow.api.server.call import Call, json_answer
from scow.api.server.errors import status_of
from scow.api.server.router import Router
from scow.api.server.routes.binfmt import EmulatorService, binfmt_routes
from scow.api.server.routes.build import BuildService, build_routes
from scow.api.server.routes.buildkit import buildkit_endpoint, buildkit_routes
from scow.api.server.routes.check import CheckService, check_routes
from scow.api.server.routes.container_files import (
    CommitService,
    FileService,
    commit_routes,
    file_routes,
)
from scow.api.server.routes.container_upkeep import (
    ContainerPruneService,
    UpdateService,
    container_upkeep_routes,
)
from scow.api.server.routes.containers import ContainerService, LifecycleService, container_routes
from scow.api.server.routes.direct_build import DirectBuildService, direct_build_routes
from scow.api.server.routes.disk_usage import DiskUsageService, disk_usage_routes
from scow.api.server.routes.exec import ExecService, exec_routes
from scow.api.server.routes.images import ImageService, TransferService, image_routes
from scow.api.server.routes.networks import ConnectionService, NetworkService, network_routes
from scow.api.server.routes.plugins import plugin_routes
from scow.api.server.routes.prune import PruneService, prune_routes
from scow.api.server.routes.registry import RegistryService, registry_routes
from scow.api.server.routes.scow_ports import ExplanationService, PortChangeService, scow_port_routes
from scow.api.server.routes.stats import StatsService, stats_routes
from scow.api.server.routes.streams import StreamService, stream_routes
from scow.api.server.routes.swarm import swarm_routes
from scow.api.server.routes.system import SystemService, system_routes
from scow.api.server.routes.volume_copies import (
    SnapshotService,
    VolumeCopyService,
    volume_copy_routes,
)
from scow.api.server.routes.volumes import VolumeService, volume_routes
from scow.api.server.versions import check_version
from scow.errors import InvalidArgumentError, NotFoundError, ScowError, told_of
from scow.spec.api_version import MAX_API_VERSION

if TYPE_CHECKING:
    from scow.spec.frontend_build import FrontendBuilds

_VERSIONED = re.compile(r"/v([0-9.]+)(/.*)", re.DOTALL)

_log = logging.getLogger(__name__)


class Registries(TransferService, RegistryService, Protocol):
    """Everything that is asked of registries."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call: one object a noun."""

    containers: ContainerService
    lifecycle: LifecycleService
    updates: UpdateService
    container_pruning: ContainerPruneService
    files: FileService
    commits: CommitService
    streams: StreamService
    stats: StatsService
    execs: ExecService
    images: ImageService
    registries: Registries
    volumes: VolumeService
    volume_copies: VolumeCopyService
    volume_snapshots: SnapshotService
    networks: NetworkService
    connections: ConnectionService
    port_changes: PortChangeService
    explanations: ExplanationService
    system: SystemService
    disk_usage: DiskUsageService
    checks: CheckService
    prunes: PruneService
    builds: BuildService
    direct_builds: DirectBuildService
    frontend_builds: "FrontendBuilds"
    emulators: EmulatorService
    agent_folder: str
    """Where sockets of ssh agents are made that clients lend their builds."""
    engine_id: str


def build_app(services: Services) -> "App":
    """The application with all its routes."""
    buildkit = buildkit_endpoint(services.frontend_builds, services.agent_folder, services.engine_id)
    return App(
        Router(
            (
                *system_routes(services.system),
                *disk_usage_routes(services.disk_usage),
                *check_routes(services.checks),
                *prune_routes(services.prunes),
                *container_upkeep_routes(services.updates, services.container_pruning),
                *container_routes(services.containers, services.lifecycle),
                *file_routes(services.files),
                *commit_routes(services.commits),
                *stream_routes(services.streams),
                *stats_routes(services.stats),
                *exec_routes(services.execs),
                *image_routes(services.images, services.registries),
                *registry_routes(services.registries),
                *volume_routes(services.volumes),
                *network_routes(services.networks, services.connections),
                *scow_port_routes(services.port_changes, services.explanations),
                *build_routes(services.builds, buildkit),
                *direct_build_routes(services.direct_builds),
                *binfmt_routes(services.emulators),
                *volume_copy_routes(services.volume_copies, services.volume_snapshots),
                *buildkit_routes(buildkit),
                *swarm_routes(),
                *plugin_routes(),
            )
        )
    )


class App:
    """Answers requests by a table of routes."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.headers = {
            "Api-Version": str(MAX_API_VERSION),
            "Docker-Experimental": "false",
            "Ostype": "linux",
            "Server": f"scow/{scow.__version__} (linux)",
        }

    async def __call__(self, request: Request) -> Answer:
        try:
            return await self._dispatch(request)
        except Exception as exc:
            return error_answer(exc)

    async def _dispatch(self, request: Request) -> Answer:
        path, query = parse_target(request.head.target)
        if (cleaned := clean_path(path)) != path:
            _, mark, rest = request.head.target.partition("?")
            return Full(301, headers={"Location": escape_path(cleaned) + mark + rest})
        version_text = ""
        if found := _VERSIONED.fullmatch(path):
            version_text, path = found.groups()
        match = self._router.find(request.method, path)
        if match is None:
            raise NotFoundError("page not found")
        route, name = match
        version = check_version(version_text) if version_text else MAX_API_VERSION
        if version < route.since:
            raise InvalidArgumentError(
                f"{route.method} {route.template} requires minimum API version {route.since}"
            )
        request.must_finish = route.must_finish
        return await route.handler(Call(request, version, name, query))

    def refuse(self, error: RefusedError) -> Full:
        return error_answer(error)


def error_answer(error: Exception) -> Full:
    """The answer to a request that failed; what is none of our errors is logged, being a bug."""
    status = status_of(error)
    if status == 304:
        return Full(304)
    if not isinstance(error, ScowError):
        _log.error("unexpected error while handling a request", exc_info=error)
        return _message_answer(told_of(error), 500)
    return _message_answer(error.message, status)


def _message_answer(message: str, status: int) -> Full:
    # File names that are not UTF-8 come as surrogates, which JSON cannot have.
    return json_answer({"message": message.encode("utf-8", "replace").decode()}, status)
