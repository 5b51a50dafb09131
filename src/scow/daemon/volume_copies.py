"""What scow can do with volumes beyond Docker: imported when first wanted."""

from dataclasses import dataclass

from scow.daemon.users import volume_users
from scow.engine.containers.registry import Containers
from scow.engine.events import EventBus
from scow.engine.volumes.copies import VolumeCopies
from scow.engine.volumes.parts import VolumeParts
from scow.engine.volumes.snapshots import Snapshots
from scow.engine.volumes.still_data import Freezer, StillData
from scow.tasks import TaskOwner


@dataclass(frozen=True, slots=True)
class VolumeCopying:
    """Copies and snapshots of the same volumes."""

    copies: VolumeCopies
    snapshots: Snapshots


def open_copies(
    parts: VolumeParts, containers: Containers, freezer: Freezer, events: EventBus, tasks: TaskOwner
) -> VolumeCopying:
    """Both on one set of volumes, of which one at a time is being copied."""
    still = StillData(parts.use, freezer)
    snapshots = Snapshots(parts.local, parts.records, parts.use, still, events)
    copies = VolumeCopies(parts, still, snapshots, events, tasks, volume_users(containers))
    return VolumeCopying(copies, snapshots)
