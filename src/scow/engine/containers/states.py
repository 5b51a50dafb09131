"""The life of a container, as a table.

    created ──start──▶ running ──die──▶ exited ──start──▶ running
                       │  ▲    ──die──▶ restarting ──start──▶ running        (restart policy)
                    pause unpause
                       ▼  │
                      paused ──die──▶ exited
    created, exited, dead ──remove──▶ removing ──▶ (gone) or dead

Whatever is not in the table cannot happen. Every step through it is one commit and one event, made
under that container's lock.
"""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The words of ``.State.Status``."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"


class Action(StrEnum):
    """What moves a container from one status to the next."""

    START = "start"
    START_FAILED = "start failed"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    DIE = "die"
    DIE_TO_RESTART = "die to restart"
    GIVE_UP_RESTART = "give up restart"
    REMOVE = "remove"
    REMOVE_FAILED = "remove failed"


S, A = Status, Action
TRANSITIONS: Final[dict[tuple[Status, Action], Status]] = {
    (S.CREATED, A.START): S.RUNNING,
    (S.EXITED, A.START): S.RUNNING,
    (S.RESTARTING, A.START): S.RUNNING,
    # A start that fails leaves a container as it was, but for the error and the exit code that it keeps.
    (S.CREATED, A.START_FAILED): S.CREATED,
    (S.EXITED, A.START_FAILED): S.EXITED,
    (S.RESTARTING, A.START_FAILED): S.EXITED,
    (S.RUNNING, A.PAUSE): S.PAUSED,
    (S.PAUSED, A.UNPAUSE): S.RUNNING,
    (S.RUNNING, A.DIE): S.EXITED,
    (S.PAUSED, A.DIE): S.EXITED,
    (S.RUNNING, A.DIE_TO_RESTART): S.RESTARTING,
    (S.PAUSED, A.DIE_TO_RESTART): S.RESTARTING,
    (S.RESTARTING, A.GIVE_UP_RESTART): S.EXITED,
    (S.CREATED, A.REMOVE): S.REMOVING,
    (S.EXITED, A.REMOVE): S.REMOVING,
    (S.DEAD, A.REMOVE): S.REMOVING,
    (S.REMOVING, A.REMOVE): S.REMOVING,
    (S.REMOVING, A.REMOVE_FAILED): S.DEAD,
}

ALIVE: Final = frozenset({S.RUNNING, S.PAUSED})
"""A process exists."""


def next_status(status: Status, action: Action) -> Status:
    """Where ``action`` leads from ``status``.

    Raises ``KeyError`` for a step that is not in the table: the caller asked for the wrong thing, or
    did not check first; either is a bug here, not the user's.
    """
    return TRANSITIONS[status, action]
