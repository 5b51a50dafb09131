"""Events."""

import msgspec

from scow.spec.engine_api.body import Body


class Actor(Body, kw_only=True):
    """The object an event is about."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str]


class Event(Body, kw_only=True):
    """One event; ``status``, ``id`` and ``from`` repeat other fields for clients that know no others.

    ``time`` in Unix seconds, ``time_nano`` in nanoseconds.
    """

    status: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="status")
    id: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="id")
    from_: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="from")
    type: str
    action: str
    actor: Actor
    scope: str = msgspec.field(default="local", name="scope")
    time: int = msgspec.field(name="time")
    time_nano: int = msgspec.field(name="timeNano")
