"""Signals by name and number."""

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.signals import parse_signal


@pytest.mark.parametrize("text", ["9", "KILL", "kill", "SIGKILL"])
def test_all_spellings_are_the_same_signal(text: str) -> None:
    assert parse_signal(text) == 9


def test_real_time_signals_have_relative_names() -> None:
    assert parse_signal("SIGRTMIN+3") == 37


@pytest.mark.parametrize("text", ["BAD", "0", "-1", "SIG", ""])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"invalid signal: {text}"):
        parse_signal(text)


@pytest.mark.parametrize("text", ["32", "33", "65", "99999999999"])
def test_numbers_without_a_signal_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"the linux daemon does not support signal {text}"):
        parse_signal(text)
