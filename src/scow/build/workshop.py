"""What every front door builds with: one graph, one cache, one store of images."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scow.build.cache_transfer.mounts import MountFolders
from scow.build.execute.downloads import Downloads
from scow.build.foreign_platforms import RunnablePlatforms
from scow.build.frontend.cache_view import CacheView
from scow.build.graph.cache import Cache
from scow.build.graph.solver import Solver
from scow.build.history.records import HistoryRecords
from scow.build.trees.kept_archives import KeptArchives
from scow.build.upkeep import Upkeep
from scow.distribution.registries import Registries as RegistryDirectory
from scow.image.store import ImageStore
from scow.runtime.program_run import Ended, LeftProgram, ProgramLink, RunRequest
from scow.spec.driven_build import FrontEndServer
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.platform import Platform


class Registries(Protocol):
    """Where images come from that are not here, and where they go."""

    async def pull(
        self, image: str, tag: str, platform: str, auth: AuthConfig
    ) -> AsyncIterator[dict[str, Any]]: ...

    async def push(self, name: str, tag: str, auth: AuthConfig) -> AsyncIterator[dict[str, Any]]: ...


class LinkedPrograms(Protocol):
    """Where programs run that are talked to."""

    async def run_linked(self, request: RunRequest, link: ProgramLink) -> Ended:
        """Run to the end of the program and of all that it started; how it ended.

        Cancelling kills it. Nothing of it is left when this returns or raises. Raises
        ProgramNotStartedError, ScowError.
        """


class Containers(Protocol):
    """Where programs that have ended can be looked at."""

    async def keep(self, left: LeftProgram) -> None:
        """Have it as a container, whose image is here. Never raises ScowError."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """``folder`` is for contexts while builds go on. ``tell_image`` hears of images: id, action, name.

    ``registries`` bring the engine images and take them, ``directory`` leads to whatever else a registry has.
    ``granted_rights`` are those that clients may have programs take.
    ``mounts`` packs and fills cache mounts. ``archives`` are contexts of earlier builds. ``containers`` takes
    what programs left. ``runnable``: whose programs run here.
    ``history`` has a record of each build by BuildKit's front doors. ``programs`` runs those of front ends
    that come as images, ``front_ends`` talks to them.
    """

    images: ImageStore
    solver: Solver
    cache: Cache
    registries: Registries
    directory: RegistryDirectory
    downloads: Downloads
    folder: Path
    platform: Platform
    tell_image: Callable[[str, str, str], None]
    view: CacheView
    upkeep: Upkeep
    granted_rights: frozenset[str]
    mounts: MountFolders
    archives: KeptArchives
    containers: Containers
    runnable: RunnablePlatforms
    history: HistoryRecords
    programs: LinkedPrograms
    front_ends: FrontEndServer
