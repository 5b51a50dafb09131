"""``--set TARGET.KEY[.NAME][+]=VALUE``: what the command line says of targets."""

import fnmatch
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scow.cli.bake.fields import Fields
from scow.cli.bake.hcl_values import to_switch
from scow.errors import InvalidArgumentError

# Keys of the command line, and the fields that they are.
_LISTS = {
    "output": "output",
    "cache-to": "cache-to",
    "cache-from": "cache-from",
    "tags": "tags",
    "platform": "platforms",
    "secrets": "secret",
    "ssh": "ssh",
    "attest": "attest",
    "entitlements": "entitlements",
    "annotations": "annotations",
    "no-cache-filter": "no-cache-filter",
    "ulimits": "ulimits",
}
_MAPS = ("args", "contexts", "labels", "extra-hosts")
_TEXTS = ("context", "dockerfile", "target", "call", "network", "shm-size")
_SWITCHES = ("pull", "no-cache")


@dataclass(slots=True)
class Override:
    """``values`` are in the order of the command line; ``added`` to what the target says."""

    values: list[str]
    added: bool = False


def parse_overrides(settings: Sequence[str], targets: Sequence[str]) -> dict[str, dict[str, Override]]:
    """By target and key. Raises InvalidArgumentError in buildx's words."""
    found: dict[str, dict[str, Override]] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        added = key.endswith("+")
        pattern, *keys = key.removesuffix("+").split(".", 2)
        if not keys:
            raise InvalidArgumentError(f"invalid override key {key.removesuffix('+')}, expected target.name")
        if not equals and keys[0] != "args":
            raise InvalidArgumentError(f"invalid override {text}, expected target.name=value")
        names = _expanded(pattern, targets)
        if keys[0] in _MAPS and len(keys) != 2:
            raise InvalidArgumentError(f"invalid key {key}, {keys[0]} requires name")
        if not equals:
            if keys[1] not in os.environ:
                continue
            value = os.environ[keys[1]]
        for name in names:
            override = found.setdefault(name, {}).setdefault(".".join(keys), Override([]))
            override.values.append(value)
            override.added = added
    return found


def _expanded(pattern: str, targets: Sequence[str]) -> list[str]:
    if pattern in targets:
        return [pattern]
    found = [name for name in targets if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise InvalidArgumentError(f"could not find any target matching '{pattern}'")
    return found


def overridden(fields: Fields, overrides: Mapping[str, Override]) -> Fields:
    """``fields`` as they are then. Raises InvalidArgumentError."""
    found = dict(fields)
    for key, override in overrides.items():
        head, _, name = key.partition(".")
        last = override.values[-1]
        if head in _LISTS:
            before = found.get(_LISTS[head], []) if override.added else []
            found[_LISTS[head]] = [*before, *override.values]
        elif head in _MAPS:
            found[head] = {**found.get(head, {}), name: last}
        elif head in _TEXTS:
            found[head] = last
        elif head in _SWITCHES:
            found[head] = _switch(head, last)
        else:
            raise InvalidArgumentError(f"unknown key: {head}")
    return found


def _switch(key: str, text: str) -> bool:
    try:
        return to_switch(text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value {text} for boolean key {key}") from exc
