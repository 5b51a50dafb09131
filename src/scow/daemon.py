"""scowd: the one place where the daemon is put together. Nothing imports this module."""

import scow.without_openssl  # before anything else

# isort: split
import asyncio
import gc
import grp
import ipaddress
import logging
import os
import resource
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import scow
from scow import log
from scow.api.http.listeners import open_listeners
from scow.api.http.server import Server
from scow.api.server.app import Services, build_app
from scow.config import Config, Runtime, load
from scow.deferred import deferred
from scow.engine.containers.commit import Commits
from scow.engine.containers.create import Creation
from scow.engine.containers.document import HELD_PARTS, Documents
from scow.engine.containers.exits import Exits
from scow.engine.containers.file_systems import FileSystems
from scow.engine.containers.files import Files
from scow.engine.containers.health_monitor import HealthMonitors
from scow.engine.containers.held_parts import release_all_parts
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.oom import OomWatch
from scow.engine.containers.pruning import ContainerPruning
from scow.engine.containers.recover import EXIT_UNKNOWN, Recovery, surviving_endpoints
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.sampling import Sampling
from scow.engine.containers.sandbox import Sandboxes
from scow.engine.containers.service import ContainerService
from scow.engine.containers.streams import Streams
from scow.engine.containers.update import Updates
from scow.engine.containers.waits import Waits
from scow.engine.containers.watchers import Watchers
from scow.engine.disk_usage import DiskUsages
from scow.engine.event_history import EventHistory
from scow.engine.events import EventBus
from scow.engine.execs import Execs
from scow.engine.idle import IdleExit
from scow.engine.images import Images
from scow.engine.networks import Member, Networks
from scow.engine.pidfile import PidFile
from scow.engine.programs import Programs
from scow.engine.pruning import Pruning
from scow.engine.reload import waiting
from scow.engine.rest import Rest
from scow.engine.system import System
from scow.engine.volumes import Volumes
from scow.errors import InvalidArgumentError, ScowError
from scow.image.model import ImageUser
from scow.image.store import ImageStore
from scow.linux import cgroups
from scow.linux.allocator import give_back_free_memory, use_one_arena
from scow.linux.cgroups import Cgroup, CgroupHost
from scow.linux.sysinfo import read_machine_facts
from scow.logs.drivers import validate_log_config
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.default_bridge import default_options, default_subnet
from scow.network.host import HostNetwork
from scow.network.ipam import DEFAULT_POOLS, SubnetPool
from scow.runtime.host_facts import HostFacts, read_host_facts
from scow.runtime.installed import default_runtime, installed_runtimes, mount_options
from scow.runtime.oci_runtime import OciRuntime
from scow.runtime.supervisor import Exited, Supervisor
from scow.store import Store
from scow.tasks import TaskOwner, run_blocking

if TYPE_CHECKING:
    from ssl import SSLContext

    from scow.engine.registries import RegistryClient

_log = logging.getLogger(__name__)


def console() -> None:
    """The ``scowd`` command."""
    try:
        config = load(sys.argv[1:], os.environ)
    except ScowError as exc:
        sys.exit(f"scowd: {exc}")
    use_one_arena()
    _raise_file_limit()
    log.configure(config.log_level)
    pidfile = PidFile(config.pidfile)
    try:
        pidfile.acquire()
    except ScowError as exc:
        sys.exit(f"scowd: {exc}")
    try:
        asyncio.run(_run(config))
    except (ScowError, OSError) as exc:
        _log.debug("start failed", exc_info=exc)
        sys.exit(f"scowd: failed to start daemon: {exc}")
    finally:
        pidfile.release()


def _raise_file_limit() -> None:
    """A client, a published port, a running container: each is a descriptor or more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _run(config: Config) -> None:
    """Serve until told to leave, by signal or by idleness."""
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave.set)
    async with AsyncExitStack() as stack:
        daemon = Daemon(config)
        idle = IdleExit(config.idle_exit_s or None, daemon.is_needed, leave.set)
        services = await daemon.open(stack, idle)
        loop.add_signal_handler(signal.SIGHUP, _reload, config, daemon)
        rest = Rest(give_back_free_memory)

        def clients_changed(present: bool) -> None:
            idle.clients_changed(present)
            rest.clients_changed(present)

        server = Server(build_app(services), on_activity=clients_changed)
        stack.callback(_remove_sockets, config.hosts)
        stack.push_async_callback(server.aclose)
        await server.listen(_listeners(config, secured=False))
        await server.listen(_listeners(config, secured=True), _tls_context(config))
        # What is alive now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        give_back_free_memory()
        idle.start()
        _log.info("API listens on %s", ", ".join(config.hosts))
        await leave.wait()
        _log.info("leaving; containers run on")


def _reload(config: Config, daemon: "Daemon") -> None:
    """Read the configuration again. One that is wrong is told in the log, and nothing changes."""
    try:
        read = load(sys.argv[1:], os.environ)
    except ScowError as exc:
        _log.error("the configuration is not reloaded: %s", exc)
        return
    for name in waiting(config, read):
        _log.warning("the new %s takes effect at the next start", name)
    log.configure(read.log_level)
    daemon.system.reload(read)
    _log.info("the configuration is reloaded")


def _listeners(config: Config, *, secured: bool) -> list[socket.socket]:
    """TLS, where it is on, is for what comes by TCP."""
    gid = _group_id(config.group)
    return [
        sock
        for address in config.hosts
        if secured == (config.tls is not None and address.startswith("tcp://"))
        for sock in open_listeners(address, gid=gid, inherited=config.inherited_sockets)
    ]


def _tls_context(config: Config) -> "SSLContext | None":
    if config.tls is None:
        return None
    from scow.api.http.tls_context import server_context

    files = config.tls
    return server_context(files.ca if files.verify else None, files.certificate, files.key)


def _remove_sockets(hosts: Iterable[str]) -> None:
    """Leave no socket behind that nobody answers; the pid file is still ours, so no other scowd made them."""
    for address in hosts:
        if address.startswith("unix://"):
            Path(address.removeprefix("unix://")).unlink(missing_ok=True)


def _group_id(name: str) -> int | None:
    """The group that may use the socket; the default one need not exist."""
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        _log.warning("group %s does not exist: the socket is for root only", name)
        return None


@dataclass(frozen=True, slots=True)
class _Storage:
    """What outlives the engine: documents, images, volumes."""

    store: Store
    containers: Containers
    images: ImageStore
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class _Host:
    """What the machine offers."""

    runtimes: dict[str, OciRuntime]
    facts: HostFacts
    cgroups: CgroupHost


@dataclass(frozen=True, slots=True)
class _Networking:
    """The networks of the API and the driver of the default one."""

    networks: Networks
    bridge: BridgeDriver | None


@dataclass(frozen=True, slots=True)
class _Life:
    """Who moves a container from one state to the next."""

    launcher: Launcher
    waits: Waits
    execs: Execs
    removal: Removal
    exits: Exits
    lifecycle: Lifecycle


class Daemon:
    """The engine's parts and how they hang together, floor by floor. ``system`` is there once it is open."""

    system: System

    def __init__(self, config: Config) -> None:
        self._config = config
        self._history = EventHistory(config.data_root / "events.jsonl")
        self._events = EventBus(self._history)
        self._containers: Containers | None = None

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
        networking = await self._open_networking(stack, storage)
        life = self._assemble_life(storage, host, networking, supervisor, tasks, idle)
        ends.execs, ends.exits = life.execs, life.exits
        await self._reconcile(storage, life, supervisor, tasks)
        return self._services(storage, host, networking, life, tasks)

    async def _open_storage(self, stack: AsyncExitStack) -> _Storage:
        config = self._config
        store = Store(config.data_root / "scow.db")
        stack.push_async_callback(store.aclose)
        containers = Containers(store)
        containers.load()
        images = await ImageStore.open(config.data_root, store, config.storage_driver)
        users = _volume_users(containers)
        volumes = Volumes(config.data_root / "volumes", store, self._events, users)
        volumes.load()
        return _Storage(store, containers, images, volumes)

    async def _read_host(self) -> _Host:
        config, host_cgroups = self._config, cgroups.detect()
        runtimes = installed_runtimes(config.runtimes, config.exec_root, host_cgroups)
        default = await default_runtime(config.default_runtime, runtimes)
        found = {name: Runtime(one.program, one.options) for name, one in runtimes.items()}
        self._config = replace(config, runtimes=found, default_runtime=default)
        facts = read_host_facts(config.init_path, await mount_options(runtimes[default]))
        return _Host(runtimes, facts, host_cgroups)

    def _open_supervisor(self, stack: AsyncExitStack, tasks: TaskOwner) -> tuple[Supervisor, "_Ends"]:
        ends = _Ends(tasks)
        supervisor = Supervisor(self._config.exec_root, ends.report, ends.lost)
        stack.push_async_callback(supervisor.aclose, stop_reaper_if_idle=True)
        return supervisor, ends

    async def _open_networking(self, stack: AsyncExitStack, storage: _Storage) -> _Networking:
        config, containers = self._config, storage.containers
        networks = Networks(storage.store, lambda: _members(containers))
        await networks.load()
        host = HostNetwork(ip=config.ip, rules=config.iptables)
        stack.callback(host.close)
        bridge = await _open_bridge(config, host, networks.id_of("bridge"))
        if bridge is not None:
            await bridge.start(surviving_endpoints(containers))
            subnet = bridge.settings.ipv4
            assert subnet is not None
            networks.describe_bridge(
                subnet=str(subnet.network),
                gateway=str(subnet.gateway),
                options=default_options(
                    config.bridge, icc=config.icc, masquerade=config.ip_masq, ip=config.ip, mtu=config.mtu
                ),
            )
        return _Networking(networks, bridge)

    def _assemble_life(
        self,
        storage: _Storage,
        host: _Host,
        networking: _Networking,
        supervisor: Supervisor,
        tasks: TaskOwner,
        idle: IdleExit,
    ) -> _Life:
        containers, events, waits = storage.containers, self._events, Waits()
        watchers = Watchers()
        release_all_parts(self._config.exec_root / HELD_PARTS)
        launcher = Launcher(
            root=self._container_root,
            bundles=self._bundles,
            documents=Documents(self._config, host.facts, containers),
            containers=containers,
            images=storage.images,
            sandboxes=Sandboxes(containers, networking.bridge),
            supervisor=supervisor,
            runtimes=host.runtimes,
            cgroups=host.cgroups,
            events=events,
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
            storage.volumes,
            launcher,
            execs,
            waits,
            events,
        )
        exits = Exits(containers, launcher, removal, waits, events, tasks)
        stop_timeout_s = self._config.default_stop_timeout_s
        lifecycle = Lifecycle(containers, launcher, removal, waits, events, stop_timeout_s)
        return _Life(launcher, waits, execs, removal, exits, lifecycle)

    async def _reconcile(
        self, storage: _Storage, life: _Life, supervisor: Supervisor, tasks: TaskOwner
    ) -> None:
        recovery = Recovery(
            self._container_root,
            self._bundles,
            storage.containers,
            storage.images,
            life.launcher,
            life.removal,
            life.exits,
            tasks,
        )
        await recovery.recover(await supervisor.start())
        await recovery.apply_restart_policies()

    def _open_registries(self, images: ImageStore, nouns: Images, tasks: TaskOwner) -> "RegistryClient":
        # Many engines never pull: 0.8 MB.
        from scow.engine.registries import RegistryClient
        from scow.image.remote.downloads import Downloads
        from scow.image.remote.endpoints import RegistrySettings
        from scow.image.remote.pull import Puller
        from scow.image.remote.push import Pusher
        from scow.image.remote.registries import Registries

        config = self._config
        settings = RegistrySettings(mirrors=config.registry_mirrors, insecure=config.insecure_registries)
        registries = Registries(settings, f"scow/{scow.__version__}")
        downloads = Downloads(config.data_root / "tmp" / "downloads", config.max_concurrent_downloads, tasks)
        return RegistryClient(
            registries,
            Puller(registries, downloads, images, images.origins),
            Pusher(registries, images, images.origins, config.max_concurrent_uploads),
            images,
            os.uname().machine,
            nouns.tell,
        )

    def _services(
        self, storage: _Storage, host: _Host, networking: _Networking, life: _Life, tasks: TaskOwner
    ) -> Services:
        config, events = self._config, self._events
        containers, images, volumes = storage.containers, storage.images, storage.volumes
        networks, launcher, execs = networking.networks, life.launcher, life.execs
        creation = Creation(config, host.facts, containers, images, volumes, networks, events)
        nouns = Images(images, events, lambda: _image_users(containers))
        service = ContainerService(
            self._container_root,
            containers,
            creation,
            life.lifecycle,
            launcher,
            images,
            networks,
            execs,
            events,
        )
        self.system = System(
            config=config,
            engine_id=_engine_id(config.data_root),
            machine=read_machine_facts(),
            cgroups=host.cgroups,
            features=host.facts.features,
            containers=containers,
            images=images,
            programs=Programs(host.runtimes, host.facts.init_path),
            bus=events,
        )
        file_systems = FileSystems(self._container_root, containers, images)
        return Services(
            containers=service,
            lifecycle=life.lifecycle,
            updates=Updates(host.facts, containers, launcher, events),
            container_pruning=ContainerPruning(containers, life.lifecycle, images, events),
            files=Files(containers, images, file_systems, events, tasks),
            commits=Commits(containers, images, life.lifecycle, events),
            streams=Streams(containers, launcher, life.waits, events),
            stats=Sampling(
                containers,
                lambda doc: Cgroup(host.cgroups, launcher.documents.cgroup_path(doc)),
                host.facts.machine,
                tasks,
            ),
            execs=execs,
            images=nouns,
            registries=deferred(lambda: self._open_registries(images, nouns, tasks)),
            volumes=volumes,
            networks=networks,
            system=self.system,
            disk_usage=DiskUsages(images, nouns, service, volumes),
            prunes=Pruning(images, nouns, events),
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


class _Ends:
    """Gives the news of an ended process to whose it was. The supervisor is there before its owners."""

    def __init__(self, tasks: TaskOwner) -> None:
        self._tasks = tasks
        self.execs: Execs
        self.exits: Exits

    def report(self, ended: Exited) -> None:
        """Called by the supervisor, which speaks only after its ``start``."""
        owner = self.execs if ended.key in self.execs else self.exits
        self._tasks.start(owner.exited(ended), name=f"exit of {ended.key[:12]}")

    def lost(self, keys: Iterable[str]) -> None:
        """The reaper died: nobody will ever learn how these end, so for the engine they have ended now."""
        for key in keys:
            self.report(Exited(key, EXIT_UNKNOWN, time.time_ns()))


async def _open_bridge(config: Config, host: HostNetwork, network_id: str) -> BridgeDriver | None:
    """The default bridge, not started; None for ``--bridge none``."""
    if config.bridge == "none":
        return None
    pools = tuple(
        SubnetPool(ipaddress.ip_network(pool.base), pool.size) for pool in config.default_address_pools
    )
    subnet = await run_blocking(
        default_subnet,
        config.bridge,
        bip=config.bip,
        fixed_cidr=config.fixed_cidr,
        pools=pools or DEFAULT_POOLS,
    )
    settings = BridgeSettings(
        name=config.bridge,
        network_id=network_id,
        ipv4=subnet,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq,
        ip_forward=config.ip_forward,
    )
    return BridgeDriver(settings, host)


def _members(containers: Containers) -> Iterator[Member]:
    for live in containers:
        if live.doc.alive:
            yield Member(live.doc.id, live.doc.name, list(live.doc.networks), live.doc.endpoint)


def _image_users(containers: Containers) -> Iterator[ImageUser]:
    for live in containers:
        yield ImageUser(live.doc.id, live.doc.image_id, live.doc.alive)


def _volume_users(containers: Containers) -> Callable[[str], list[str]]:
    def users(name: str) -> list[str]:
        return [
            doc.id
            for doc in containers.documents()
            if any(record.type == "volume" and record.name == name for record in doc.mounts)
        ]

    return users


def _engine_id(data_root: Path) -> str:
    """A random name for this data root, made once."""
    path = data_root / "engine-id"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.write_text(f"{uuid.uuid4()}\n")
        return path.read_text().strip()
