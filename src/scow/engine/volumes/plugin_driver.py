"""Volumes that a plugin keeps: ``/VolumeDriver.*`` of Docker's plugin protocol."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from scow.engine.volumes.claims import Claims
from scow.engine.volumes.drivers import KeptVolume
from scow.engine.volumes.model import VolumeRecord
from scow.engine.volumes.plugin_client import PluginError, call_plugin
from scow.engine.volumes.plugin_discovery import PluginAddress
from scow.errors import ScowError
from scow.image.threads import run_to_end

# A question is answered from memory; work may wait for a storage system. Docker: 60 and 120 seconds.
ASK_TIMEOUT_S = 10.0
WORK_TIMEOUT_S = 120.0


class _Volume(msgspec.Struct, rename="pascal"):
    name: str
    mountpoint: str = ""
    created_at: str = ""
    status: dict[str, Any] | None = None


class PluginDriver:
    """One plugin. ``scope`` is what it says of itself; a claim is noted before it is told of a mount."""

    def __init__(self, plugin: PluginAddress, claims: Claims, scope: str) -> None:
        self._plugin = plugin
        self._claims = claims
        self.scope = scope

    @property
    def name(self) -> str:
        return self._plugin.name

    def check(self, name: str, options: Mapping[str, str]) -> None:
        """The plugin alone knows what it takes."""

    async def create(self, record: VolumeRecord) -> None:
        body = {"Name": record.name, "Opts": record.options or {}}
        await self._call("Create", body, WORK_TIMEOUT_S)

    async def remove(self, record: VolumeRecord) -> None:
        await self._call("Remove", {"Name": record.name}, WORK_TIMEOUT_S)

    async def find(self, name: str) -> KeptVolume | None:
        try:
            answer = await self._call("Get", {"Name": name}, ASK_TIMEOUT_S)
        except PluginError:
            return None  # the protocol has no other word for "not there"
        found = answer.get("Volume")
        return _kept(found) if found else None

    async def list(self) -> Sequence[KeptVolume]:
        answer = await self._call("List", {}, ASK_TIMEOUT_S)
        return [_kept(found) for found in answer.get("Volumes") or ()]

    async def mount(self, record: VolumeRecord, user: str) -> str:
        await run_to_end(self._claims.note, record.name, user)
        body = {"Name": record.name, "ID": user}
        try:
            place = (await self._call("Mount", body, WORK_TIMEOUT_S)).get("Mountpoint")
        except PluginError:
            await run_to_end(self._claims.strike, record.name, user)
            raise
        if not isinstance(place, str) or not place.startswith("/"):
            raise ScowError(f"plugin {self.name} names no folder for volume {record.name}")
        return place

    async def unmount(self, record: VolumeRecord, user: str, *, last: bool) -> None:
        await self._call("Unmount", {"Name": record.name, "ID": user}, WORK_TIMEOUT_S)
        await run_to_end(self._claims.strike, record.name, user)

    async def _call(self, method: str, body: object, timeout_s: float) -> dict[str, Any]:
        return await call_plugin(self._plugin, f"VolumeDriver.{method}", body, timeout_s)


def _kept(found: object) -> KeptVolume:
    """Raises ScowError for what is no volume."""
    try:
        volume = msgspec.convert(found, _Volume)
    except msgspec.ValidationError as exc:
        raise ScowError(f"a volume plugin answers what is no volume: {exc}") from exc
    return KeptVolume(volume.name, volume.mountpoint, volume.created_at, volume.status or {})
