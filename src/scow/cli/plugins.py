"""Command line plugins: programs ``docker-<name>`` in certain folders, each of them one more command.

A plugin answers ``docker-cli-plugin-metadata`` with JSON that says who made it, and is run with the whole
command line, global options included.
"""

import json
import os
import re

from scow.cli.go_values import quote
from scow.cli.tree import NOUNS, TOP_LEVEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.invocation import Invocation

_PREFIX = "docker-"
_METADATA = "docker-cli-plugin-metadata"
_ORIGINAL_COMMAND = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"
_SCHEMA_VERSION = "0.1.0"
_NAME = re.compile("[a-z][a-z0-9]*", re.ASCII)
_SYSTEM_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_ANSWER_S = 10
"""How long a plugin may take to say what it is."""


class Plugin:
    """One that was found; with a ``problem`` it cannot be run."""

    __slots__ = ("about", "name", "path", "problem")

    def __init__(self, name: str, path: str, *, about: str = "", problem: str = "") -> None:
        self.name = name
        self.path = path
        self.about = about
        self.problem = problem


def replace_by_plugin(invocation: "Invocation", name: str) -> None:
    """Become the plugin of that name; return when there is none that can be run."""
    if not _NAME.fullmatch(name):
        return
    paths = (os.path.join(folder, _PREFIX + name) for folder in _folders(invocation))
    path = next((path for path in paths if os.path.exists(path)), "")
    if not path or _examine(name, path).problem:
        return
    environment = {**os.environ, _ORIGINAL_COMMAND: invocation.program}
    os.execve(path, [path, *invocation.argv], environment)


def list_plugins(invocation: "Invocation") -> list[Plugin]:
    """All of them by name; the first folder that has a name counts."""
    found: dict[str, str] = {}
    for folder in _folders(invocation):
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(_PREFIX) and (entry.is_symlink() or entry.is_file()):
                found.setdefault(entry.name.removeprefix(_PREFIX), entry.path)
    return [_examine(name, found[name]) for name in sorted(found)]


def _folders(invocation: "Invocation") -> list[str]:
    own = os.path.join(invocation.config_directory, "cli-plugins")
    return [*invocation.config.texts("cliPluginsExtraDirs"), own, *_SYSTEM_FOLDERS]


def _examine(name: str, path: str) -> Plugin:
    try:
        metadata = _metadata(name, path)
    except ValueError as exc:
        return Plugin(name, path, problem=str(exc))
    return Plugin(name, path, about=str(metadata.get("ShortDescription") or ""))


def _metadata(name: str, path: str) -> "dict[str, Any]":
    """What the plugin says of itself. Raises ValueError with the reason why it cannot be used."""
    if not _NAME.fullmatch(name):
        raise ValueError(f'plugin candidate {quote(name)} did not match "^[a-z][a-z0-9]*$"')
    if name in NOUNS or name in TOP_LEVEL:
        raise ValueError(f"plugin {quote(name)} duplicates builtin command")
    answer = _ask(path)
    try:
        metadata = json.loads(answer)
    except ValueError as exc:
        raise ValueError(f"invalid metadata: {exc}") from exc
    if not isinstance(metadata, dict):
        raise ValueError("invalid metadata: no JSON object")
    version = metadata.get("SchemaVersion") or ""
    if version != _SCHEMA_VERSION:
        raise ValueError(
            f"plugin SchemaVersion {quote(str(version))} is not valid, must be {_SCHEMA_VERSION}"
        )
    if not metadata.get("Vendor"):
        raise ValueError("plugin metadata does not define a vendor")
    return metadata


def _ask(path: str) -> bytes:
    import subprocess

    try:
        return subprocess.run(
            [path, _METADATA],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_ANSWER_S,
            check=True,
        ).stdout
    except subprocess.CalledProcessError as exc:
        raise ValueError(f"failed to fetch metadata: exit status {exc.returncode}") from exc
    except subprocess.TimeoutExpired as exc:
        raise ValueError(f"failed to fetch metadata: no answer in {_ANSWER_S} s") from exc
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise ValueError(f"failed to fetch metadata: fork/exec {path}: {reason}") from exc
