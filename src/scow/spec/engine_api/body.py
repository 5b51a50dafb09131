"""The base of all Engine API bodies, and how JSON becomes one.

Go's decoder, which every client was written against, takes ``null`` wherever a value may stand and reads
it as "not given", takes names of fields in any case, and ignores fields it does not know. A value of the
wrong type is an error that names the field; ours says where it is: ``Expected `int`, got `str` - at
`$.HostConfig.Memory` ``.
"""

from typing import Any, TypeVar

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.member_names import with_exact_names

T = TypeVar("T")

_INT64 = range(-(2**63), 2**63)


class Body(msgspec.Struct, rename="pascal", kw_only=True):
    """A JSON object of the Engine API; fields are in PascalCase on the wire.

    Subclasses repeat ``kw_only=True``: msgspec applies it to the fields of one class only.
    """


def without_nulls(value: Any) -> Any:
    """``value`` with every object member that is ``null`` left out; list items stay as they are."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def find_oversized(value: Any, place: str = "$") -> str | None:
    """Where in ``value`` a number is that does not fit Go's int64, in which every client counts."""
    if isinstance(value, dict):
        members = ((item, f"{place}.{key}") for key, item in value.items())
    elif isinstance(value, list):
        members = ((item, f"{place}[{index}]") for index, item in enumerate(value))
    else:
        return place if isinstance(value, int) and not _INT64.start <= value < _INT64.stop else None
    return next(filter(None, (find_oversized(*member) for member in members)), None)


def decode_body(data: bytes, kind: type[T]) -> T:
    """Read a request body. Raises InvalidArgumentError naming the field, or the place in the text."""
    try:
        value = msgspec.json.decode(data)
        if place := find_oversized(value):
            raise InvalidArgumentError(f"invalid request body: Integer value out of range - at `{place}`")
        return msgspec.convert(with_exact_names(without_nulls(value), kind), kind)
    except msgspec.ValidationError as exc:
        raise InvalidArgumentError(f"invalid request body: {exc}") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"invalid JSON: {exc}") from exc


def encode_body(value: object) -> bytes:
    """JSON of a body, or of plain dicts and lists that contain bodies.

    Maps of a body are in the order of their keys, as Go writes them. A plain dict is a body as another
    version has it (``plain``): its members stand in their own order.
    """
    first = value[0] if isinstance(value, list) and value else value
    return msgspec.json.encode(value, order=None if isinstance(first, dict) else "deterministic")


def plain(body: Body) -> dict[str, Any]:
    """A body as dicts and lists, members in their order and maps in that of their keys."""
    view: dict[str, Any] = msgspec.to_builtins(body, order="deterministic")
    return view
