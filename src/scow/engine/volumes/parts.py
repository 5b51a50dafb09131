"""What the volumes are made of."""

from dataclasses import dataclass

from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.registry import VolumeRecords
from scow.engine.volumes.service import Volumes
from scow.engine.volumes.use import VolumeUse


@dataclass(frozen=True, slots=True)
class VolumeParts:
    """``records`` of all volumes, where ``local`` ones are, the ``use`` of each, and the API's ``nouns``."""

    records: VolumeRecords
    local: LocalDriver
    use: VolumeUse
    nouns: Volumes
