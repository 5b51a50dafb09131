"""Who keeps volumes: the ``local`` driver, and what speaks Docker's volume plugin protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from scow.engine.volumes.model import VolumeRecord


@dataclass(frozen=True, slots=True)
class KeptVolume:
    """A volume as its driver knows it. ``mountpoint`` is "" where it is nowhere now."""

    name: str
    mountpoint: str = ""
    created_at: str = ""
    status: dict[str, Any] = field(default_factory=dict)


class VolumeDriver(Protocol):
    """One keeper of volumes. Calls for one volume do not overlap; everything raises ScowError.

    ``mount`` may be called again by another user before the first has unmounted; ``unmount`` says whether
    it was the last.
    """

    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> str:
        """``local``, or ``global`` if every node of a cluster has the same volumes."""

    def check(self, name: str, options: Mapping[str, str]) -> None:
        """Whether such a volume can be made. Raises InvalidArgumentError."""

    async def create(self, record: VolumeRecord) -> None: ...

    async def remove(self, record: VolumeRecord) -> None: ...

    async def find(self, name: str) -> KeptVolume | None: ...

    async def list(self) -> Sequence[KeptVolume]: ...

    async def mount(self, record: VolumeRecord, user: str) -> str:
        """Make the data available to ``user``; returns where it is."""

    async def unmount(self, record: VolumeRecord, user: str, *, last: bool) -> None: ...
