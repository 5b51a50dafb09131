"""The volumes with their drivers, repaired after what became of the last engine."""

from pathlib import Path

from scow.config import Config
from scow.daemon.users import volume_users
from scow.engine.containers.mounts.volumes import volume_names
from scow.engine.containers.registry import Containers
from scow.engine.events import EventBus
from scow.engine.volumes.claims import Claims
from scow.engine.volumes.driver_table import Drivers
from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.parts import VolumeParts
from scow.engine.volumes.plugin_discovery import PluginFolders
from scow.engine.volumes.registry import VolumeRecords
from scow.engine.volumes.repair import repair_folders
from scow.engine.volumes.service import Volumes
from scow.engine.volumes.use import VolumeUse
from scow.store import Store
from scow.tasks import run_blocking

# Docker's folders and our own; programs that install themselves for Docker are found too.
_SOCKET_FOLDERS = (Path("/run/docker/plugins"),)
_DESCRIPTION_FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/etc/scow/plugins",
        "/usr/lib/scow/plugins",
        "/etc/docker/plugins",
        "/usr/lib/docker/plugins",
    )
)


async def open_volumes(config: Config, store: Store, containers: Containers, events: EventBus) -> VolumeParts:
    """All volumes there are; ``VolumeUse.release_unused`` is to follow when it is known who runs."""
    records = VolumeRecords(store)
    doomed = records.load()
    claims = Claims(config.exec_root / "volume-claims")
    folders = PluginFolders((config.exec_root / "plugins", *_SOCKET_FOLDERS), _DESCRIPTION_FOLDERS)
    drivers = Drivers(LocalDriver(config.data_root / "volumes"), folders, claims)
    use = VolumeUse(records, drivers, claims, lambda container_id: _runs(containers, container_id))
    for live in containers:
        for name in volume_names(live.doc) if live.doc.alive else ():
            use.adopt(name, live.doc.id)
    for record in await run_blocking(repair_folders, drivers.local, list(records), doomed):
        await records.store(record)
    volumes = Volumes(records, drivers, use, events, volume_users(containers))
    await volumes.finish_removals(doomed)
    return VolumeParts(records, drivers.local, use, volumes)


def _runs(containers: Containers, container_id: str) -> bool:
    live = containers.by_id(container_id)
    return live is not None and live.doc.alive
