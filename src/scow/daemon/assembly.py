"""The engine's parts and how they hang together, floor by floor."""

import uuid
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from scow.api.server.app import Services
from scow.config import Config, Runtime
from scow.daemon.build_leftovers import remove_build_leftovers
from scow.daemon.ends import Ends
from scow.daemon.networking import open_networking
from scow.daemon.parts import Host, Life, Networking, Storage
from scow.daemon.seldom import Seldom
from scow.daemon.users import image_users
from scow.daemon.volumes import open_volumes
from scow.deferred import deferred
from scow.engine.build_runs import BuildRuns
from scow.engine.containers.create import Creation
from scow.engine.containers.document import HELD_PARTS, Documents
from scow.engine.containers.exits import Exits
from scow.engine.containers.health_monitor import HealthMonitors
from scow.engine.containers.held_parts import release_all_parts
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.log_forwarding import LogForwarding
from scow.engine.containers.oom import OomWatch
from scow.engine.containers.recover import Recovery
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.sandbox import Sandboxes
from scow.engine.containers.service import ContainerService
from scow.engine.containers.streams import Streams
from scow.engine.containers.update import Updates
from scow.engine.containers.waits import Waits
from scow.engine.containers.watchers import Watchers
from scow.engine.event_history import EventHistory
from scow.engine.events import EventBus
from scow.engine.execs import Execs
from scow.engine.idle import IdleExit
from scow.engine.images import Images
from scow.engine.programs import Programs
from scow.engine.system import System
from scow.errors import InvalidArgumentError
from scow.image.store import ImageStore
from scow.linux import cgroups
from scow.linux.sysinfo import read_machine_facts
from scow.logs.drivers import validate_log_config
from scow.runtime.host_facts import read_host_facts
from scow.runtime.installed import default_runtime, installed_runtimes, mount_options
from scow.runtime.supervisor import Supervisor
from scow.store import Store
from scow.tasks import TaskOwner


class Daemon:
    """The engine's parts and how they hang together, floor by floor. ``system`` is there once it is open."""

    system: System

    def __init__(self, config: Config) -> None:
        self._config = config
        self._history = EventHistory(config.data_root / "events.jsonl")
        self._events = EventBus(self._history)
        self._containers: Containers | None = None

    def reload(self, read: Config) -> None:
        """Take over those settings of ``read`` that can change while the engine runs."""
        self.system.reload(read)
        self._seldom.reload(self.system.config)

    def is_needed(self) -> bool:
        """Whether a container is alive, or about to be."""
        return any(live.doc.alive or live.restart_timer for live in self._containers or ())

    async def open(self, stack: AsyncExitStack, idle: IdleExit) -> Services:
        """Open everything in order, reconcile with what runs, and return what the API calls."""
        _check_logging(self._config)
        for directory in (self._config.data_root, self._config.exec_root):
            directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._history.load()
        stack.push_async_callback(self._history.aclose)
        tasks = await stack.enter_async_context(TaskOwner("engine"))
        storage = await self._open_storage(stack)
        self._containers = storage.containers
        host = await self._read_host()
        supervisor, ends = self._open_supervisor(stack, tasks)
        networking = await open_networking(
            self._config,
            _engine_id(self._config.data_root),
            stack,
            storage,
            self._container_root,
            self._events,
        )
        life = self._assemble_life(storage, host, networking, supervisor, tasks, idle)
        ends.execs, ends.exits = life.execs, life.exits
        ends.builds = runs = BuildRuns(self._config, host.facts, life.launcher, networking.networks)
        await self._reconcile(storage, networking, life, supervisor, tasks)
        remove_build_leftovers(self._config)
        return self._services(storage, host, networking, life, runs, tasks)

    async def _open_storage(self, stack: AsyncExitStack) -> Storage:
        config = self._config
        store = Store(config.data_root / "scow.db")
        stack.push_async_callback(store.aclose)
        containers = Containers(store)
        containers.load()
        images = await ImageStore.open(config.data_root, store, config.storage_driver, config.storage_opts)
        stack.push_async_callback(images.aclose)
        volumes = await open_volumes(config, store, containers, self._events)
        return Storage(store, containers, images, volumes)

    async def _read_host(self) -> Host:
        config, host_cgroups = self._config, cgroups.detect()
        runtimes = installed_runtimes(config.runtimes, config.exec_root, host_cgroups)
        default = await default_runtime(config.default_runtime, runtimes)
        found = {name: Runtime(one.program, one.options) for name, one in runtimes.items()}
        self._config = replace(config, runtimes=found, default_runtime=default)
        facts = read_host_facts(config.init_path, await mount_options(runtimes[default]))
        return Host(runtimes, facts, host_cgroups)

    def _open_supervisor(self, stack: AsyncExitStack, tasks: TaskOwner) -> tuple[Supervisor, Ends]:
        ends = Ends(tasks)
        supervisor = Supervisor(self._config.exec_root, ends.report, ends.lost)
        stack.push_async_callback(supervisor.aclose, stop_reaper_if_idle=True)
        return supervisor, ends

    def _assemble_life(
        self,
        storage: Storage,
        host: Host,
        networking: Networking,
        supervisor: Supervisor,
        tasks: TaskOwner,
        idle: IdleExit,
    ) -> Life:
        containers, events, waits = storage.containers, self._events, Waits()
        watchers = Watchers()
        release_all_parts(self._config.exec_root / HELD_PARTS)
        forwarding = LogForwarding(self._container_root, tasks)
        watchers.add(forwarding.update)
        launcher = Launcher(
            root=self._container_root,
            bundles=self._bundles,
            documents=Documents(self._config, host.facts, containers),
            containers=containers,
            images=storage.images,
            volumes=storage.volumes.use,
            sandboxes=Sandboxes(
                containers, networking.networks, networking.connector, networking.host_gateways
            ),
            supervisor=supervisor,
            runtimes=host.runtimes,
            cgroups=host.cgroups,
            events=events,
            forwarding=forwarding,
            status_changed=watchers,
        )
        execs = Execs(containers, launcher, events)
        watchers.add(HealthMonitors(containers, execs, events, tasks).update)
        watchers.add(OomWatch(containers, launcher, events, tasks).update)
        watchers.add(lambda _live: idle.state_changed())
        removal = Removal(
            self._container_root,
            containers,
            storage.images,
            storage.volumes.nouns,
            launcher,
            execs,
            waits,
            events,
        )
        exits = Exits(containers, launcher, removal, waits, events, tasks)
        stop_timeout_s = self._config.default_stop_timeout_s
        lifecycle = Lifecycle(containers, launcher, removal, waits, events, stop_timeout_s)
        return Life(launcher, waits, execs, removal, exits, lifecycle)

    async def _reconcile(
        self, storage: Storage, networking: Networking, life: Life, supervisor: Supervisor, tasks: TaskOwner
    ) -> None:
        recovery = Recovery(
            self._container_root,
            self._bundles,
            storage.containers,
            storage.images,
            life.launcher,
            networking.connections,
            life.removal,
            life.exits,
            tasks,
        )
        await recovery.recover(await supervisor.start())
        await storage.volumes.use.release_unused()
        await recovery.apply_restart_policies()

    def _services(
        self,
        storage: Storage,
        host: Host,
        networking: Networking,
        life: Life,
        runs: BuildRuns,
        tasks: TaskOwner,
    ) -> Services:
        config, events = self._config, self._events
        containers, images, volumes = storage.containers, storage.images, storage.volumes.nouns
        networks, launcher, execs = networking.networks, life.launcher, life.execs
        creation = Creation(config, host.facts, containers, images, volumes, networks, events)
        nouns = Images(images, events, lambda: image_users(containers))
        service = ContainerService(
            self._container_root,
            containers,
            creation,
            life.lifecycle,
            launcher,
            images,
            networks,
            networking.names,
            execs,
            events,
        )
        engine_id = _engine_id(config.data_root)
        self.system = System(
            config=config,
            engine_id=engine_id,
            machine=read_machine_facts(),
            cgroups=host.cgroups,
            features=host.facts.features,
            containers=containers,
            images=images,
            programs=Programs(host.runtimes, host.facts.init_path),
            bus=events,
            volume_drivers=lambda: storage.volumes.nouns.driver_names,
        )
        self._seldom = seldom = Seldom(config, storage, networking, life, events, tasks)
        registries = deferred(lambda: seldom.registries(nouns))
        building = deferred(lambda: seldom.builds(nouns, registries, runs, host.facts))
        caches = deferred(lambda: building.frontend)
        copying = deferred(seldom.volume_copies)
        return Services(
            containers=service,
            lifecycle=life.lifecycle,
            updates=Updates(host.facts, containers, launcher, events),
            container_pruning=deferred(seldom.container_pruning),
            files=deferred(seldom.files),
            commits=deferred(seldom.commits),
            streams=Streams(containers, launcher, life.waits, events),
            stats=deferred(lambda: seldom.stats(host)),
            execs=execs,
            images=nouns,
            registries=registries,
            volumes=volumes,
            networks=networking.service,
            connections=networking.connections,
            port_changes=deferred(seldom.port_changes),
            explanations=deferred(seldom.explanations),
            volume_copies=deferred(lambda: copying.copies),
            volume_snapshots=deferred(lambda: copying.snapshots),
            system=self.system,
            disk_usage=deferred(lambda: seldom.disk_usage(nouns, service, caches)),
            checks=deferred(seldom.checks),
            prunes=deferred(lambda: seldom.prunes(nouns, caches)),
            builds=deferred(lambda: building.classic),
            direct_builds=deferred(lambda: building.direct),
            frontend_builds=caches,
            agent_folder=str(config.exec_root),
            engine_id=engine_id,
        )

    @property
    def _container_root(self) -> Path:
        return self._config.data_root / "containers"

    @property
    def _bundles(self) -> Path:
        return self._config.exec_root / "bundles"


def _check_logging(config: Config) -> None:
    """Every container without a log driver of its own would be refused for a wrong default."""
    try:
        validate_log_config(config.log_driver, config.log_opts)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"failed to set log opts: {exc.message}") from exc


def _engine_id(data_root: Path) -> str:
    """A random name for this data root, made once."""
    path = data_root / "engine-id"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.write_text(f"{uuid.uuid4()}\n")
        return path.read_text().strip()
