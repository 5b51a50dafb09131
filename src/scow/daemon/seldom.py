"""Services that many engines are never asked for. Each is imported when it is first wanted: 1 MB in all."""

import os
from typing import TYPE_CHECKING

from scow.config import Config
from scow.daemon.parts import Floors
from scow.engine.build_runs import BuildRuns
from scow.engine.containers.service import ContainerService
from scow.engine.containers.standstill import Standstill
from scow.engine.images import Images
from scow.linux.cgroups import Cgroup
from scow.spec.platform import host_platform

if TYPE_CHECKING:
    from scow.build.emulators.service import EmulatorService
    from scow.daemon.builds import Building
    from scow.daemon.volume_copies import VolumeCopying
    from scow.engine.build_cache import BuildCaches
    from scow.engine.checks import Checks
    from scow.engine.containers.commit import Commits
    from scow.engine.containers.files import Files
    from scow.engine.containers.port_changes import PortChanges
    from scow.engine.containers.pruning import ContainerPruning
    from scow.engine.containers.sampling import Sampling
    from scow.engine.disk_usage import DiskUsages
    from scow.engine.explanations import Explanations
    from scow.engine.pruning import Pruning
    from scow.engine.registries import RegistryClient


class Seldom:
    """Makes them out of the engine's parts; ``deferred`` says when."""

    def __init__(self, floors: Floors) -> None:
        self._config = floors.ground.config
        self._events = floors.ground.events
        self._tasks = floors.ground.tasks
        self._storage = floors.storage
        self._host = floors.host
        self._networks = floors.networking.networks
        self._life = floors.life
        self._containers = floors.storage.containers
        self._standstill = Standstill(self._containers, floors.life.lifecycle)
        self._registries: RegistryClient | None = None

    def registries(self, nouns: Images) -> "RegistryClient":
        """What pulls, pushes, logs in and searches."""
        from scow.daemon.registries import open_registries

        self._registries = open_registries(self._config, self._storage.images, nouns.tell, self._tasks)
        return self._registries

    def reload(self, config: Config) -> None:
        """What is made from now on, and registries that are in use, take the settings of ``config``."""
        self._config = config
        if self._registries is not None:
            from scow.daemon.registries import reconfigure

            reconfigure(self._registries, config)

    def builds(
        self, nouns: Images, registries: "RegistryClient", runs: BuildRuns, engine_id: str
    ) -> "Building":
        """What builds images."""
        from scow.daemon.builds import EngineParts, open_builds
        from scow.engine.build_containers import BuildContainers

        storage = self._storage
        containers = BuildContainers(
            self._config,
            self._host.facts,
            storage.containers,
            storage.images,
            self._networks,
            self._events,
        )
        engine = EngineParts(nouns, registries, runs, containers, self._host.interpreters, engine_id)
        return open_builds(self._config, storage, engine, self._tasks)

    def files(self) -> "Files":
        """``docker cp`` and its kin."""
        from scow.engine.containers.file_systems import FileSystems
        from scow.engine.containers.files import Files

        images = self._storage.images
        file_systems = FileSystems(
            self._config.container_root, self._containers, images, self._storage.volumes.use
        )
        return Files(self._containers, images, file_systems, self._events, self._tasks)

    def commits(self) -> "Commits":
        """``docker commit``."""
        from scow.engine.containers.commit import Commits

        return Commits(self._containers, self._storage.images, self._standstill, self._events)

    def stats(self) -> "Sampling":
        """``docker stats``."""
        from scow.engine.containers.sampling import Sampling

        documents = self._life.launcher.documents
        return Sampling(
            self._containers,
            lambda doc: Cgroup(self._host.cgroups, documents.cgroup_path(doc)),
            self._host.facts.machine,
            self._tasks,
        )

    def container_pruning(self) -> "ContainerPruning":
        """``docker container prune``."""
        from scow.engine.containers.pruning import ContainerPruning

        return ContainerPruning(self._containers, self._life.lifecycle, self._storage.images, self._events)

    def prunes(self, nouns: Images, caches: "BuildCaches") -> "Pruning":
        """``docker image prune``, ``docker builder prune``."""
        from scow.engine.pruning import Pruning

        return Pruning(self._storage.images, nouns, self._events, caches)

    def disk_usage(self, nouns: Images, containers: ContainerService, caches: "BuildCaches") -> "DiskUsages":
        """``docker system df``."""
        from scow.engine.disk_usage import DiskUsages

        return DiskUsages(self._storage.images, nouns, containers, self._storage.volumes.nouns, caches)

    def checks(self) -> "Checks":
        """``scow system check``."""
        from scow.engine.checks import Checks

        return Checks(self._config.container_root, self._storage.images, self._containers)

    def emulators(self) -> "EmulatorService":
        """``scow binfmt``."""
        from scow.build.emulators.service import EmulatorService

        return EmulatorService(host_platform(os.uname().machine), self._host.interpreters)

    def port_changes(self) -> "PortChanges":
        """``scow port add`` and ``rm``."""
        from scow.engine.containers.port_changes import PortChanges

        return PortChanges(self._containers, self._networks, self._events)

    def explanations(self) -> "Explanations":
        """``scow network explain``."""
        from scow.engine.explanations import Explanations

        return Explanations(self._containers, self._networks)

    def volume_copies(self) -> "VolumeCopying":
        """What scow can do with volumes beyond Docker."""
        from scow.daemon.volume_copies import open_copies

        volumes = self._storage.volumes
        return open_copies(volumes, self._containers, self._standstill, self._events, self._tasks)
