"""The engine put together, floor by floor."""

import uuid
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from scow.api.server.app import Services
from scow.config import Config, Runtime
from scow.daemon.build_leftovers import remove_build_leftovers
from scow.daemon.ends import Ends
from scow.daemon.life import assemble_life, reconcile
from scow.daemon.networking import open_networking
from scow.daemon.parts import Floors, Ground, Host, Storage
from scow.daemon.seldom import Seldom
from scow.daemon.services import build_services, build_system
from scow.daemon.volumes import open_volumes
from scow.engine.build_runs import BuildRuns
from scow.engine.containers.registry import Containers
from scow.engine.event_history import EventHistory
from scow.engine.events import EventBus
from scow.engine.idle import IdleExit
from scow.engine.system import System
from scow.errors import InvalidArgumentError
from scow.image.store import ImageStore
from scow.linux import cgroups
from scow.linux.binfmt_misc import HeldRegistrations
from scow.logs.drivers import validate_log_config
from scow.runtime.host_facts import read_host_facts
from scow.runtime.installed import default_runtime, installed_runtimes, mount_options
from scow.runtime.supervisor import Supervisor
from scow.store import Store
from scow.tasks import TaskOwner, end_idle_threads


class Daemon:
    """One engine, from ``open`` until the stack that it was opened on unwinds."""

    _system: System
    _seldom: Seldom

    def __init__(self, config: Config) -> None:
        self._config = config
        self._history = EventHistory(config.data_root / "events.jsonl")
        self._events = EventBus(self._history)
        self._containers: Containers | None = None
        self._store: Store | None = None

    def reload(self, read: Config) -> None:
        """Take over those settings of ``read`` that can change while the engine runs."""
        self._system.reload(read)
        self._seldom.reload(self._system.config)

    def rest(self) -> None:
        """Let threads end that have nothing to do."""
        end_idle_threads()
        if self._store is not None:
            self._store.rest()

    def is_needed(self) -> bool:
        """Whether a container is alive, or about to be."""
        return self._containers is not None and self._containers.need_the_engine

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
        ground = Ground(self._config, self._events, tasks, supervisor)
        engine_id = _engine_id(self._config.data_root)
        networking = await open_networking(self._config, engine_id, stack, storage, self._events)
        life = assemble_life(ground, storage, host, networking, idle)
        floors = Floors(ground, storage, host, networking, life)
        ends.execs, ends.exits = life.execs, life.exits
        ends.builds = runs = BuildRuns(self._config, host.facts, life.launcher, networking.networks)
        await reconcile(floors)
        remove_build_leftovers(self._config)
        self._system, self._seldom = build_system(floors, engine_id), Seldom(floors)
        return build_services(floors, self._system, self._seldom, runs)

    async def _open_storage(self, stack: AsyncExitStack) -> Storage:
        config = self._config
        self._store = store = Store(config.data_root / "scow.db")
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
        return Host(runtimes, facts, host_cgroups, HeldRegistrations())

    def _open_supervisor(self, stack: AsyncExitStack, tasks: TaskOwner) -> tuple[Supervisor, Ends]:
        ends = Ends(tasks)
        supervisor = Supervisor(self._config.exec_root, ends.report, ends.lost)
        stack.push_async_callback(supervisor.aclose, stop_reaper_if_idle=True)
        return supervisor, ends


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
