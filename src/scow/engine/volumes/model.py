"""What is stored of a volume."""

import msgspec

DEFAULT_DRIVER = "local"
"""Who keeps a volume when nobody else was asked for."""


class SnapshotRecord(msgspec.Struct, kw_only=True, omit_defaults=True, rename="pascal"):
    """One snapshot of a volume; ``created_at`` is RFC 3339."""

    created_at: str
    labels: dict[str, str] = {}


class VolumeRecord(msgspec.Struct, kw_only=True, omit_defaults=True, rename="pascal"):
    """The document of one volume. ``created_at`` is RFC 3339, "" where only its driver knows.

    ``doomed``: it is being filled for the first time, or being removed; start-up removes what is left of it.
    ``renamed_from``: its folder may still have that name; start-up moves it.
    """

    name: str
    driver: str = DEFAULT_DRIVER
    created_at: str = ""
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    snapshots: dict[str, SnapshotRecord] = {}
    doomed: bool = False
    renamed_from: str = ""
