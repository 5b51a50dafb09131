"""Detach keys in what a person types."""

import pytest

from scow.engine.detach_keys import DetachScanner, parse_detach_keys
from scow.errors import InvalidArgumentError


def test_control_letters_are_their_control_codes() -> None:
    assert parse_detach_keys("") == b"\x10\x11"
    assert parse_detach_keys("ctrl-x,a,ctrl-@") == b"\x18a\x00"


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-1", "ab", "ctrl-p,,a", "é"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_detach_keys(text)


def test_the_sequence_is_found_in_one_piece_and_in_two() -> None:
    assert DetachScanner(b"\x10\x11").feed(b"ls\x10\x11rest") == (b"ls", True)
    scanner = DetachScanner(b"\x10\x11")
    assert scanner.feed(b"a\x10") == (b"a", False)
    assert scanner.feed(b"\x11") == (b"", True)


def test_keys_of_a_broken_sequence_are_passed_on() -> None:
    scanner = DetachScanner(b"\x10\x11")
    assert scanner.feed(b"\x10") == (b"", False)
    assert scanner.feed(b"\x10x") == (b"\x10\x10x", False)
