"""What happened, in order, to whom it concerns.

Events go into the history and to every follower. A follower that does not read is cut off when its queue is
full: nothing here waits for a client.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeAlias

from scow.engine.event_filters import matches
from scow.engine.event_history import EventHistory
from scow.engine.timestamps import parse_query_time
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.event import Actor, Event
from scow.spec.filters import Filters

QUEUE_SIZE = 4096

_Queue: TypeAlias = "asyncio.Queue[Event | None]"


class EventBus:
    """The one place where events are made. ``clock`` gives nanoseconds since the epoch."""

    def __init__(self, history: EventHistory | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._history = history or EventHistory()
        self._followers: set[asyncio.Queue[Event | None]] = set()

    @property
    def followers(self) -> int:
        """How many clients are listening now."""
        return len(self._followers)

    def publish(self, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]) -> None:
        """Record that ``action`` happened to the ``kind`` object ``actor_id``."""
        now = self._clock()
        event = Event(
            type=kind,
            action=action,
            actor=Actor(id=actor_id, attributes=dict(attributes)),
            time=now // 1_000_000_000,
            time_nano=now,
        )
        self._history.add(event)
        for queue in list(self._followers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._followers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    def pruned(self, kind: str, reclaimed_bytes: int) -> None:
        """Record that unused objects of ``kind`` were removed."""
        self.publish(kind, "prune", "", {"reclaimed": str(reclaimed_bytes)})

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Past events from ``since`` on, then live ones until ``until`` or for ever.

        With neither only live events. Raises InvalidArgumentError for bad times.
        """
        since_ns, until_ns = _moment("since", since), _moment("until", until)
        if until_ns is not None and until_ns < (since_ns or 0):
            raise InvalidArgumentError(f"`since` time ({since}) cannot be after `until` time ({until})")
        return self._follow(since_ns, until_ns, filters)

    async def _follow(
        self, since_ns: int | None, until_ns: int | None, filters: Filters
    ) -> AsyncIterator[Event]:
        queue: _Queue = asyncio.Queue(QUEUE_SIZE)
        asks_past = since_ns is not None or until_ns is not None
        # Until the epoch is all there is until now: as in Docker, it bounds what is to come only.
        past = await self._history.between(since_ns or 0, until_ns or None) if asks_past else []
        # Nothing can have come in between: what is added from now on is put into the queue.
        self._followers.add(queue)
        try:
            for event in past:
                if matches(event, filters):
                    yield event
            deadline = self._deadline(until_ns)
            while (live := await _next(queue, deadline)) is not None:
                if until_ns is not None and live.time_nano > until_ns:
                    return
                if matches(live, filters):
                    yield live
        finally:
            self._followers.discard(queue)

    def _deadline(self, until_ns: int | None) -> float | None:
        """When it is ``until_ns`` by the loop's time."""
        if until_ns is None:
            return None
        return asyncio.get_running_loop().time() + (until_ns - self._clock()) / 1e9


async def _next(queue: _Queue, deadline: float | None) -> Event | None:
    """None from ``deadline``, a time of the loop, on, and when the queue was cut off.

    A deadline over more than this wait would fall upon whoever has the event in hand.
    """
    try:
        async with asyncio.timeout_at(deadline):
            return await queue.get()
    except TimeoutError:
        return None


def _moment(name: str, text: str) -> int | None:
    """Here, unlike for logs, "0" is a time: the first there is."""
    if text == "0":
        return 0
    try:
        return parse_query_time(text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value for '{name}': {exc.message}") from exc
