"""``--set TARGET.KEY[.NAME][+]=VALUE``: what the command line says of targets."""

import fnmatch
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scow.cli.bake.destinations import csv_of, loaded, pushed
from scow.cli.bake.fields import Fields
from scow.cli.bake.hcl_values import to_switch
from scow.cli.options.csv_fields import split_fields
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
    "policy": "policy",
}
_MAPS = ("args", "contexts", "labels", "extra-hosts", "resources")
_NAMED = (*_MAPS, "secret")
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
        if keys[0] in _NAMED and len(keys) != 2:
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
        elif head == "secret":
            found["secret"] = _secret_replaced(found.get("secret", []), name, last)
        elif head == "push":
            found["output"] = pushed(found.get("output", []), wanted=_switch(head, last))
        elif head == "load":
            found["output"] = loaded(found.get("output", []), wanted=_switch(head, last))
        elif head in _TEXTS:
            found[head] = last
        elif head in _SWITCHES:
            found[head] = _switch(head, last)
        else:
            raise InvalidArgumentError(f"unknown key: {head}")
    return found


def _secret_replaced(secrets: list[str], name: str, value: str) -> list[str]:
    """One that the target has, from elsewhere. Raises InvalidArgumentError."""
    if csv_of(value).get("id", name) != name:
        raise InvalidArgumentError(
            f'secret override id "{csv_of(value)["id"]}" does not match declared secret "{name}"'
        )
    if not any(csv_of(text).get("id") == name for text in secrets):
        raise InvalidArgumentError(f'secret "{name}" must be declared before it can be overridden')
    text = ",".join([f"id={name}", *(it for it in split_fields(value) if not it.startswith("id="))])
    return [text if csv_of(it).get("id") == name else it for it in secrets]


def _switch(key: str, text: str) -> bool:
    try:
        return to_switch(text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value {text} for boolean key {key}") from exc
