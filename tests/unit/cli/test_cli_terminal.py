"""Detach keys, and the exit of what is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.terminal import DetachKeys, parse_detach_keys
from scow.errors import InvalidArgumentError


def test_keys_are_read_by_name() -> None:
    assert parse_detach_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert parse_detach_keys("a,ctrl-@,DEL,ctrl-_") == b"a\x00\x7f\x1f"
    for text in ("ctrl-", "ctrl-ab", "", "ü", "ctrl-P"):
        with pytest.raises(InvalidArgumentError, match="Unknown character"):
            parse_detach_keys(text)


def test_the_sequence_ends_the_input_also_when_typed_key_by_key() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"ls\r") == (b"ls\r", False)
    assert keys.feed(b"\x10") == (b"", False)
    assert keys.feed(b"\x11rest") == (b"", True)


def test_half_a_sequence_is_passed_on_when_something_else_follows() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"\x10") == (b"", False)
    assert keys.feed(b"x") == (b"\x10x", False)


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_no_byte_is_lost_or_added(blocks: list[bytes]) -> None:
    keys = DetachKeys(b"ab")
    data = b"".join(blocks) + b"!"
    passed = b""
    for block in [*blocks, b"!"]:
        found, detached = keys.feed(block)
        passed += found
        if detached:
            assert data.startswith(passed + b"ab")
            return
    assert passed == data
