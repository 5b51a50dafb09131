"""All mounts of a new container, put together: whose comes first, and who gives way to whom. Pure.

Mounts of other containers (``--volumes-from``) give way to its own, and what the image declares as a volume
to everything else. Two of the container's own at one place are an error.
"""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from scow.engine.containers.model import MountRecord
from scow.engine.containers.mounts.points import (
    check_destination,
    from_mount,
    parse_bind,
    parse_volumes_from,
)
from scow.engine.volumes.model import DEFAULT_DRIVER
from scow.engine.volumes.names import ANONYMOUS_LABEL, new_name
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import HostConfig, VolumeOptions
from scow.spec.engine_api.volume import VolumeCreate


@dataclass(frozen=True, slots=True)
class MountSet:
    """``volumes`` are to be made, or found, before the container; anonymous ones have their names already."""

    records: list[MountRecord] = field(default_factory=list)
    volumes: list[VolumeCreate] = field(default_factory=list)


def settle(
    host: HostConfig, volumes: Sequence[str], donated: Callable[[str], Sequence[MountRecord]]
) -> MountSet:
    """All mounts of a container but those of ``--tmpfs``, which stay in its HostConfig.

    ``volumes`` are the destinations of the image and of ``Config.Volumes``: they become anonymous volumes
    where nothing else is mounted. ``donated`` gives the mounts of another container by its name or id.
    Raises InvalidArgumentError, also for a destination named twice.
    """
    in_memory = {posixpath.normpath(path) for path in (host.tmpfs or {})}
    own: dict[str, MountRecord] = {}
    wanted: list[VolumeCreate] = []
    for record, options in _own(host):
        if record.destination in own or record.destination in in_memory:
            raise InvalidArgumentError(f"Duplicate mount point: {record.destination}")
        own[record.destination] = record
        if record.type == "volume":
            # Docker shows every volume of our own making as one that others may have too.
            record.mode = record.mode or ("z" if record.driver in ("", DEFAULT_DRIVER) else "")
            wanted.append(_volume(record, options))
    everything = {record.destination: record for record in _borrowed(host, donated)} | own
    for path in volumes:
        # A Dockerfile may name a volume by a relative path; it counts from the root, as a mount does.
        destination = check_destination("/" + path, 'invalid mount config for type "volume": ')
        if destination not in everything and destination not in in_memory:
            driver = host.volume_driver
            record = MountRecord(type="volume", driver=driver, destination=destination, anonymous=True)
            wanted.append(_volume(record, None))
            everything[destination] = record
    return MountSet(list(everything.values()), wanted)


def _own(host: HostConfig) -> list[tuple[MountRecord, VolumeOptions | None]]:
    found: list[tuple[MountRecord, VolumeOptions | None]] = []
    found += [(parse_bind(text, host.volume_driver), None) for text in host.binds or ()]
    found += [(from_mount(mount), mount.volume_options) for mount in host.mounts or ()]
    return found


def _volume(record: MountRecord, options: VolumeOptions | None) -> VolumeCreate:
    """What to ask the volumes for; an anonymous one is named here, to be in use from the first moment on."""
    labels = dict(options.labels) if options else {}
    if record.anonymous:
        record.name = new_name()
        labels.setdefault(ANONYMOUS_LABEL, "")
    driver = options.driver_config if options else None
    return VolumeCreate(
        name=record.name,
        driver=record.driver,
        driver_opts=driver.options if driver else {},
        labels=labels,
    )


def _borrowed(host: HostConfig, donated: Callable[[str], Sequence[MountRecord]]) -> list[MountRecord]:
    """Copies of other containers' mounts; what is in memory only is nobody else's."""
    found = []
    for text in host.volumes_from or ():
        ref, writable = parse_volumes_from(text)
        found += [_copy(record, writable) for record in donated(ref) if record.type in ("bind", "volume")]
    return found


def _copy(record: MountRecord, writable: bool) -> MountRecord:
    kept = [option for option in record.options if option != "nocopy"]
    return msgspec.structs.replace(
        record,
        mode="",
        writable=record.writable and writable,
        # Filled by its first container, if at all.
        options=[*kept, "nocopy"] if record.type == "volume" else kept,
        create_source=record.type == "bind",
        from_mounts=False,
    )
