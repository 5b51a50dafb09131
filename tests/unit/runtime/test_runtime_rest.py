"""When the small processes give memory back."""

import time

import pytest

from scow.runtime import rest
from scow.runtime.rest import Rest


def test_it_begins_once_some_time_after_the_last_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now, begun = [100.0], [0]

    def begin() -> None:
        begun[0] += 1

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(rest, "give_back_memory", begin)
    resting = Rest()
    now[0] += 2
    resting.begin_if_due()
    assert (begun[0], resting.left_s()) == (0, 1.0)
    resting.put_off()
    now[0] += 2
    resting.begin_if_due()
    assert (begun[0], resting.left_s()) == (0, 1.0)
    now[0] += 2
    resting.begin_if_due()
    resting.begin_if_due()
    assert (begun[0], resting.left_s()) == (1, None)
