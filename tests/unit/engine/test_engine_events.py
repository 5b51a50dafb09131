"""The event bus."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from scow.engine.events import QUEUE_SIZE, RING_SIZE, EventBus
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters

SECOND = 1_000_000_000


def bus_with(*actions: str) -> EventBus:
    """Events one second apart, the first at second 1; the clock stands still after the last."""
    moments: Iterator[int] = iter([n * SECOND for n in range(1, len(actions) + 1)])
    bus = EventBus(lambda: next(moments, len(actions) * SECOND))
    for action in actions:
        bus.publish("container", action, "c" * 64, {"name": "web", "image": "busybox:latest", "app": "x"})
    return bus


async def collect(events: AsyncIterator[Event]) -> list[str]:
    return [event.action async for event in events]


def past(bus: EventBus, since: str, until: str, **filters: list[str]) -> list[str]:
    async def run() -> list[str]:
        return await collect(await bus.events(since, until, Filters(filters)))

    return asyncio.run(run())


def test_since_and_until_bound_the_past() -> None:
    bus = bus_with("create", "start", "die", "destroy")
    assert past(bus, "2", "3") == ["start", "die"]


def test_an_end_in_the_past_needs_no_start() -> None:
    assert past(bus_with("create", "start"), "", "1") == ["create"]


@pytest.mark.parametrize(
    ("key", "value", "passes"),
    [
        ("container", "web", True),
        ("container", "cccccc", True),
        ("container", "other", False),
        ("event", "start", True),
        ("event", "stop", False),
        ("type", "container", True),
        ("type", "image", False),
        ("image", "busybox", True),
        ("image", "busybox:latest", True),
        ("image", "alpine", False),
        ("label", "app=x", True),
        ("label", "app=y", False),
        ("scope", "swarm", False),
    ],
)
def test_filters_choose(key: str, value: str, passes: bool) -> None:
    assert past(bus_with("start"), "1", "1", **{key: [value]}) == (["start"] if passes else [])


def test_an_exec_event_is_found_by_its_verb() -> None:
    assert past(bus_with("exec_start: ls -l"), "1", "1", event=["exec_start"]) == ["exec_start: ls -l"]


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="invalid filter 'bogus'"):
        past(bus_with("start"), "1", "1", bogus=["x"])


def test_only_the_last_events_are_kept() -> None:
    bus = bus_with(*(f"e{n}" for n in range(RING_SIZE + 10)))
    assert past(bus, "1", str(RING_SIZE + 10))[0] == "e10"


def test_a_follower_sees_what_comes_after_it() -> None:
    async def run() -> str:
        bus = bus_with("create")
        events = await bus.events("", "", Filters())
        first = asyncio.get_running_loop().create_task(anext(events))
        await asyncio.sleep(0)
        bus.publish("container", "start", "c", {})
        return (await first).action

    assert asyncio.run(run()) == "start"


def test_a_follower_that_does_not_read_is_cut_off_and_the_others_are_not() -> None:
    async def run() -> int:
        bus = bus_with()
        slow = await bus.events("", "", Filters())
        first = asyncio.get_running_loop().create_task(anext(slow))
        await asyncio.sleep(0)
        for number in range(QUEUE_SIZE + 2):
            bus.publish("container", str(number), "c", {})
        await first
        assert bus.followers == 0
        return len(await collect(slow))

    assert asyncio.run(run()) < QUEUE_SIZE
