"""What a target may say, in the order of printing: each field's kind, what becomes of two values of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scow.cli.bake.hcl_values import to_switch, to_text
from scow.errors import InvalidArgumentError

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """``read`` makes a value of what was written; ``merged`` puts a later one on an earlier one."""

    read: Callable[[Any], Any]
    merged: Callable[[Any, Any], Any]


def _text(value: Any) -> str:
    return to_text(value)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise InvalidArgumentError("list of string required")
    return [_entry(it) for it in value]


def _entry(value: Any) -> str:
    """An object, as current definitions have them, says the same as ``type=…,key=value``."""
    if not isinstance(value, dict):
        return to_text(value)
    fields = {key: it for key, it in value.items() if it is not None}
    if fields.keys() <= {"id", "paths"}:  # of an ssh agent
        paths = ",".join(map(to_text, fields.get("paths", [])))
        return to_text(fields.get("id", "default")) + (f"={paths}" if paths else "")
    first = ["type"] if "type" in fields else []
    return ",".join(f"{key}={to_text(fields[key])}" for key in [*first, *sorted(set(fields) - {"type"})])


def _map(value: Any) -> dict[str, str | None]:
    """A value of null takes the key away from what it is merged with: it is left out."""
    if not isinstance(value, dict):
        raise InvalidArgumentError("map of string required")
    return {key: None if it is None else to_text(it) for key, it in value.items()}


def _later(_earlier: Any, later: Any) -> Any:
    return later


def _both(earlier: list[str], later: list[str]) -> list[str]:
    return [*earlier, *later]


def _updated(earlier: dict[str, str | None], later: dict[str, str | None]) -> dict[str, str | None]:
    return {**earlier, **{key: it for key, it in later.items() if it is not None}}


_TEXT = Field(_text, _later)
_SWITCH = Field(to_switch, _later)
_ONE_LIST = Field(_texts, _later)
_ALL_LISTS = Field(_texts, _both)
_MAP = Field(_map, _updated)

FIELDS: dict[str, Field] = {
    "description": _TEXT,
    "inherits": _ALL_LISTS,
    "annotations": _ALL_LISTS,
    "attest": _ALL_LISTS,
    "context": _TEXT,
    "contexts": _MAP,
    "dockerfile": _TEXT,
    "dockerfile-inline": _TEXT,
    "args": _MAP,
    "labels": _MAP,
    "tags": _ONE_LIST,
    "cache-from": _ALL_LISTS,
    "cache-to": _ONE_LIST,
    "target": _TEXT,
    "secret": _ALL_LISTS,
    "ssh": _ALL_LISTS,
    "platforms": _ONE_LIST,
    "output": _ONE_LIST,
    "pull": _SWITCH,
    "no-cache": _SWITCH,
    "network": _TEXT,
    "no-cache-filter": _ALL_LISTS,
    "shm-size": _TEXT,
    "ulimits": _ALL_LISTS,
    "call": _TEXT,
    "resources": _MAP,
    "policy": _ALL_LISTS,
    "entitlements": _ALL_LISTS,
    "extra-hosts": _MAP,
}
_ESCAPED = ("dockerfile-inline", "args", "labels", "annotations", "extra-hosts")


def merged(earlier: Fields, later: Fields) -> Fields:
    """``later`` on top of ``earlier``."""
    found = dict(earlier)
    for name, value in later.items():
        kind = FIELDS[name]
        found[name] = kind.merged(found.get(name, {} if kind is _MAP else []), value)
    return found


def normalized(fields: Fields) -> Fields:
    """Each entry of a list once; of attestations, the last of each type."""
    found = {name: _once(value) if isinstance(value, list) else value for name, value in fields.items()}
    if "attest" in found:
        found["attest"] = list({_attestation(it): it for it in found["attest"]}.values())
    if "contexts" in found:
        contexts: dict[str, str | None] = fields["contexts"]
        found["contexts"] = {key: it for key, it in contexts.items() if it}
    if found.get("network") == "host":
        found["entitlements"] = _once([*found.get("entitlements", []), "network.host"])
    return found


def _once(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _attestation(text: str) -> str:
    fields = dict(it.partition("=")[::2] for it in text.split(","))
    return fields.get("type", text)


def printable(fields: Fields) -> Fields:
    """In order, without what is empty; what looks like an expression is made text again."""
    found: Fields = {}
    for name in FIELDS:
        value: Any = fields.get(name)
        if isinstance(value, dict):
            value = {key: it for key, it in sorted(value.items()) if it is not None}
        if value is None or value == "" or value == [] or value == {}:
            continue
        found[name] = _escaped(value) if name in _ESCAPED else value
    return found


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(it) for key, it in value.items()}
    if isinstance(value, list):
        return [_escaped(it) for it in value]
    return value.replace("${", "$${").replace("%{", "%%{")
