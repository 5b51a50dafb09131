"""Who moves containers from one state to the next, put together, and their first act: to reconcile."""

from scow.daemon.parts import Floors, Ground, Host, Life, Networking, Storage
from scow.engine.containers.document import HELD_PARTS, Documents
from scow.engine.containers.exits import Exits
from scow.engine.containers.health_monitor import HealthMonitors
from scow.engine.containers.held_parts import release_all_parts
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.log_forwarding import LogForwarding
from scow.engine.containers.oom import OomWatch
from scow.engine.containers.recovery.due_starts import DueStarts
from scow.engine.containers.recovery.leftovers import Leftovers
from scow.engine.containers.recovery.reconcile import Recovery
from scow.engine.containers.removal import Removal
from scow.engine.containers.sandbox import Sandboxes
from scow.engine.containers.waits import Waits
from scow.engine.containers.watchers import Watchers
from scow.engine.execs import Execs
from scow.engine.idle import IdleExit


def assemble_life(
    ground: Ground, storage: Storage, host: Host, networking: Networking, idle: IdleExit
) -> Life:
    """Nothing moves yet."""
    config, events, tasks = ground.config, ground.events, ground.tasks
    containers, waits, watchers = storage.containers, Waits(), Watchers()
    release_all_parts(config.exec_root / HELD_PARTS)
    launcher = _launcher(ground, storage, host, networking, watchers)
    execs = Execs(containers, launcher, events)
    watchers.add(HealthMonitors(containers, execs, events, tasks).update)
    watchers.add(OomWatch(containers, launcher, events, tasks).update)
    watchers.add(lambda _live: idle.state_changed())
    removal = Removal(
        config.container_root,
        containers,
        storage.images,
        storage.volumes.nouns,
        launcher,
        execs,
        waits,
        events,
    )
    exits = Exits(containers, launcher, removal, waits, events, tasks)
    lifecycle = Lifecycle(containers, launcher, removal, waits, events, config.default_stop_timeout_s)
    return Life(launcher, waits, execs, removal, exits, lifecycle)


def _launcher(
    ground: Ground, storage: Storage, host: Host, networking: Networking, watchers: Watchers
) -> Launcher:
    config, containers = ground.config, storage.containers
    forwarding = LogForwarding(config.container_root, ground.tasks)
    watchers.add(forwarding.update)
    return Launcher(
        root=config.container_root,
        bundles=config.bundle_root,
        documents=Documents(config, host.facts, containers),
        containers=containers,
        images=storage.images,
        volumes=storage.volumes.use,
        sandboxes=Sandboxes(containers, networking.networks, networking.connector, networking.host_gateways),
        supervisor=ground.supervisor,
        runtimes=host.runtimes,
        cgroups=host.cgroups,
        events=ground.events,
        forwarding=forwarding,
        status_changed=watchers,
        interpreters=host.interpreters,
    )


async def reconcile(floors: Floors) -> None:
    """From what an earlier engine left, and what runs, to what its documents say."""
    config, storage, life = floors.ground.config, floors.storage, floors.life
    containers = storage.containers
    recovery = Recovery(
        Leftovers(config.container_root, config.bundle_root, containers, storage.images),
        containers,
        life.launcher,
        floors.networking.connections,
        life.removal,
        life.exits,
    )
    await recovery.recover(await floors.ground.supervisor.start())
    await storage.volumes.use.release_unused()
    DueStarts(containers, life.launcher, floors.ground.tasks).begin()
