"""What builds images. Many engines never build: most of it is imported when first wanted."""

import os
from dataclasses import dataclass
from pathlib import Path

from scow.api.server.buildkit.history_forms import BuildkitForms
from scow.build.cache_transfer.mounts import MountFolders
from scow.build.execute.cache_mounts import CacheMounts
from scow.build.execute.downloads import Downloads
from scow.build.execute.run_step import RunPlaces
from scow.build.execute.steps import Steps
from scow.build.foreign_platforms import RunnablePlatforms
from scow.build.frontend.cache_view import CacheView
from scow.build.frontend.direct import DirectBuilds
from scow.build.frontend.service import FrontendService
from scow.build.graph.cache import Cache
from scow.build.graph.solver import Solver
from scow.build.history.records import HistoryRecords
from scow.build.llb.capabilities import CAPABILITIES
from scow.build.service import Builds
from scow.build.trees.kept_archives import KeptArchives
from scow.build.upkeep import Upkeep, stock_policies
from scow.build.workshop import Workshop
from scow.config import Config
from scow.daemon.parts import Storage
from scow.deferred import deferred
from scow.distribution.proxies import Proxies
from scow.engine.build_containers import BuildContainers
from scow.engine.build_runs import BuildRuns
from scow.engine.images import Images
from scow.engine.registries import RegistryClient
from scow.linux.binfmt_misc import HeldRegistrations
from scow.spec.driven_build import FrontEndServer
from scow.spec.frontend_build import CachePrune
from scow.spec.platform import host_platform
from scow.store import Store
from scow.tasks import TaskOwner


@dataclass(frozen=True, slots=True)
class Building:
    """The front doors to one graph and one cache."""

    classic: Builds
    frontend: FrontendService
    direct: DirectBuilds


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What the engine does for builds: ``runs`` runs programs, ``containers`` has what they left.

    ``nouns`` is told of every image; ``interpreters`` run programs of other machines.
    """

    nouns: Images
    registries: RegistryClient
    runs: BuildRuns
    containers: BuildContainers
    interpreters: HeldRegistrations
    engine_id: str


def open_builds(config: Config, storage: Storage, engine: EngineParts, tasks: TaskOwner) -> Building:
    """``tasks`` owns the work that builds share."""
    shop = _workshop(config, storage, engine, tasks)
    frontend = FrontendService(shop)
    digests = config.data_root / "build" / "digests"
    return Building(Builds(shop), frontend, DirectBuilds(frontend, shop.folder, digests, shop.archives))


def _workshop(config: Config, storage: Storage, engine: EngineParts, tasks: TaskOwner) -> Workshop:
    folder = config.data_root / "tmp" / "builds"
    images, registries = storage.images, engine.registries
    cache = Cache(storage.store, images)
    downloads = Downloads(
        folder / "downloads", Proxies(config.http_proxy, config.https_proxy, config.no_proxy)
    )
    mounts = CacheMounts(cache_mounts_of(config))
    platform = host_platform(os.uname().machine)
    runnable = RunnablePlatforms(platform, engine.interpreters)
    places = RunPlaces(mounts, config.exec_root / "build", runnable)
    archives = KeptArchives(config.data_root / "build" / "contexts")
    view = CacheView(cache, mounts, archives, images, config.data_root)
    return Workshop(
        images,
        Solver(images, cache, Steps(images, cache, engine.runs, places, downloads, folder), tasks),
        cache,
        registries,
        registries.registries,
        downloads,
        folder,
        platform,
        engine.nouns.tell,
        view,
        Upkeep(_policies(config), view.prune, tasks),
        granted_rights=config.builder.granted,
        mounts=MountFolders(cache_mounts_of(config)),
        archives=archives,
        containers=engine.containers,
        runnable=runnable,
        history=_history(config, storage.store),
        programs=engine.runs,
        front_ends=deferred(lambda: _front_ends(engine.engine_id)),
    )


def _history(config: Config, store: Store) -> HistoryRecords:
    folder = config.data_root / "build" / "history"
    return HistoryRecords(store, folder, config.builder.history, BuildkitForms())


def _front_ends(engine_id: str) -> FrontEndServer:
    """What talks to front ends that come as images: gRPC is loaded for the first of them."""
    from scow.api.server.buildkit.front_ends import ImageFrontEnds

    return ImageFrontEnds(engine_id, CAPABILITIES)


def cache_mounts_of(config: Config) -> Path:
    """The folder that cache mounts are in."""
    return config.data_root / "build" / "cache-mounts"


def _policies(config: Config) -> tuple[CachePrune, ...]:
    """By which the cache is kept small, none where that is turned off."""
    builder = config.builder
    if not builder.gc:
        return ()
    if builder.policies is not None:
        return builder.policies
    return stock_policies(
        config.data_root, builder.reserved_bytes, builder.max_used_bytes, builder.min_free_bytes
    )
