"""The event bus."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scow.engine.event_history import MAX_BYTES, MAX_EVENTS, EventHistory
from scow.engine.events import QUEUE_SIZE, EventBus
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters
from tests.unit.api.api_wire import until

SECOND = 1_000_000_000


def bus_with(*actions: str) -> EventBus:
    """Events one second apart, the first at second 1; the clock stands still after the last."""
    moments: Iterator[int] = iter([n * SECOND for n in range(1, len(actions) + 1)])
    bus = EventBus(clock=lambda: next(moments, len(actions) * SECOND))
    for action in actions:
        bus.publish("container", action, "c" * 64, {"name": "web", "image": "busybox:latest", "app": "x"})
    return bus


async def collect(events: AsyncIterator[Event]) -> list[str]:
    return [event.action async for event in events]


def actions(history: EventHistory) -> list[str]:
    return [event.action for event in asyncio.run(history.between(0, None))]


def past(bus: EventBus, since: str, until: str, **filters: list[str]) -> list[str]:
    async def run() -> list[str]:
        return await collect(await bus.events(since, until, Filters(filters)))

    return asyncio.run(run())


def test_since_and_until_bound_the_past() -> None:
    bus = bus_with("create", "start", "die", "destroy")
    assert past(bus, "2", "3") == ["start", "die"]


def test_an_end_in_the_past_needs_no_start() -> None:
    assert past(bus_with("create", "start"), "", "1") == ["create"]


def test_zero_is_a_time_that_everything_came_after_and_no_end() -> None:
    assert past(bus_with("create", "start"), "0", "1") == ["create"]
    assert past(bus_with("create", "start"), "0", "0") == ["create", "start"]  # as dockerd has it


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
        ("container", "we", True),
        ("container", "eb", False),
        ("image", "busy", False),
        ("daemon", "nobody", False),
        ("volume", "web", True),
        ("scope", "local", True),
        ("label", "app=x", True),
        ("label", "app=y", False),
        ("scope", "swarm", False),
    ],
)
def test_filters_choose(key: str, value: str, passes: bool) -> None:
    assert past(bus_with("start"), "1", "1", **{key: [value]}) == (["start"] if passes else [])


def test_an_exec_event_is_found_by_its_verb() -> None:
    assert past(bus_with("exec_start: ls -l"), "1", "1", event=["exec_start"]) == ["exec_start: ls -l"]


def test_an_unknown_filter_is_passed_over() -> None:
    assert past(bus_with("start"), "1", "1", bogus=["x"]) == ["start"]


@pytest.mark.parametrize(("since", "until"), [("x", ""), ("", "yesterday"), ("5", "4"), ("2.000000001", "2")])
def test_times_that_cannot_be_are_refused(since: str, until: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"'since'|'until'|cannot be after"):
        past(bus_with("start"), since, until)


def test_only_the_last_events_are_kept() -> None:
    bus = bus_with(*(f"e{n}" for n in range(MAX_EVENTS + 10)))
    assert past(bus, "1", str(MAX_EVENTS + 10))[0] == "e10"


def test_large_events_push_out_more() -> None:
    history = EventHistory()
    bus = EventBus(history, iter(range(SECOND, 100 * SECOND, SECOND)).__next__)
    for number in range(20):
        bus.publish("container", f"e{number}", "c", {"label": "x" * (MAX_BYTES // 4)})
    assert actions(history) == ["e17", "e18", "e19"]
    bus.publish("container", "giant", "c", {"label": "x" * (2 * MAX_BYTES)})
    assert actions(history) == ["giant"]


async def next_of(events: AsyncIterator[Event]) -> Event:
    return await anext(events)


def test_a_follower_sees_what_comes_after_it() -> None:
    async def run() -> str:
        bus = bus_with("create")
        events = await bus.events("", "", Filters())
        first = asyncio.get_running_loop().create_task(next_of(events))
        await asyncio.sleep(0)
        bus.publish("container", "start", "c", {})
        return (await first).action

    assert asyncio.run(run()) == "start"


def test_the_end_falls_upon_nobody_who_is_busy_with_an_event() -> None:
    now = [SECOND]

    async def run() -> list[str]:
        bus = EventBus(clock=lambda: now[0])
        bus.publish("container", "create", "c", {})
        events = await bus.events("1", "1.05", Filters())
        seen = [(await anext(events)).action]
        bus.publish("container", "start", "c", {})
        seen.append((await anext(events)).action)
        late = asyncio.get_running_loop().time() + 0.1
        await until(lambda: asyncio.get_running_loop().time() > late)
        now[0] = 2 * SECOND
        bus.publish("container", "die", "c", {})
        return seen + await collect(events)

    assert asyncio.run(run()) == ["create", "start"]


def test_a_follower_that_does_not_read_is_cut_off_and_the_others_are_not() -> None:
    async def run() -> int:
        bus = bus_with()
        slow = await bus.events("", "", Filters())
        first = asyncio.get_running_loop().create_task(next_of(slow))
        await asyncio.sleep(0)
        for number in range(QUEUE_SIZE + 2):
            bus.publish("container", str(number), "c", {})
        await first
        assert bus.followers == 0
        return len(await collect(slow))

    assert asyncio.run(run()) < QUEUE_SIZE


def test_the_kinds_of_one_filter_are_alternatives() -> None:
    assert past(bus_with("create", "start", "die"), "1", "3", event=["create", "die"]) == ["create", "die"]


# What is on disk


async def publish(path: Path, *actions: str, close: bool = True) -> None:
    """One life of the engine."""
    history = EventHistory(path)
    history.load()
    bus = EventBus(history)
    for action in actions:
        bus.publish("container", action, "c", {"name": "web"})
    if close:
        await history.aclose()


def kept(path: Path) -> list[str]:
    history = EventHistory(path)
    history.load()
    return actions(history)


def test_events_outlive_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    asyncio.run(publish(path, "create", "start"))
    asyncio.run(publish(path, "die"))
    assert kept(path) == ["create", "start", "die"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_batch_is_written_without_being_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"

    async def run() -> None:
        await publish(path, "create", close=False)
        await until(path.exists)

    asyncio.run(run())
    assert kept(path) == ["create"]


@pytest.mark.parametrize("damage", [b'{"Type":"conta', b"\0\0\0", b"{}\n", b"\xff\xfe\n[1]\n"])
def test_a_torn_file_costs_what_was_torn(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    asyncio.run(publish(path, "create"))
    with path.open("ab") as file:
        file.write(damage)
    assert kept(path) == ["create"]
    asyncio.run(publish(path, "start"))
    assert kept(path) == ["create", "start"]


def test_the_file_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"

    async def run() -> None:
        history = EventHistory(path)
        bus = EventBus(history)
        for number in range(60):
            bus.publish("container", f"e{number}", "c", {"label": "x" * (MAX_BYTES // 16)})
            if number % 7 == 0:
                await history.aclose()
        await history.aclose()

    asyncio.run(run())
    assert path.stat().st_size <= 2 * MAX_BYTES
    assert kept(path)[-1] == "e59"


def test_a_disk_that_was_full_gets_the_events_later(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "events.jsonl"

    async def run() -> None:
        history = EventHistory(path)
        bus = EventBus(history)
        bus.publish("container", "create", "c", {})
        await history.aclose()
        path.parent.mkdir()
        bus.publish("container", "start", "c", {})
        await history.aclose()

    asyncio.run(run())
    assert kept(path) == ["create", "start"]


def test_events_that_are_not_written_yet_follow_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"

    async def run() -> list[str]:
        await publish(path, "create", "start")
        history = EventHistory(path)
        history.load()
        EventBus(history).publish("container", "die", "c", {})
        found = [event.action for event in await history.between(0, None)]
        assert path.read_bytes().count(b"\n") == 2
        await history.aclose()
        return found

    assert asyncio.run(run()) == kept(path) == ["create", "start", "die"]


def test_events_are_told_once_to_who_asks_for_the_past_while_they_happen(tmp_path: Path) -> None:
    async def run() -> list[str]:
        history = EventHistory(tmp_path / "events.jsonl")
        bus = EventBus(history)
        total = 300
        seen: list[str] = []

        async def follow() -> None:
            async for event in await bus.events("0", "", Filters()):
                seen.append(event.action)
                if len(seen) == total:
                    return

        bus.publish("container", "e0", "c", {})
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            group.create_task(follow())
            for number in range(1, total):
                bus.publish("container", f"e{number}", "c", {})
                await asyncio.sleep(0)
                if number % 20 == 0:
                    await history.aclose()  # writes
        return seen

    assert asyncio.run(run()) == [f"e{number}" for number in range(300)]


def test_a_batch_of_which_a_part_was_written_is_written_again_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    asyncio.run(publish(path, "create"))
    write, size = os.write, path.stat().st_size

    def write_some(fd: int, data: memoryview) -> int:
        write(fd, data[: size + 5])  # one event of these two, and a piece of the other
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def run() -> None:
        history = EventHistory(path)
        history.load()
        bus = EventBus(history)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write_some)
            for action in ("start", "die"):
                bus.publish("container", action, "c", {"name": "web"})
            await history.aclose()
        assert [event.action for event in await history.between(0, None)] == ["create", "start", "die"]
        await history.aclose()

    asyncio.run(run())
    assert kept(path) == ["create", "start", "die"]


def test_a_file_that_was_taken_away_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"

    async def run() -> None:
        history = EventHistory(path)
        bus = EventBus(history)
        for action in ("create", "start"):
            bus.publish("container", action, "c", {})
            await history.aclose()
            if action == "create":
                path.unlink()

    asyncio.run(run())
    assert kept(path) == ["start"]
