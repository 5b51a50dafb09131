"""The API documents of the Docker engine as data: which operations a version has, and what their answers are.

Read from ``tests/contract/engine_api.json``, which ``scripts/derive-api-schemas`` writes. The schemas are the
part of OpenAPI 2.0 that those documents use. They are not exact: a member that is not there at all is
no fault unless it is listed as required, and nobody wrote down which lists may be null.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

_FILE = Path(__file__).parents[1] / "contract/engine_api.json"
_REFERENCE = "#/definitions/"
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@functools.cache
def _documents() -> dict[str, Any]:
    documents: dict[str, Any] = json.loads(_FILE.read_text())
    return documents


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _at(history: dict[str, Any], version: str) -> Any:
    """What ``version`` says: what the latest document up to it says. None: nothing."""
    found = None
    for since, value in history.items():
        if _number(since) <= _number(version):
            found = value
    return found


def operations(version: str) -> dict[str, Schema]:
    """``GET /containers/{id}/json`` to its ``parameters`` and ``responses`` (schemas by status)."""
    entries = _documents()["operations"].items()
    return {name: value for name, history in entries if (value := _at(history, version)) is not None}


class ApiDocument:
    """The document of one version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.operations = operations(version)

    def definition(self, name: str) -> Schema:
        """The schema of that name, as of this version."""
        schema: Schema | None = _at(_documents()["definitions"][name], self.version)
        assert schema is not None, f"{name} is not defined in {self.version}"
        return schema

    def flat(self, schema: Schema) -> Schema:
        """``schema`` without references and compositions at its top."""
        return self._flat(schema, "")[0]

    def faults(self, schema: Schema, value: Any) -> list[str]:
        """Where ``value`` is not as ``schema`` says: ``Definition.Member: what is wrong`` each."""
        return list(dict.fromkeys(fault for _, _, fault in self._walk(schema, value, "") if fault))

    def members(self, schema: Schema, value: Any) -> dict[str, set[str]]:
        """Each place in ``value``, named by ``schema``, with the types that stand there."""
        found: dict[str, set[str]] = {}
        for place, kind, _ in self._walk(schema, value, ""):
            found.setdefault(place, set()).add(kind)
        return found

    def _walk(self, schema: Schema, value: Any, place: str) -> Iterator[tuple[str, str, str]]:
        """Place, type and fault (or nothing) of ``value`` and of everything in it."""
        schema, place = self._flat(schema, place)
        kind = schema.get("type", "object" if "properties" in schema else "")
        yield place, _type_name(value), _fault_at(schema, kind, value, place)
        if isinstance(value, list) and kind == "array":
            for item in value:
                yield from self._walk(schema.get("items", {}), item, f"{place}[]")
        elif isinstance(value, dict) and kind == "object":
            yield from self._walk_object(schema, value, place)

    def _walk_object(
        self, schema: Schema, value: dict[str, Any], place: str
    ) -> Iterator[tuple[str, str, str]]:
        members = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{place}.{name}", "", f"{place}.{name}: missing"
        for name, item in value.items():
            if name in members:
                yield from self._walk(members[name], item, f"{place}.{name}")
            elif isinstance(others, dict):
                yield from self._walk(others, item, f"{place}{{}}")
            else:
                unknown = f"{place}.{name}: not in the document" if members else ""
                yield f"{place}.{name}", _type_name(item), unknown

    def _flat(self, schema: Schema, place: str) -> tuple[Schema, str]:
        """``schema`` without reference and composition. Places are named from the innermost definition."""
        nullable = False
        while reference := schema.get("$ref"):
            nullable = nullable or bool(schema.get("x-nullable"))
            place = reference.removeprefix(_REFERENCE)
            schema = self.definition(place)
        if parts := schema.get("allOf"):
            whole: Schema = {key: item for key, item in schema.items() if key != "allOf"}
            for part in parts:
                flat, inner = self._flat(part, place)
                place = inner if len(parts) == 1 else place
                whole = _joined(whole, flat)
            schema = whole
        return (schema | {"x-nullable": True} if nullable else schema), place


def _joined(one: Schema, other: Schema) -> Schema:
    properties = {**one.get("properties", {}), **other.get("properties", {})}
    required = [*one.get("required", ()), *other.get("required", ())]
    joined = other | one
    return (
        joined
        | ({"properties": properties} if properties else {})
        | ({"required": required} if required else {})
    )


def _fault_at(schema: Schema, kind: str, value: Any, place: str) -> str:
    if value is None:
        return f"{place}: null" if kind and not schema.get("x-nullable") else ""
    if kind and not _is(value, kind):
        return f"{place}: {_type_name(value)} instead of {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place}: {value!r} is none of {schema['enum']}"
    return ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return next(name for name, types in _TYPES.items() if isinstance(value, types))


@functools.cache
def members_of_any_version() -> dict[str, frozenset[str]]:
    """Members that each definition has had in one version or another."""
    found: dict[str, set[str]] = {}
    for name, history in _documents()["definitions"].items():
        for schema in filter(None, history.values()):
            found.setdefault(name, set()).update(_all_members(schema))
    return {name: frozenset(members) for name, members in found.items()}


def _all_members(schema: Schema) -> Iterator[str]:
    yield from schema.get("properties", ())
    for part in schema.get("allOf", ()):
        yield from _all_members(part)
