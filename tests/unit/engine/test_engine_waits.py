"""The three conditions of wait."""

import asyncio

import pytest

from scow.engine.containers.model import Container, State
from scow.engine.containers.states import Status
from scow.engine.containers.waits import Waits
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig, HostConfig
from scow.spec.engine_api.container_views import WaitError, WaitResult


def container(status: Status, code: int = 0) -> Container:
    return Container(
        id="c" * 64,
        name="web",
        created="2026-01-01T00:00:00Z",
        image_id="",
        config=ContainerConfig(),
        host=HostConfig(),
        path="true",
        args=[],
        state=State(status=status, exit_code=code),
    )


def test_not_running_is_answered_at_once_for_what_does_not_run() -> None:
    async def run() -> int:
        return (await Waits().wait(container(Status.EXITED, 3), "not-running")).status_code

    assert asyncio.run(run()) == 3


@pytest.mark.parametrize("condition", ["", "not-running", "next-exit"])
def test_an_exit_settles_all_but_removed(condition: str) -> None:
    async def run() -> None:
        waits, doc = Waits(), container(Status.RUNNING)
        exit_wait, removal_wait = waits.wait(doc, condition), waits.wait(doc, "removed")
        doc.state.status, doc.state.exit_code = Status.EXITED, 7
        waits.exited(doc)
        assert (await exit_wait).status_code == 7
        assert not removal_wait.done()
        waits.removed(doc)
        assert (await removal_wait).status_code == 7

    asyncio.run(run())


def test_a_removal_is_no_error_even_if_the_start_was() -> None:
    async def run() -> None:
        waits, doc = Waits(), container(Status.CREATED, 127)
        doc.state.error = "not found"
        removal_wait = waits.wait(doc, "removed")
        assert (await waits.wait(doc, "not-running")).error == WaitError(message="not found")
        waits.removed(doc)
        assert (await removal_wait) == WaitResult(status_code=127)

    asyncio.run(run())


def test_next_exit_waits_even_for_what_is_down() -> None:
    async def run() -> bool:
        return Waits().wait(container(Status.CREATED), "next-exit").done()

    assert not asyncio.run(run())


def test_a_wait_that_was_given_up_does_no_harm() -> None:
    async def run() -> None:
        waits, doc = Waits(), container(Status.RUNNING)
        waits.wait(doc, "next-exit").cancel()
        waits.exited(doc)

    asyncio.run(run())


def test_another_condition_is_refused() -> None:
    async def run() -> None:
        Waits().wait(container(Status.RUNNING), "someday")

    with pytest.raises(InvalidArgumentError, match='invalid condition: "someday"'):
        asyncio.run(run())


def test_one_that_waits_for_its_restart_counts_as_running() -> None:
    async def run() -> int:
        waits, doc = Waits(), container(Status.RESTARTING, 3)
        pending = waits.wait(doc, "not-running")
        assert not pending.done()
        doc.state.status = Status.EXITED
        waits.exited(doc)
        return (await pending).status_code

    assert asyncio.run(run()) == 3


def test_a_removal_that_failed_is_told_with_its_reason() -> None:
    async def run() -> None:
        waits, doc = Waits(), container(Status.EXITED, 0)
        pending = waits.wait(doc, "removed")
        waits.removed(doc, "unable to remove filesystem")
        assert (await pending).error == WaitError(message="unable to remove filesystem")

    asyncio.run(run())
