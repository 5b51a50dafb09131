"""An object that is made at its first use."""

import pytest

from scow.deferred import deferred


def test_it_is_made_once_and_when_first_used() -> None:
    made: list[list[int]] = []

    def make() -> list[int]:
        made.append([1, 2, 2])
        return made[-1]

    numbers = deferred(make)
    assert not made
    assert numbers.count(2) == 2
    numbers.append(3)
    assert made == [[1, 2, 2, 3]]


def test_what_could_not_be_made_is_tried_again() -> None:
    tries: list[None] = []

    def make() -> str:
        tries.append(None)
        if len(tries) == 1:
            raise ValueError("not yet")
        return "text"

    text = deferred(make)
    with pytest.raises(ValueError, match="not yet"):
        text.upper()
    assert text.upper() == "TEXT"
