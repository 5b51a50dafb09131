"""The small processes' event loop."""

import os
import select
from collections.abc import Iterator

import pytest

from scow.runtime.poller import Poller


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_a_handler_is_told_until_it_has_read(pipe: tuple[int, int]) -> None:
    poller = Poller()
    seen: list[int] = []
    poller.watch(pipe[0], select.EPOLLIN, seen.append)
    assert not poller.run_once(0)
    os.write(pipe[1], b"x")
    assert poller.run_once(0)
    assert poller.run_once(0)
    os.read(pipe[0], 1)
    assert not poller.run_once(0)
    assert seen == [select.EPOLLIN] * 2


def test_a_handler_that_only_raises_is_given_up(
    pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_events: int) -> None:
        raise ValueError("always")

    poller = Poller()
    poller.watch(pipe[0], select.EPOLLIN, fail)
    os.write(pipe[1], b"x")
    rounds = 0
    while poller.run_once(0):
        rounds += 1
    assert rounds == 10
    assert "ValueError: always" in capsys.readouterr().err


def test_an_event_of_a_closed_descriptor_is_not_given_to_its_successor() -> None:
    poller = Poller()
    told: list[int] = []
    first, second = os.pipe(), os.pipe()
    successor: list[int] = []

    def replace(_events: int) -> None:
        for ends in (first, second):
            poller.forget(ends[0])
            os.close(ends[0])
        successor.extend(os.dup(first[1]) for _ in range(2))  # the same numbers again
        for fd in successor:
            poller.watch(fd, 0, told.append)

    for ends in (first, second):
        os.write(ends[1], b"x")
        poller.watch(ends[0], select.EPOLLIN, replace)
    poller.run_once(0)
    assert set(successor) == {first[0], second[0]}
    assert told == []
    for fd in (*successor, first[1], second[1]):
        os.close(fd)
