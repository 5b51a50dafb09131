"""Members of JSON objects by names in any case, as Go's decoder takes them.

Every client was written against that decoder, and some rely on it without knowing: docker-py sends
``detachKeys`` where the API has ``DetachKeys``.
"""

import functools
import types
import typing
from typing import Any

import msgspec

_Rename = typing.Callable[[Any], Any]


def with_exact_names(value: Any, kind: Any) -> Any:
    """``value``, to be converted to ``kind``, with the members of its structs named as they are declared."""
    rename = _renaming(kind)
    return rename(value) if rename else value


@functools.cache
def _renaming(kind: Any) -> _Rename | None:
    """What renames the members of a ``kind``; None when there are none in it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_renaming(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return next(filter(None, map(_renaming, arguments)), None)
    inner = _renaming(arguments[-1]) if origin in (list, dict) else None
    if inner is None:
        return None
    return functools.partial(_in_list if origin is list else _in_map, inner)


def _in_list(inner: _Rename, value: Any) -> Any:
    return [inner(item) for item in value] if isinstance(value, list) else value


def _in_map(inner: _Rename, value: Any) -> Any:
    return {key: inner(item) for key, item in value.items()} if isinstance(value, dict) else value


def _struct_renaming(kind: type[msgspec.Struct]) -> _Rename:
    fields = {str(field.encode_name): _renaming(field.type) for field in msgspec.structs.fields(kind)}
    in_lower_case = {name.lower(): name for name in fields}

    def rename(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found = {}
        for key, item in value.items():
            if key not in fields:
                key = in_lower_case.get(key.lower(), key)
            inner = fields.get(key)
            found[key] = inner(item) if inner else item
        return found

    return rename
