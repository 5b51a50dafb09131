"""The table of a container's life."""

import pytest

from scow.engine.containers.states import ALIVE, TRANSITIONS, Action, Status, next_status


def test_every_status_but_created_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) == set(Status)


def test_every_status_has_a_way_on() -> None:
    assert {status for status, _ in TRANSITIONS} == set(Status)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.RESTARTING])
def test_what_lives_cannot_be_removed(status: Status) -> None:
    with pytest.raises(KeyError):
        next_status(status, Action.REMOVE)


@pytest.mark.parametrize("status", sorted(ALIVE))
def test_whatever_is_alive_can_die(status: Status) -> None:
    assert next_status(status, Action.DIE) is Status.EXITED


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.REMOVING, Status.DEAD])
def test_only_what_is_down_can_start(status: Status) -> None:
    with pytest.raises(KeyError):
        next_status(status, Action.START)
