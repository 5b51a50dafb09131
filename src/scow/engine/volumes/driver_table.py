"""All drivers by name: ``local``, and the plugins that implement ``VolumeDriver``.

A plugin is asked what it is when it is first wanted (``/Plugin.Activate``). What it said is remembered for
as long as it has the same address, so that the next call is one call.
"""

from collections.abc import Sequence

from scow.engine.volumes.claims import Claims
from scow.engine.volumes.drivers import VolumeDriver
from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.plugin_client import PluginError, call_plugin
from scow.engine.volumes.plugin_discovery import PluginAddress, PluginFolders
from scow.engine.volumes.plugin_driver import ASK_TIMEOUT_S, PluginDriver
from scow.errors import NotFoundError, ScowError
from scow.image.threads import run_to_end

_KIND = "VolumeDriver"


class Drivers:
    """``local`` is at hand; plugins are looked for each time."""

    def __init__(self, local: LocalDriver, folders: PluginFolders, claims: Claims) -> None:
        self.local = local
        self._folders = folders
        self._claims = claims
        self._known: dict[str, tuple[PluginAddress, PluginDriver]] = {}

    def known(self) -> list[str]:
        """Names of the drivers that have been used, or seen in a list of volumes, as Docker tells them."""
        return sorted({self.local.name, *self._known})

    async def get(self, name: str) -> VolumeDriver:
        """One driver. Raises NotFoundError with Docker's words, ScowError for a plugin that does not work."""
        if name == self.local.name:
            return self.local
        try:
            return await self._plugin(name)
        except ScowError as exc:
            exc.message = f"error looking up volume plugin {name}: {exc.message}"
            raise

    async def plugins(self) -> tuple[Sequence[VolumeDriver], Sequence[str]]:
        """All plugins that keep volumes, and what is wrong with those that cannot be asked."""
        found: list[VolumeDriver] = []
        warnings = []
        for name in await run_to_end(self._folders.names):
            try:
                found.append(await self._plugin(name))
            except NotFoundError:
                continue  # of another kind, or gone
            except ScowError as exc:
                warnings.append(exc.message)
        return found, warnings

    async def _plugin(self, name: str) -> PluginDriver:
        address = await run_to_end(self._folders.find, name)
        if (known := self._known.get(name)) and known[0] == address:
            return known[1]
        answer = await call_plugin(address, "Plugin.Activate", {}, ASK_TIMEOUT_S)
        if _KIND not in (answer.get("Implements") or ()):
            raise NotFoundError(f'plugin "{name}" not found')
        driver = PluginDriver(address, self._claims, await _scope(address))
        self._known[name] = (address, driver)
        return driver


async def _scope(address: PluginAddress) -> str:
    """What the plugin says; one of the first version says nothing, and is ``local``."""
    try:
        answer = await call_plugin(address, f"{_KIND}.Capabilities", {}, ASK_TIMEOUT_S)
    except PluginError:
        return "local"
    capabilities = answer.get("Capabilities")
    scope = capabilities.get("Scope") if isinstance(capabilities, dict) else ""
    return scope if scope in ("local", "global") else "local"
