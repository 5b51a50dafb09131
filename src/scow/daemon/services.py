"""What the API calls, put together out of the engine's parts."""

from scow.api.server.app import Services
from scow.daemon.parts import Floors
from scow.daemon.seldom import Seldom
from scow.daemon.users import image_users
from scow.deferred import deferred
from scow.engine.build_runs import BuildRuns
from scow.engine.containers.create import Creation
from scow.engine.containers.service import ContainerService
from scow.engine.containers.streams import Streams
from scow.engine.containers.update import Updates
from scow.engine.containers.views.service import ContainerViews
from scow.engine.images import Images
from scow.engine.programs import Programs
from scow.engine.system import System
from scow.linux.sysinfo import read_machine_facts


def build_services(floors: Floors, system: System, seldom: Seldom, runs: BuildRuns) -> Services:
    """Those that every engine needs, and ``seldom`` ones when they are first called."""
    ground, networking, life = floors.ground, floors.networking, floors.life
    containers, volumes = floors.storage.containers, floors.storage.volumes.nouns
    images = Images(floors.storage.images, ground.events, lambda: image_users(containers))
    container_service = _container_service(floors)
    registries = deferred(lambda: seldom.registries(images))
    building = deferred(lambda: seldom.builds(images, registries, runs, system.engine_id))
    caches = deferred(lambda: building.frontend)
    copying = deferred(seldom.volume_copies)
    return Services(
        containers=container_service,
        lifecycle=life.lifecycle,
        updates=Updates(floors.host.facts, containers, life.launcher, ground.events),
        container_pruning=deferred(seldom.container_pruning),
        files=deferred(seldom.files),
        commits=deferred(seldom.commits),
        streams=Streams(containers, life.launcher, life.waits, ground.events),
        stats=deferred(seldom.stats),
        execs=life.execs,
        images=images,
        registries=registries,
        volumes=volumes,
        networks=networking.service,
        connections=networking.connections,
        port_changes=deferred(seldom.port_changes),
        explanations=deferred(seldom.explanations),
        volume_copies=deferred(lambda: copying.copies),
        volume_snapshots=deferred(lambda: copying.snapshots),
        system=system,
        disk_usage=deferred(lambda: seldom.disk_usage(images, container_service, caches)),
        checks=deferred(seldom.checks),
        prunes=deferred(lambda: seldom.prunes(images, caches)),
        builds=deferred(lambda: building.classic),
        direct_builds=deferred(lambda: building.direct),
        frontend_builds=caches,
        emulators=deferred(seldom.emulators),
        agent_folder=str(ground.config.exec_root),
        engine_id=system.engine_id,
    )


def _container_service(floors: Floors) -> ContainerService:
    ground, storage, networking, life = floors.ground, floors.storage, floors.networking, floors.life
    creation = Creation(
        ground.config,
        floors.host.facts,
        storage.containers,
        storage.images,
        storage.volumes.nouns,
        networking.networks,
        ground.events,
    )
    views = ContainerViews(
        ground.config.container_root, storage.containers, storage.images, networking.networks, life.execs
    )
    return ContainerService(
        storage.containers,
        creation,
        life.lifecycle,
        life.launcher,
        views,
        networking.names,
        ground.events,
    )


def build_system(floors: Floors, engine_id: str) -> System:
    """What tells of the engine itself."""
    host, storage = floors.host, floors.storage
    return System(
        config=floors.ground.config,
        engine_id=engine_id,
        machine=read_machine_facts(),
        cgroups=host.cgroups,
        features=host.facts.features,
        containers=storage.containers,
        images=storage.images,
        programs=Programs(host.runtimes, host.facts.init_path),
        bus=floors.ground.events,
        volume_drivers=lambda: storage.volumes.nouns.driver_names,
    )
