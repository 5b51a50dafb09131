"""Protobuf: bytes of the encoding's own documentation, and whatever is encoded comes back."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scow.spec.protobuf import (
    Message,
    WireError,
    boolean,
    booleans_by_text,
    inner,
    integer,
    many,
    mapping,
    messages_by_text,
    moment,
    octets,
    octets_by_text,
    several_octets,
    text,
    texts,
)


@dataclass(frozen=True)
class Inner(Message):
    number: int = integer(1)


@dataclass(frozen=True)
class Everything(Message):
    number: int = integer(1)
    word: str = text(2)
    inside: Inner | None = inner(3, Inner)
    data: bytes = octets(4)
    flag: bool = boolean(5)
    at: int | None = moment(6)
    words: tuple[str, ...] = texts(7)
    pieces: tuple[bytes, ...] = several_octets(8)
    insides: tuple[Inner, ...] = many(9, Inner)
    names: dict[str, str] = mapping(10)
    blobs: dict[str, bytes] = octets_by_text(11)
    by_name: dict[str, Inner] = messages_by_text(200, Inner)


@dataclass(frozen=True)
class Nothing(Message):
    pass


INT64 = st.integers(-(2**63), 2**63 - 1)
INNER = st.builds(Inner, INT64)
EVERYTHING = st.builds(
    Everything,
    INT64,
    st.text(),
    st.none() | INNER,
    st.binary(),
    st.booleans(),
    st.none() | st.integers(0, 2**60),
    st.lists(st.text()).map(tuple),
    st.lists(st.binary()).map(tuple),
    st.lists(INNER).map(tuple),
    st.dictionaries(st.text(), st.text()),
    st.dictionaries(st.text(), st.binary()),
    st.dictionaries(st.text(), INNER),
)


# https://protobuf.dev/programming-guides/encoding/
def test_bytes_of_the_documentation() -> None:
    assert Inner(150).encode() == b"\x08\x96\x01"
    assert Everything(word="testing").encode() == b"\x12\x07testing"
    assert Everything(inside=Inner(150)).encode() == b"\x1a\x03\x08\x96\x01"
    assert Inner(-2).encode() == b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    assert Everything().encode() == b""


@given(EVERYTHING)
def test_what_is_encoded_comes_back(message: Everything) -> None:
    assert Everything.decode(message.encode()) == message


@settings(max_examples=30)
@given(EVERYTHING)
def test_unknown_fields_are_skipped(message: Everything) -> None:
    assert Nothing.decode(message.encode()) == Nothing()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        Everything.decode(data)
    except WireError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",  # a number that is not there
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x12\x05abc",
        b"\x12\x01\xff",
        b"\x0a\x00",  # a string where a number belongs
        b"\x0b",  # a group
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        Everything.decode(data)


def test_the_last_of_one_field_counts_and_fixed_numbers_are_skipped() -> None:
    assert Inner.decode(b"\x08\x01\x08\x02" + b"\x49" + bytes(8) + b"\x55" + bytes(4)).number == 2


def test_the_beginning_of_time_is_a_moment() -> None:
    assert Everything.decode(Everything(at=0).encode()).at == 0


@dataclass(frozen=True)
class Truths(Message):
    by_name: dict[str, bool] = booleans_by_text(5)


def test_a_map_of_numbers_is_a_map() -> None:
    """Each entry is a message, whatever its value is: tag 5 of wire type 2, a length, key 1 and value 2."""
    assert Truths({"a": True}).encode() == b"\x2a\x05\x0a\x01a\x10\x01"
    assert Truths.decode(b"\x2a\x05\x0a\x01a\x10\x01") == Truths({"a": True})
