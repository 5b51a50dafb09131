"""Packets that tell of files: read at once or field by field, they say the same."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.server.buildkit.session_messages import Packet, PacketKind, StatMessage
from scow.api.server.buildkit.told_files import file_of, plain_file_of
from scow.errors import InvalidArgumentError
from scow.spec.protobuf import WireError
from scow.spec.sent_files import SentFile

NUMBER = st.integers(0, 2**32 - 1)
TIME = st.integers(-(2**63), 2**63 - 1)
STATS = st.builds(
    StatMessage,
    st.text(),
    NUMBER,
    NUMBER,
    NUMBER,
    TIME,
    TIME,
    st.just("") | st.text(),
    st.just(0) | st.integers(0, 255),
    xattrs=st.just({}) | st.dictionaries(st.text(), st.binary()),
)


def told(packet: bytes) -> SentFile | str | None:
    """What is said field by field; a text for why it cannot be."""
    try:
        found = Packet.decode(packet).stat
        return file_of(found) if found is not None else None
    except InvalidArgumentError as exc:
        return exc.message
    except WireError:
        return "no message"


def told_at_once(packet: bytes) -> SentFile | str | None:
    try:
        return plain_file_of(packet)
    except InvalidArgumentError as exc:
        return exc.message


@given(STATS)
def test_both_say_the_same(message: StatMessage) -> None:
    packet = Packet(PacketKind.STAT, stat=message).encode()
    at_once = told_at_once(packet)
    assert at_once is None or at_once == told(packet)


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda it: bytes([0x12, len(it)]) + it))
def test_any_bytes_are_told_or_left_to_the_other(packet: bytes) -> None:
    at_once = told_at_once(packet)
    assert at_once is None or at_once == told(packet)


def test_what_most_files_are_is_read_at_once() -> None:
    message = StatMessage(
        "folder/näme", 0o4755 & 0o777 | 1 << 23, 1000, 33, 12_345, 1_764_367_077_123_456_789
    )
    found = plain_file_of(Packet(PacketKind.STAT, stat=message).encode())
    mode = stat.S_IFREG | 0o4755
    assert found == SentFile("folder/näme", mode, 1000, 33, 12_345, 1_764_367_077_123_456_789)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(PacketKind.STAT),
        Packet(PacketKind.DATA, id=3, data=b"x"),
        Packet(PacketKind.STAT, stat=StatMessage("link", 1 << 27 | 0o777, link="target")),
        Packet(PacketKind.STAT, stat=StatMessage("old", 0o644, mtime_ns=-1)),
        Packet(PacketKind.STAT, stat=StatMessage("named", 0o644, xattrs={"user.a": b"b"})),
    ],
)
def test_everything_else_is_not(packet: Packet) -> None:
    assert plain_file_of(packet.encode()) is None
