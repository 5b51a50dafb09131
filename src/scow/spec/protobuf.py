"""Protobuf messages as frozen dataclasses: each field says its number and kind, and that is the schema.

    @dataclass(frozen=True)
    class Secret(Message):
        data: bytes = octets(1)
        labels: dict[str, str] = mapping(2)

Encoding is proto3's: what has its default is left out, unknown fields are skipped when decoding. Sources:
https://protobuf.dev/programming-guides/encoding/ and, for what a field means, the schema of each service.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_NS = 1_000_000_000


class WireError(ValueError):
    """Bytes that are no message of the kind that was expected."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one value is written behind its tag, and read. ``wire`` is the wire type."""

    wire: int
    encode: Callable[[Any], bytes]
    decode: Callable[[Any], Any]
    default: Any


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    kind: _Kind
    shape: str = "one"
    """``one``, ``many``, or ``map`` with text for keys."""
    name: str = ""


def text(number: int) -> Any:
    """A string, "" without it."""
    return _field(number, _TEXT)


def file_name(number: int) -> Any:
    """A path as Python has it: bytes that are no UTF-8 are surrogates (``os.fsdecode``); "" without it."""
    return _field(number, _FILE_NAME)


def maybe_text(number: int) -> Any:
    """A string that may be there and empty, None without it."""
    return _field(number, _MAYBE_TEXT)


def octets(number: int) -> Any:
    """Bytes, b"" without them."""
    return _field(number, _OCTETS)


def integer(number: int) -> Any:
    """A number of up to 64 bits (int32, int64, uint32, uint64, an enumeration); 0 without it."""
    return _field(number, _INTEGER)


def boolean(number: int) -> Any:
    """False without it."""
    return _field(number, _BOOLEAN)


def moment(number: int) -> Any:
    """A google.protobuf.Timestamp as nanoseconds since 1970; None without it."""
    return _field(number, _MOMENT)


def inner(number: int, kind: type["Message"]) -> Any:
    """A message, None without it."""
    return _field(number, _message_kind(kind))


def texts(number: int) -> Any:
    """A tuple of strings."""
    return _field(number, _TEXT, "many")


def integers(number: int) -> Any:
    """A tuple of numbers."""
    return _field(number, _INTEGER, "many")


def several_octets(number: int) -> Any:
    """A tuple of bytes."""
    return _field(number, _OCTETS, "many")


def many(number: int, kind: type["Message"]) -> Any:
    """A tuple of messages."""
    return _field(number, _message_kind(kind), "many")


def mapping(number: int) -> Any:
    """Text by text."""
    return _field(number, _TEXT, "map")


def octets_by_text(number: int) -> Any:
    """Bytes by text."""
    return _field(number, _OCTETS, "map")


def booleans_by_text(number: int) -> Any:
    """Truths by text."""
    return _field(number, _BOOLEAN, "map")


def messages_by_text(number: int, kind: type["Message"]) -> Any:
    """Messages by text."""
    return _field(number, _message_kind(kind), "map")


class Message:
    """The base of all messages."""

    def encode(self) -> bytes:
        """The message as bytes."""
        written = bytearray()
        for field in _fields_of(type(self)).values():
            value = getattr(self, field.name)
            wire = _LENGTH if field.shape == "map" else field.kind.wire
            for item in _items(field, value):
                _write(written, field.number, wire, item)
        return bytes(written)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises WireError."""
        fields, single = _fields_of(cls), _single_of(cls)
        found: dict[str, Any] = {}
        several: dict[str, list[Any]] = {}
        for tag, value in _read(data):
            if (known := single.get(tag)) is not None:
                name, decode = known
                found[name] = decode(value)
            elif (field := fields.get(tag >> 3)) is not None:
                _take(found, several, field, tag & 7, value)
        for name, values in several.items():
            found[name] = tuple(values)
        return cls(**found)


def _field(number: int, kind: _Kind, shape: str = "one") -> Any:
    metadata = {"wire": _Field(number, kind, shape)}
    if shape == "many":
        return dataclasses.field(default=(), metadata=metadata)
    if shape == "map":
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=kind.default, metadata=metadata)


_fields: dict[type[Message], dict[int, _Field]] = {}


def _fields_of(kind: type[Message]) -> dict[int, _Field]:
    """The fields of a message by their numbers, in their order."""
    known = _fields.get(kind)
    if known is None:
        declared = dataclasses.fields(kind)  # type: ignore[arg-type]  # every message is a dataclass
        found = (dataclasses.replace(it.metadata["wire"], name=it.name) for it in declared)
        known = {field.number: field for field in sorted(found, key=lambda field: field.number)}
        _fields[kind] = known
    return known


_singles: dict[type[Message], dict[int, tuple[str, Callable[[Any], Any]]]] = {}


def _single_of(kind: type[Message]) -> dict[int, tuple[str, Callable[[Any], Any]]]:
    """The fields with one value by their tags on the wire: their names, and how they are read."""
    known = _singles.get(kind)
    if known is None:
        single = [field for field in _fields_of(kind).values() if field.shape == "one"]
        known = {it.number << 3 | it.kind.wire: (it.name, it.kind.decode) for it in single}
        _singles[kind] = known
    return known


def _items(field: _Field, value: Any) -> Iterator[bytes]:
    """What is written for ``value``, one field after the other."""
    encode = field.kind.encode
    if field.shape == "many":
        yield from map(encode, value)
    elif field.shape == "map":
        for key, item in value.items():
            entry = bytearray()
            _write(entry, 1, _LENGTH, key.encode())
            _write(entry, 2, field.kind.wire, encode(item))
            yield bytes(entry)
    elif value != field.kind.default:
        yield encode(value)


def _write(written: bytearray, number: int, wire: int, value: bytes) -> None:
    written += _varint(number << 3 | wire)
    if wire == _LENGTH:
        written += _varint(len(value))
    written += value


def _take(found: dict[str, Any], several: dict[str, list[Any]], field: _Field, wire: int, value: Any) -> None:
    """Add what a field of the wire says that is not one value of the kind that was expected."""
    kind = field.kind
    if wire == _LENGTH and kind.wire != _LENGTH and field.shape == "many":
        several.setdefault(field.name, []).extend(kind.decode(number) for number in _varints(value))
        return
    if wire != (_LENGTH if field.shape == "map" else kind.wire):
        raise WireError(f"field {field.number} has wire type {wire}")
    if field.shape == "map":
        key, item = _entry(kind, value)
        found.setdefault(field.name, {})[key] = item
    else:
        several.setdefault(field.name, []).append(kind.decode(value))


def _entry(kind: _Kind, data: bytes) -> tuple[str, Any]:
    key, item = "", kind.default if kind.default is not None else kind.decode(b"")
    for tag, value in _read(data):
        if tag == 1 << 3 | _LENGTH:
            key = _decode_text(value)
        elif tag == 2 << 3 | kind.wire:
            item = kind.decode(value)
    return key, item


def _read(data: bytes) -> Iterator[tuple[int, Any]]:
    """Tag (number and wire type) and value of each field; a number for a varint, otherwise bytes.

    Most numbers have one byte, and messages come by the ten thousand: those are read here.
    """
    position, end = 0, len(data)
    while position < end:
        tag = data[position]
        position += 1
        if tag >= 0x80:
            tag, position = read_varint(data, position - 1)
        wire = tag & 7
        if wire == _VARINT:
            value, position = read_varint(data, position)
            yield tag, value
            continue
        if wire == _LENGTH:
            size, position = read_varint(data, position)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise WireError(f"wire type {wire}")
        after = position + size
        if after > end:
            raise WireError("a field that is longer than its message")
        yield tag, data[position:after]
        position = after


def _varint(number: int) -> bytes:
    if 0 <= number < 0x80:
        return bytes((number,))
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A number without its sign, and where it ends. Raises WireError."""
    if position < len(data) and (number := data[position]) < 0x80:
        return number, position + 1
    number = shift = 0
    while shift < 70:
        if position >= len(data):
            raise WireError("a number that has no end")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise WireError("a number of more than ten bytes")


def _varints(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        number, position = read_varint(data, position)
        yield number


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise WireError("text that is not UTF-8") from exc


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _encode_moment(moment_ns: int) -> bytes:
    return _Timestamp(moment_ns // _NS, moment_ns % _NS).encode()


def _decode_moment(data: bytes) -> int:
    found = _Timestamp.decode(data)
    return found.seconds * _NS + found.nanoseconds


def _message_kind(kind: type[Message]) -> _Kind:
    return _Kind(_LENGTH, lambda value: value.encode(), kind.decode, None)


_TEXT = _Kind(_LENGTH, lambda value: value.encode("utf-8", "replace"), _decode_text, "")
_FILE_NAME = _Kind(_LENGTH, os.fsencode, os.fsdecode, "")
_MAYBE_TEXT = _Kind(_LENGTH, lambda value: value.encode("utf-8", "replace"), _decode_text, None)
_OCTETS = _Kind(_LENGTH, bytes, bytes, b"")
_INTEGER = _Kind(_VARINT, _varint, _signed, 0)
_BOOLEAN = _Kind(_VARINT, lambda value: b"\1" if value else b"\0", bool, False)
_MOMENT = _Kind(_LENGTH, _encode_moment, _decode_moment, None)


@dataclass(frozen=True)
class _Timestamp(Message):
    seconds: int = integer(1)
    nanoseconds: int = integer(2)
