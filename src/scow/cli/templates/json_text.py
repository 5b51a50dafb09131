"""Values as JSON, as Go's encoding/json writes them, for what templates can hold."""

from __future__ import annotations

from scow.cli.templates.printing import general, shortest, sort_key
from scow.cli.templates.values import Adapter, NilMap, NilPointer, NilSlice, Shown, Struct, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def to_json(value: object, *, escape_html: bool = False) -> str:
    """Compact JSON with sorted keys, as json.Marshal gives; fields of a ``Struct`` stay in their order.

    ``escape_html`` writes ``<``, ``>`` and ``&`` as escapes. Marshal does; ``json`` in a template does it
    only inside a row of a listing.
    """
    entries: Iterable[tuple[str, object]]
    match value:
        case None | NilPointer() | NilSlice() | NilMap():
            return "null"
        case str():
            return _json_string(value, escape_html)
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return _json_float(value)
        case dict():
            entries = ((str(key), value[key]) for key in sorted(value, key=sort_key))
        case list() | tuple():
            return f"[{','.join(to_json(item, escape_html=escape_html) for item in value)}]"
        case Struct() | Shown():
            return _json_in_order(value.raw)
        case Adapter():
            escape_html = True
            entries = value.columns()
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")
    parts = (
        f"{_json_string(key, escape_html)}:{to_json(part, escape_html=escape_html)}" for key, part in entries
    )
    return f"{{{','.join(parts)}}}"


def _json_in_order(value: object) -> str:
    match value:
        case dict():
            return (
                "{"
                + ",".join(f"{_json_string(k, False)}:{_json_in_order(v)}" for k, v in value.items())
                + "}"
            )
        case list():
            return f"[{','.join(map(_json_in_order, value))}]"
    return to_json(value)


def _json_string(text: str, escape_html: bool) -> str:
    from json.encoder import encode_basestring  # heavy, and loaded already where there is an answer

    shown = encode_basestring(utf8(text).decode("utf-8", "replace"))
    shown = shown.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    if escape_html:
        shown = shown.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return shown


def _json_float(value: float) -> str:
    """encoding/json's floats: like JavaScript's, an exponent only below 1e-6 and from 1e21."""
    if 0 < abs(value) < 1e-4 and abs(value) >= 1e-6:  # where ``general`` has an exponent and JSON has none
        mantissa, _, exponent = shortest(value).partition("e")
        digits = mantissa.lstrip("-").replace(".", "")
        return f"{'-' if value < 0 else ''}0.{'0' * (-int(exponent) - 1)}{digits}"
    mantissa, _, exponent = general(value, None, shortest_limit=21).partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}" if exponent else mantissa
