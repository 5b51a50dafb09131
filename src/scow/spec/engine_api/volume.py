"""Volumes."""

from typing import Any

import msgspec

from scow.spec.engine_api.body import Body


class VolumeCreate(Body, kw_only=True):
    """The body of ``POST /volumes/create``; an empty name is chosen by the engine."""

    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] = {}
    labels: dict[str, str] = {}


class VolumeUsage(Body, kw_only=True):
    """Bytes in a volume, and how many containers mount it."""

    size: int
    ref_count: int


class Volume(Body, kw_only=True):
    """A volume as create, inspect and list show it.

    ``usage_data`` in disk usage only, ``status`` of a plugin that says something of it.
    """

    created_at: str | msgspec.UnsetType = msgspec.UNSET
    driver: str
    labels: dict[str, str] | None
    mountpoint: str
    name: str
    options: dict[str, str] | None
    scope: str = "local"
    status: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    usage_data: VolumeUsage | msgspec.UnsetType = msgspec.UNSET


class VolumeList(Body, kw_only=True):
    """The answer of ``GET /volumes``."""

    volumes: list[Volume] = []
    warnings: list[str] | None = None


class VolumePrune(Body, kw_only=True):
    """The answer of ``POST /volumes/prune``; bytes."""

    volumes_deleted: list[str] = msgspec.field(default_factory=list)
    space_reclaimed: int = 0


class VolumeClone(Body, kw_only=True):
    """The body of ``POST /scow/volumes/{name}/clone``: the new volume's name, and labels of its own."""

    name: str = ""
    labels: dict[str, str] = {}
    pause: bool = True


class SnapshotCreate(Body, kw_only=True):
    """The body of ``POST /scow/volumes/{name}/snapshots``; an empty name is chosen by the engine."""

    name: str = ""
    labels: dict[str, str] = {}
    pause: bool = True


class VolumeSnapshot(Body, kw_only=True):
    """A snapshot as create and list show it."""

    volume: str
    name: str
    created_at: str
    labels: dict[str, str] | None
