"""What a definition would do to this machine, and whether the person who runs it has said that it may.

A definition may come from anywhere. What it reads and writes below the working directory is granted; so is
what the command line itself says of a target (``--set``). Everything else is asked for before anything is
built. The words and keys are those of buildx (docs.docker.com/build/bake/entitlements).
"""

import os
from collections.abc import Iterable, Iterator, Mapping

from scow.cli.bake.destinations import csv_of
from scow.cli.bake.fields import Fields
from scow.cli.bake.local_paths import (
    existing_part,
    is_below,
    local_inputs,
    outermost,
    secret_paths,
    shown_path,
)
from scow.cli.bake.overrides import Override
from scow.cli.building.outputs import LOCAL_DELETE
from scow.cli.options.csv_fields import split_fields
from scow.errors import InvalidArgumentError

_SWITCHES = {
    "network.host": "Running build containers that can access host network",
    "security.insecure": "Running privileged containers that can make system changes",
    "device": "Access to CDI devices",
    LOCAL_DELETE: "Deleting stale files from local output destinations",
    "ssh": "Forwarding default SSH agent socket",
}
"""Keys without a value, and what each lets a build do, in the order of asking."""
_OF_FILES = ("ssh", "fs", "fs.read", "fs.write")
"""Keys that BUILDX_BAKE_ENTITLEMENTS_FS is about."""
_IMAGE_KEYS = ("image", "image.push", "image.load")
_ANY = "*"


class Entitlements:
    """Rights, given or asked for: switches by key, devices by name, and paths."""

    __slots__ = ("devices", "reads", "switches", "writes")

    def __init__(self) -> None:
        self.switches: set[str] = set()
        self.devices: set[str] = set()
        self.reads: list[str] = []
        self.writes: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.switches or self.devices or self.reads or self.writes)


def parse_allowed(texts: Iterable[str]) -> Entitlements:
    """``--allow``, and the working directory. Raises InvalidArgumentError in buildx's words."""
    found = Entitlements()
    for text in texts:
        key, equals, value = text.partition("=")
        if key == LOCAL_DELETE and equals:
            raise InvalidArgumentError(f"{LOCAL_DELETE} does not accept a value")
        if key in _SWITCHES and not value:
            found.switches.add(key)
        elif key == "device":
            found.devices.add(_device(value))
        elif key in ("fs", "fs.read", "fs.write"):
            found.reads += [value] if key != "fs.write" else []
            found.writes += [value] if key != "fs.read" else []
        elif key not in _IMAGE_KEYS:
            raise InvalidArgumentError(f'unknown entitlement key "{key}"')
    found.reads.append(os.getcwd())
    found.writes.append(os.getcwd())
    return found


def grant_overridden(given: Entitlements, fields: Fields, overrides: Mapping[str, Override]) -> None:
    """What ``--set`` says of a target is what the person at the command line wants: adds it to ``given``."""
    secrets = set()
    for key, override in overrides.items():
        head, _, name = key.partition(".")
        if head == "cache-from":
            given.reads += _local_caches(fields, "cache-from", "src")
        elif head == "cache-to":
            given.writes += _local_caches(fields, "cache-to", "dest")
        elif head == "output":
            given.writes += _destinations(fields)
        elif head == "ssh":
            given.reads += _agents(fields)[1]
        elif head == "entitlements":
            given.switches |= set(override.values) & {"network.host", "security.insecure"}
        elif head == "secret":
            secrets.add(name)
        elif head == "secrets":
            secrets |= {csv_of(text).get("id", "") for text in override.values}
    given.reads += [path for name, path in secret_paths(fields) if name in secrets]


def missing(given: Entitlements, targets: Iterable[Fields]) -> Entitlements:
    """What the targets need and nobody has given. Raises InvalidArgumentError, OSError."""
    asked, reads, writes = Entitlements(), set[str](), set[str]()
    for fields in targets:
        _add_switches(asked, fields)
        default_agent, agents = _agents(fields)
        asked.switches |= {"ssh"} if default_agent else set()
        reads |= {*local_inputs(fields), *agents, *(path for _, path in secret_paths(fields))}
        reads |= set(_local_caches(fields, "cache-from", "src"))
        writes |= {*_local_caches(fields, "cache-to", "dest"), *_destinations(fields)}
    asked.switches -= given.switches
    asked.devices = set() if "device" in given.switches else asked.devices - given.devices
    asked.reads = _not_below(reads, given.reads)
    asked.writes = _not_below(writes, given.writes)
    return asked


def _add_switches(asked: Entitlements, fields: Fields) -> None:
    for text in fields.get("entitlements", []):
        key, _, value = text.partition("=")
        if key == "device" and value:
            asked.devices.add(_device(value))
        elif key in ("network.host", "security.insecure", "device"):
            asked.switches.add(key)
    for output in _outputs(fields):
        if output.get("type") == "local" and output.get("mode") == "delete":
            asked.switches.add(LOCAL_DELETE)


def _not_below(paths: set[str], granted: Iterable[str]) -> list[str]:
    if _ANY in (granted := list(granted)):
        return []
    parents = [os.path.realpath(path) for path in granted]
    wanted = [path for path in paths if not _is_granted(os.path.realpath(path), parents)]
    return sorted(outermost(existing_part(path) for path in wanted))


def _is_granted(path: str, parents: list[str]) -> bool:
    return any(is_below(path, parent) for parent in parents)


def told(asked: Entitlements) -> tuple[list[str], list[str]]:
    """What is asked for, a line each, and the options that give it."""
    lines, options = [], []
    for key, value, line in _asked_for(asked):
        lines.append(f" - {line}")
        options.append(f"--allow={key}" + (f"={value}" if value else ""))
    return lines, options


def is_of_files_only(asked: Entitlements) -> bool:
    """Whether nothing but files and the agent is asked for, which may be let pass."""
    return all(key in _OF_FILES for key, _, _ in _asked_for(asked))


def asks_for_files(asked: Entitlements) -> bool:
    """Whether files or the agent are among what is asked for."""
    return any(key in _OF_FILES for key, _, _ in _asked_for(asked))


def _asked_for(asked: Entitlements) -> Iterator[tuple[str, str, str]]:
    for key, line in _SWITCHES.items():
        if key in asked.switches:
            yield key, "", line
        if key == "device":
            for name in sorted(asked.devices):
                yield "device", name, f"Access to device {name}"
    both = [path for path in asked.reads if path in asked.writes]
    for key, what, paths in (
        ("fs", "Read and write access", both),
        ("fs.read", "Read access", [it for it in asked.reads if it not in both]),
        ("fs.write", "Write access", [it for it in asked.writes if it not in both]),
    ):
        for path in paths:
            shown = shown_path(path)
            yield key, shown, f"{what} to path {shown}"


def _device(text: str) -> str:
    """``kind|name,alias=…``: the first says which."""
    return split_fields(text)[0]


def _outputs(fields: Fields) -> list[dict[str, str]]:
    return [
        csv_of(text) if "=" in text else {"type": "tar" if text == "-" else "local", "dest": text}
        for text in fields.get("output", [])
    ]


def _destinations(fields: Fields) -> list[str]:
    """Files and folders that results are written to."""
    kinds = ("local", "tar", "oci", "docker")
    found = [it.get("dest", "") for it in _outputs(fields) if it.get("type") in kinds]
    return [path for path in found if path and path != "-"]


def _local_caches(fields: Fields, name: str, key: str) -> list[str]:
    caches = [csv_of(text) for text in fields.get(name, [])]
    return [it[key] for it in caches if it.get("type") == "local" and it.get(key)]


def _agents(fields: Fields) -> tuple[bool, list[str]]:
    """Whether the agent of the environment is wanted, and the paths of others (and of keys)."""
    default, paths = False, []
    for text in fields.get("ssh", []):
        _, _, rest = text.partition("=")
        paths += [it for it in rest.split(",") if it]
        default |= not rest
    return default, paths
