"""What happened, in order, to whom it concerns.

Events live in a ring of the last 256, as long as Docker keeps them, and go to every follower. A follower
that does not read is cut off when its queue is full: nothing here waits for a client.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from scow.engine.timestamps import parse_query_time
from scow.spec.engine_api.event import Actor, Event
from scow.spec.filters import Filters

RING_SIZE = 256
QUEUE_SIZE = 4096

_FILTERS = (
    "config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope",
    "secret", "service", "type", "volume",
)  # fmt: skip


class EventBus:
    """The one place where events are made. ``clock`` gives nanoseconds since the epoch."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._ring: deque[Event] = deque(maxlen=RING_SIZE)
        self._followers: set[asyncio.Queue[Event | None]] = set()

    @property
    def followers(self) -> int:
        """How many clients are listening now."""
        return len(self._followers)

    def publish(self, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]) -> None:
        """Record that ``action`` happened to the ``kind`` object ``actor_id``."""
        now = self._clock()
        legacy = kind in ("container", "image")
        event = Event(
            status=action if legacy else msgspec.UNSET,
            id=actor_id if legacy else msgspec.UNSET,
            from_=attributes.get("image", msgspec.UNSET) if kind == "container" else msgspec.UNSET,
            type=kind,
            action=action,
            actor=Actor(id=actor_id, attributes=dict(attributes)),
            time=now // 1_000_000_000,
            time_nano=now,
        )
        self._ring.append(event)
        for queue in list(self._followers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._followers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Events of the ring from ``since`` on, then live ones until ``until`` or for ever.

        Without ``since`` only live events. Raises InvalidArgumentError for bad times and filters.
        """
        filters.check(*_FILTERS)
        since_ns, until_ns = parse_query_time(since), parse_query_time(until)
        return self._follow(since_ns, until_ns, filters)

    async def _follow(
        self, since_ns: int | None, until_ns: int | None, filters: Filters
    ) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_SIZE)
        past = list(self._ring) if since_ns is not None or until_ns is not None else []
        self._followers.add(queue)
        try:
            for event in past:
                in_time = (since_ns or 0) <= event.time_nano <= (until_ns or event.time_nano)
                if in_time and matches(event, filters):
                    yield event
            deadline = None
            if until_ns is not None:
                left_ns = until_ns - self._clock()
                if left_ns <= 0:
                    return
                deadline = asyncio.get_running_loop().time() + left_ns / 1e9
            try:
                async with asyncio.timeout_at(deadline):
                    while (live := await queue.get()) is not None:
                        if matches(live, filters):
                            yield live
            except TimeoutError:
                return
        finally:
            self._followers.discard(queue)


def matches(event: Event, filters: Filters) -> bool:
    """Whether ``event`` passes: values of one key are alternatives, keys must all agree."""
    attributes = event.actor.attributes
    tests: dict[str, Callable[[str], bool]] = {
        "type": lambda value: event.type == value,
        "scope": lambda value: event.scope == value,
        "event": lambda value: event.action == value or event.action.startswith(value + ":"),
        "image": lambda value: _matches_image(event, value),
    }
    for key in filters:
        if key == "label":
            if not filters.match_labels(attributes):
                return False
            continue
        test = tests.get(key, lambda value, key=key: _matches_actor(event, key, value))
        if not any(test(value) for value in filters.get(key)):
            return False
    return True


def _matches_actor(event: Event, kind: str, value: str) -> bool:
    """``container=x``: by id, unique-looking prefix of an id, or name; also events that carry it."""
    attributes = event.actor.attributes
    if event.type != kind:
        return attributes.get(kind) == value
    return event.actor.id == value or attributes.get("name") == value or event.actor.id.startswith(value)


def _matches_image(event: Event, value: str) -> bool:
    name = event.actor.attributes.get("name" if event.type == "image" else "image", "")
    return value in (event.actor.id, name, name.split(":")[0])
