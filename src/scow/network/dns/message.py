"""DNS messages as far as a name server for containers needs them (RFC 1035 §4; EDNS: RFC 6891). Pure.

Questions are read whole; answers to them are written; what upstream servers say is passed on as bytes, and
looked into only for its lifetimes. Every read is bounded by the message.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

A: Final = 1
CNAME: Final = 5
PTR: Final = 12
AAAA: Final = 28
OPT: Final = 41
ANY: Final = 255
_INTERNET: Final = 1

NO_ERROR: Final = 0
FORMAT_ERROR: Final = 1
SERVER_FAILURE: Final = 2
NO_SUCH_NAME: Final = 3
NOT_IMPLEMENTED: Final = 4
REFUSED: Final = 5

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_RECORD = struct.Struct("!2HIH")
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_DESIRED, _RECURSION_AVAILABLE = (
    0x8000, 0x0400, 0x0200, 0x0100, 0x0080,
)  # fmt: skip
_OPCODE = 0x7800
_MAX_NAME = 255
_MAX_POINTERS = 32
_MAX_RECORDS = 1000
PLAIN_UDP_BYTES: Final = 512
_MOST_UDP_BYTES: Final = 4096
_HEADER_BYTES = _HEADER.size


class MessageError(ValueError):
    """Not a message that can be answered."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. ``name`` is in lower case without the last dot; ``udp_bytes`` is what fits the asker."""

    id: int
    flags: int
    name: str
    kind: int
    question: bytes
    udp_bytes: int
    edns: bool

    @property
    def is_reverse(self) -> bool:
        """Asks for the name of an address."""
        return self.kind == PTR and self.name.endswith((".in-addr.arpa", ".ip6.arpa"))


def parse_query(data: bytes) -> Query:
    """Read a request. Raises MessageError for what is none, or asks for other than one thing."""
    if len(data) < _HEADER_BYTES:
        raise MessageError("shorter than a header")
    identity, flags, questions, _, _, additional = _HEADER.unpack_from(data)
    if flags & (_RESPONSE | _OPCODE) or questions != 1:
        raise MessageError("not a question")
    name, at = _read_name(data, _HEADER_BYTES)
    if at + _QUESTION.size > len(data):
        raise MessageError("cut off")
    kind, klass = _QUESTION.unpack_from(data, at)
    if klass != _INTERNET:
        raise MessageError("not of the internet class")
    end = at + _QUESTION.size
    edns = _find_edns(data, end, additional)
    size = PLAIN_UDP_BYTES if edns is None else max(PLAIN_UDP_BYTES, min(edns, _MOST_UDP_BYTES))
    return Query(identity, flags, name, kind, data[_HEADER_BYTES:end], size, edns is not None)


def _find_edns(data: bytes, at: int, additional: int) -> int | None:
    """The payload size of the OPT record; clients put it first, if they have one."""
    if not additional or at + 11 > len(data) or data[at] != 0:
        return None
    kind, size = struct.unpack_from("!2H", data, at + 1)
    return int(size) if kind == OPT else None


def reply(
    query: Query,
    code: int,
    *,
    addresses: Sequence[IPv4Address | IPv6Address] = (),
    pointer: str = "",
    ttl_s: int = 0,
    authoritative: bool = False,
    limit: int | None = None,
) -> bytes:
    """An answer with addresses, a name, or nothing; cut to ``limit`` bytes with the flag that says so."""
    records = [_address_record(address, ttl_s) for address in addresses]
    if pointer:
        target = encode_name(pointer)
        records.append(b"\xc0\x0c" + _RECORD.pack(PTR, _INTERNET, ttl_s, len(target)) + target)
    tail = b"\0" + struct.pack("!2HIH", OPT, _MOST_UDP_BYTES, 0, 0) if query.edns else b""
    flags = _RESPONSE | _RECURSION_AVAILABLE | (query.flags & _RECURSION_DESIRED) | code
    if authoritative:
        flags |= _AUTHORITATIVE
    room = (limit or 65535) - _HEADER_BYTES - len(query.question) - len(tail)
    fitting = _fitting(records, room)
    if len(fitting) < len(records):
        flags |= _TRUNCATED
    head = _HEADER.pack(query.id, flags, 1, len(fitting), 0, 1 if tail else 0)
    return b"".join((head, query.question, *fitting, tail))


def failure(data: bytes, code: int) -> bytes:
    """An answer to what could not be read, with its id; b"" if there is not even that."""
    if len(data) < _HEADER_BYTES or data[2] & 0x80:
        return b""
    return data[:2] + struct.pack("!5H", _RESPONSE | code, 0, 0, 0, 0)


def truncated(query: Query) -> bytes:
    """What is sent over UDP when the answer is too long for it: ask again by TCP."""
    data = bytearray(reply(query, NO_ERROR))
    data[2] |= _TRUNCATED >> 8
    return bytes(data)


def is_reply_to(data: bytes, query: Query) -> bool:
    """Whether an upstream's message answers this very question."""
    end = _HEADER_BYTES + len(query.question)
    return (
        len(data) >= end
        and data[:2] == query.id.to_bytes(2, "big")
        and bool(data[2] & 0x80)
        and data[_HEADER_BYTES:end].lower() == query.question.lower()
    )


def is_truncated(data: bytes) -> bool:
    """Of an answer."""
    return bool(data[2] & (_TRUNCATED >> 8))


def code_of(data: bytes) -> int:
    """The response code of an answer."""
    return data[3] & 0x0F


def lifetimes(data: bytes) -> list[tuple[int, int]]:
    """Where in an answer lifetimes stand, and their seconds. Raises MessageError."""
    _, _, questions, *counts = _HEADER.unpack_from(data)
    at = _HEADER_BYTES
    for _ in range(questions):
        _, at = _read_name(data, at)
        at += _QUESTION.size
    found = []
    if sum(counts) > _MAX_RECORDS:
        raise MessageError("too many records")
    for _ in range(sum(counts)):
        _, at = _read_name(data, at)
        if at + _RECORD.size > len(data):
            raise MessageError("cut off")
        kind, _, ttl_s, length = _RECORD.unpack_from(data, at)
        if kind != OPT:
            found.append((at + 4, ttl_s))
        at += _RECORD.size + length
    return found


def with_id(data: bytes, identity: int) -> bytes:
    """The same message for another asker."""
    return identity.to_bytes(2, "big") + data[2:]


def encode_name(name: str) -> bytes:
    """Labels with their lengths. Raises MessageError for what is no name."""
    parts = []
    for label in name.rstrip(".").split("."):
        raw = label.encode("utf-8", "surrogateescape")
        if not 0 < len(raw) < 64:
            raise MessageError(f"label of {len(raw)} bytes")
        parts.append(bytes((len(raw),)) + raw)
    encoded = b"".join(parts) + b"\0"
    if len(encoded) > _MAX_NAME:
        raise MessageError("name too long")
    return encoded


def reverse_address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that ``4.3.2.1.in-addr.arpa`` (or ip6.arpa) asks about, if it is a whole one."""
    try:
        if name.endswith(".in-addr.arpa"):
            return IPv4Address(".".join(reversed(name.removesuffix(".in-addr.arpa").split("."))))
        nibbles = name.removesuffix(".ip6.arpa").split(".")
        if len(nibbles) != 32 or not all(len(nibble) == 1 for nibble in nibbles):
            return None
        return IPv6Address(int("".join(reversed(nibbles)), 16))
    except ValueError:
        return None


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    end = 0
    length = pointers = 0
    while True:
        if at >= len(data):
            raise MessageError("cut off")
        size = data[at]
        if size & 0xC0 == 0xC0:
            if at + 1 >= len(data):
                raise MessageError("cut off")
            end = end or at + 2
            pointers += 1
            if pointers > _MAX_POINTERS:
                raise MessageError("name goes in circles")
            at = (size & 0x3F) << 8 | data[at + 1]
            continue
        if size & 0xC0:
            raise MessageError("unknown kind of label")
        at += 1
        if not size:
            break
        length += size + 1
        if at + size > len(data) or length > _MAX_NAME:
            raise MessageError("name too long")
        labels.append(data[at : at + size].decode("utf-8", "surrogateescape").lower())
        at += size
    return ".".join(labels), end or at


def _address_record(address: IPv4Address | IPv6Address, ttl_s: int) -> bytes:
    kind = A if address.version == 4 else AAAA
    # The name is the question's, which always begins behind the header.
    return b"\xc0\x0c" + _RECORD.pack(kind, _INTERNET, ttl_s, len(address.packed)) + address.packed


def _fitting(records: list[bytes], room: int) -> list[bytes]:
    fitting = []
    for record in records:
        room -= len(record)
        if room < 0:
            break
        fitting.append(record)
    return fitting
