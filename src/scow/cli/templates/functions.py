"""The functions of Docker's templates: Go's built-in ones and docker/cli's (templates/templates.go).

Each entry says which types its parameters take: the caller checks before the call, with Go's words.
"""

from __future__ import annotations

from scow.cli.templates.errors import CallError
from scow.cli.templates.json_text import to_json
from scow.cli.templates.printing import format_value, sprint, sprintf, sprintln
from scow.cli.templates.values import (
    BOOL,
    FLOAT,
    INT,
    INVALID,
    MAP,
    POINTER,
    SLICE,
    STRING,
    Character,
    Strings,
    TypedMap,
    from_utf8,
    is_true,
    kind_of,
    type_name,
    utf8,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ANY, LIST = "value", "[]string"
_ORDERED = (INT, FLOAT, STRING)


class Function:
    """``parameters`` are types; with ``variadic`` the last may come any number of times, also none."""

    __slots__ = ("call", "parameters", "variadic")

    def __init__(
        self, call: Callable[..., object], parameters: tuple[str, ...], *, variadic: bool = False
    ) -> None:
        self.call = call
        self.parameters = parameters
        self.variadic = variadic


def index(item: object, *places: object) -> object:
    """``index x 1 "a"`` is Go's ``x[1]["a"]``."""
    if item is None:
        raise CallError("index of untyped nil")
    for place in places:
        match item:
            case str():
                data = utf8(item)
                item = Character(data[_element(place, len(data), "string")])
            case list() | tuple():
                item = item[_element(place, len(item), "slice")]
            case dict():
                item = item.get(_key(place), item.zero if isinstance(item, TypedMap) else None)
            case None:
                raise CallError("index of nil pointer")
            case _ if kind_of(item) == POINTER:
                raise CallError("index of nil pointer")
            case _:
                raise CallError(f"can't index item of type {_inner_type(item)}")
    return item


def _inner_type(item: object) -> str:
    return type_name(item).removeprefix("*")  # Go has followed the pointer by then


def _key(place: object) -> str:
    if place is None:
        raise CallError("value is nil; should be of type string")
    if not isinstance(place, str):
        raise CallError(f"value has type {type_name(place)}; should be string")
    return place


def _position(place: object, most: int) -> int:
    if place is None:
        raise CallError("cannot index slice/array with nil")
    if kind_of(place) != INT:
        raise CallError(f"cannot index slice/array with type {type_name(place)}")
    assert isinstance(place, int)
    if not 0 <= place <= most:
        raise CallError(f"index out of range: {place}")
    return place


def _element(place: object, length: int, what: str) -> int:
    position = _position(place, length)
    if position == length:
        raise CallError(f"reflect: {what} index out of range")
    return position


def slice_(item: object, *places: object) -> object:
    """``slice x 1 2`` is Go's ``x[1:2]``."""
    if item is None:
        raise CallError("slice of untyped nil")
    if len(places) > 3:
        raise CallError(f"too many slice indexes: {len(places)}")
    kind = kind_of(item)
    if kind == STRING and len(places) == 3:
        raise CallError("cannot 3-index slice a string")
    whole = utf8(item) if isinstance(item, str) else item
    if not isinstance(whole, (bytes, list, tuple)):
        raise CallError(f"can't slice item of type {type_name(item)}")
    bounds = [0, len(whole), len(whole)]
    for number, place in enumerate(places):
        bounds[number] = _position(place, len(whole))
    for low, high in ((bounds[0], bounds[1]), (bounds[1], bounds[2])):
        if low > high:
            raise CallError(f"invalid slice index: {low} > {high}")
    part = whole[bounds[0] : bounds[1]]
    return from_utf8(part) if isinstance(part, bytes) else part


def length(item: object) -> int:
    """``len``."""
    if isinstance(item, str):
        return len(utf8(item))
    if isinstance(item, (dict, list, tuple)):
        return len(item)
    kind = kind_of(item)
    if kind == INVALID:
        raise CallError("len of nil pointer")
    raise CallError("len of nil pointer" if kind == POINTER else f"len of type {_inner_type(item)}")


def equal(first: object, *others: object) -> bool:
    """``eq a b c``: a is b or c."""
    if not others:
        raise CallError("missing argument for comparison")
    return any(_same(first, other) for other in others)


def _same(first: object, second: object) -> bool:
    kinds = {kind_of(first), kind_of(second)}
    if len(kinds) == 2:
        if INVALID in kinds:
            return False
        raise CallError("incompatible types for comparison")
    if kinds & {MAP, SLICE}:
        if first or second:
            raise CallError(f"non-comparable type {format_value(first)}: {type_name(first)}")
        return True
    return first == second


def _less(first: object, second: object) -> bool:
    kinds = {kind_of(first), kind_of(second)}
    if not kinds <= {*_ORDERED, BOOL}:
        raise CallError("invalid type for comparison")
    if len(kinds) == 2:
        raise CallError("incompatible types for comparison")
    if BOOL in kinds:
        raise CallError("invalid type for comparison")
    if isinstance(first, str) and isinstance(second, str):
        return utf8(first) < utf8(second)
    return first < second  # type: ignore[operator,no-any-return]  # of one kind, ordered


def _join(items: list[object] | None, separator: str) -> str:
    return separator.join(map(format_value, items or ()))


def _split(text: str, separator: str) -> Strings:
    return Strings(text.split(separator) if separator else text)


def _upper(text: str) -> str:
    # Go maps character by character: what Python makes two characters of stays as it is.
    return "".join(upper if len(upper := char.upper()) == 1 else char for char in text)


def _lower(text: str) -> str:
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def _title(text: str) -> str:
    """strings.Title: the first letter of each word; ASCII other than letters, digits and ``_`` ends one."""
    out: list[str] = []
    inside = False
    for char in text:
        out.append(char if inside else _upper(char))
        inside = char.isalnum() or char == "_" or not (char.isascii() or char.isspace())
    return "".join(out)


def _pad(text: str, before: int, after: int) -> str:
    if not text:
        return text
    if before < 0 or after < 0:
        raise CallError("strings: negative Repeat count")
    return " " * before + text + " " * after


def _truncate(text: str, most: int) -> str:
    data = utf8(text)
    if len(data) < most:
        return text
    if most < 0:
        raise CallError(f"runtime error: slice bounds out of range [:{most}]")
    return from_utf8(data[:most])


def _printable(values: tuple[object, ...]) -> str:
    return sprint(["<no value>" if value is None else value for value in values])


def _html(*values: object) -> str:
    text = _printable(values).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&#34;").replace("'", "&#39;").replace("\0", "\ufffd")


_JS = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def _js(*values: object) -> str:
    return "".join(
        _JS.get(char) or (char if char >= " " and char.isprintable() else f"\\u{ord(char):04X}")
        for char in _printable(values)
    )


def _urlquery(*values: object) -> str:
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
    return "".join(
        chr(byte) if byte in plain else "+" if byte == 0x20 else f"%{byte:02X}"
        for byte in utf8(_printable(values))
    )


def _pick(first: object, *others: object, stop: bool) -> object:
    """``and`` and ``or``; the interpreter does not come here, it stops evaluating early."""
    for value in (first, *others):
        first = value
        if is_true(value) is stop:
            break
    return first


FUNCTIONS: dict[str, Function] = {
    "and": Function(lambda *values: _pick(*values, stop=False), (ANY, ANY), variadic=True),
    "or": Function(lambda *values: _pick(*values, stop=True), (ANY, ANY), variadic=True),
    "not": Function(lambda value: not is_true(value), (ANY,)),
    "call": Function(lambda *values: None, (ANY, ANY), variadic=True),  # see evaluate
    "index": Function(index, (ANY, ANY), variadic=True),
    "slice": Function(slice_, (ANY, ANY), variadic=True),
    "len": Function(length, (ANY,)),
    "print": Function(lambda *values: sprint(values), (ANY,), variadic=True),
    "println": Function(lambda *values: sprintln(values), (ANY,), variadic=True),
    "printf": Function(lambda text, *values: sprintf(text, values), (STRING, ANY), variadic=True),
    "html": Function(_html, (ANY,), variadic=True),
    "js": Function(_js, (ANY,), variadic=True),
    "urlquery": Function(_urlquery, (ANY,), variadic=True),
    "eq": Function(equal, (ANY, ANY), variadic=True),
    "ne": Function(lambda a, b: not equal(a, b), (ANY, ANY)),
    "lt": Function(_less, (ANY, ANY)),
    "le": Function(lambda a, b: _less(a, b) or equal(a, b), (ANY, ANY)),
    "gt": Function(lambda a, b: not (_less(a, b) or equal(a, b)), (ANY, ANY)),
    "ge": Function(lambda a, b: not _less(a, b), (ANY, ANY)),
    "json": Function(to_json, (ANY,)),
    "split": Function(_split, (STRING, STRING)),
    "join": Function(_join, (LIST, STRING)),
    "title": Function(_title, (STRING,)),
    "lower": Function(_lower, (STRING,)),
    "upper": Function(_upper, (STRING,)),
    "pad": Function(_pad, (STRING, INT, INT)),
    "truncate": Function(_truncate, (STRING, INT)),
}

# What they are while the header of a table is made: the column's name comes out whole.
HEADER_FUNCTIONS: dict[str, Function] = {
    **FUNCTIONS,
    "json": Function(lambda name: name, (STRING,)),
    "split": Function(lambda name, _: name, (STRING, STRING)),
    "join": Function(lambda name, _: name, (STRING, STRING)),
    "title": Function(lambda name: name, (STRING,)),
    "lower": Function(lambda name: name, (STRING,)),
    "upper": Function(lambda name: name, (STRING,)),
    "truncate": Function(lambda name, _: name, (STRING, INT)),
}
