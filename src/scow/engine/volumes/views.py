"""A volume as the API shows it. Pure."""

import msgspec

from scow.engine.volumes.drivers import KeptVolume
from scow.engine.volumes.model import VolumeRecord
from scow.spec.engine_api.volume import Volume


def volume_view(record: VolumeRecord, kept: KeptVolume, scope: str) -> Volume:
    """What is stored of it with what its driver says."""
    return Volume(
        created_at=record.created_at or kept.created_at or msgspec.UNSET,
        driver=record.driver,
        labels=record.labels,
        mountpoint=kept.mountpoint,
        name=record.name,
        options=record.options,
        scope=scope,
        status=kept.status or msgspec.UNSET,
    )
