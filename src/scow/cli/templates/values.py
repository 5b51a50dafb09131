"""The values that templates work on, and what Go would call them.

Decoded JSON is taken as Go takes it without a type: objects are maps, arrays are slices, ``null`` is nothing.
Where Docker's command line has a type, one of the classes here stands for it:

    Struct      an object with known fields; a name that is none of them is an error
    TypedMap    a map whose missing entries read as the zero value of its elements
    NilSlice, NilMap, NilPointer    what an absent field of that type holds
    Shown       a time or a duration
    Adapter     one row of a listing: what Docker computes for columns
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Struct:
    """Named values in the order of Go's declaration. ``raw`` is the JSON that it came from."""

    __slots__ = ("_values", "go_type", "names", "raw")

    def __init__(
        self,
        go_type: str,
        raw: Mapping[str, object],
        fields: Mapping[str, tuple[str, Callable[[object], object]]],
    ) -> None:
        """``fields``: name in Go → name in JSON, and how to make the value (of None: not there)."""
        self.go_type = go_type
        self.names = fields
        self.raw = raw
        self._values: dict[str, object] = {}

    def get(self, name: str) -> object:
        """The value of one of ``names``. ``KeyError``: it is none."""
        if name not in self._values:
            json_name, make = self.names[name]
            self._values[name] = make(self.raw.get(json_name))
        return self._values[name]

    def items(self) -> Iterator[tuple[str, object]]:
        """Names and values, in order."""
        return ((name, self.get(name)) for name in self.names)


class TypedMap(dict[str, object]):
    """A map with elements of one Go type; ``zero`` is what a missing key reads as to ``index``."""

    __slots__ = ("go_type", "zero")

    def __init__(self, entries: Mapping[str, object], go_type: str, zero: object) -> None:
        super().__init__(entries)
        self.go_type = go_type
        self.zero = zero


class Strings(list[object]):
    """A slice of strings."""

    __slots__ = ()
    go_type = "[]string"


class NilSlice(list[object]):
    """A slice that is nil: empty, and ``null`` in JSON."""

    __slots__ = ()


class NilMap(TypedMap):
    """A map that is nil: empty, and ``null`` in JSON."""

    __slots__ = ()


class NilPointer:
    """A pointer to nothing, of type ``go_type``."""

    __slots__ = ("go_type",)

    def __init__(self, go_type: str) -> None:
        self.go_type = go_type


class Shown:
    """A value that prints in a way of its own: a time, a duration. ``raw`` is its JSON."""

    __slots__ = ("go_type", "raw", "text")

    def __init__(self, go_type: str, text: str, raw: object) -> None:
        self.go_type = go_type
        self.text = text
        self.raw = raw


class Adapter:
    """A row of a listing. Its columns are what subclasses and ``columns`` give, by the name templates use.

    A column is a value, or a function without arguments that is called when a template first asks.
    ``methods`` take arguments (``.Label "name"``). ``json`` shows the columns by name.
    """

    __slots__ = ("_columns", "_methods", "go_type")

    def __init__(
        self,
        go_type: str,
        columns: Mapping[str, object | Callable[[], object]],
        methods: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        self.go_type = go_type
        self._columns = dict(columns)
        self._methods = methods or {}

    def column(self, name: str) -> object:
        """The value of one column. ``KeyError``: there is none of that name."""
        value = self._columns[name]
        if callable(value):
            value = self._columns[name] = value()
        return value

    def method(self, name: str) -> Callable[..., object] | None:
        """The function behind ``.name argument``; None if there is none."""
        return self._methods.get(name)

    def columns(self) -> Iterator[tuple[str, object]]:
        """All columns in the order of their names."""
        return ((name, self.column(name)) for name in sorted(self._columns))


class Character(int):
    """One byte of a string: a number to Go, of type uint8."""

    __slots__ = ()


INVALID, BOOL, INT, FLOAT, STRING = "invalid", "bool", "int", "float", "string"
SLICE, MAP, STRUCT, POINTER = "slice", "map", "struct", "pointer"


def kind_of(value: object) -> str:
    """What ``value`` is to Go: one of the constants above."""
    match value:
        case None:
            return INVALID
        case str():
            return STRING
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return FLOAT
        case dict():
            return MAP
        case list() | tuple():
            return SLICE
        case NilPointer():
            return POINTER
    return STRUCT


_BASIC_TYPES = {
    INVALID: "<nil>",
    BOOL: "bool",
    INT: "int",
    FLOAT: "float64",
    STRING: "string",
    SLICE: "[]interface {}",
    MAP: "map[string]interface {}",
}


def type_name(value: object) -> str:
    """Go's name for the type of ``value``."""
    named = getattr(value, "go_type", None)
    if isinstance(named, str):
        return named
    return "uint8" if isinstance(value, Character) else _BASIC_TYPES.get(kind_of(value), "struct {}")


def is_true(value: object) -> bool:
    """The truth that ``if``, ``with``, ``and``, ``or`` and ``not`` go by: not the zero value of its type."""
    match value:
        case None | NilPointer():
            return False
        case Struct() | Adapter() | Shown():
            return True
    return bool(value)


def utf8(text: str) -> bytes:
    """The bytes of ``text`` as Go has them; strings that are not UTF-8 are kept as they came."""
    return text.encode("utf-8", "surrogateescape")


def from_utf8(data: bytes) -> str:
    """The other way round."""
    return data.decode("utf-8", "surrogateescape")
