"""``scow buildx install`` and ``uninstall``: whether ``builder`` is another name of ``buildx``."""

import os

from scow.cli.command import Command, no_arguments
from scow.cli.settings_file import read_settings, write_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_DEPRECATED = (
    "Command \"{}\" is deprecated, use '{program} buildx' directly, without relying on the "
    "'{program} builder' alias"
)
_ALIAS = "builder"


def _install(invocation: "Invocation", _flags: "Flags") -> None:
    """Docker's command line then takes ``builder`` for ``buildx``, as this program always does."""
    invocation.err.line(_DEPRECATED.format("install", program=invocation.program))
    path = _path(invocation)
    values = read_settings(path)
    aliases = values.get("aliases")
    values["aliases"] = {**(aliases if isinstance(aliases, dict) else {}), _ALIAS: "buildx"}
    write_settings(path, values)


def _uninstall(invocation: "Invocation", _flags: "Flags") -> None:
    """No error if it was never installed."""
    invocation.err.line(_DEPRECATED.format("uninstall", program=invocation.program))
    path = _path(invocation)
    values = read_settings(path)
    aliases = values.get("aliases")
    if not isinstance(aliases, dict) or _ALIAS not in aliases:
        return
    del aliases[_ALIAS]
    if not aliases:
        del values["aliases"]
    write_settings(path, values)


def _path(invocation: "Invocation") -> str:
    return os.path.join(invocation.config_directory, "config.json")


INSTALL = Command(_install, "", "Install buildx as a 'docker builder' alias", arguments=no_arguments)
UNINSTALL = Command(_uninstall, "", "Uninstall the 'docker builder' alias", arguments=no_arguments)
