"""Owned tasks, the bounded pool, and locks by key."""

import asyncio
import logging
import threading

import pytest

from scow import tasks
from scow.tasks import KeyedLock, TaskOwner, run_blocking


def test_blocking_work_runs_elsewhere_and_returns_its_result() -> None:
    async def main() -> None:
        def work(a: int, *, b: int) -> tuple[int, str]:
            return a + b, threading.current_thread().name

        result, thread = await run_blocking(work, 1, b=2)
        assert result == 3
        assert thread.startswith("blocking")
        with pytest.raises(ZeroDivisionError):
            await run_blocking(lambda: 1 // 0)

    asyncio.run(main())


def test_the_pool_is_bounded_and_full_of_it() -> None:
    async def main() -> None:
        barrier = threading.Barrier(tasks.POOL_SIZE)
        running: list[int] = []
        most: list[int] = []

        def work() -> None:
            running.append(1)
            most.append(len(running))
            barrier.wait(30)  # passes only when as many as the pool has run at once
            running.pop()

        await asyncio.gather(*(run_blocking(work) for _ in range(tasks.POOL_SIZE * 3)))
        assert max(most) <= tasks.POOL_SIZE

    asyncio.run(main())


def test_leaving_the_owner_cancels_and_waits() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def stubborn() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append("cleaned up")

        async with TaskOwner("test") as owner:
            task = owner.start(stubborn(), name="stubborn")
            await asyncio.sleep(0)
        assert ended == ["cleaned up"]
        assert task.cancelled()
        assert task.get_name() == "test: stubborn"
        await owner.aclose()

    asyncio.run(main())


def test_one_failure_is_logged_and_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def fail() -> None:
            raise ValueError("broken")

        async def work() -> str:
            await go.wait()
            return "done"

        async with TaskOwner("test") as owner:
            owner.start(fail(), name="failing")
            task = owner.start(work(), name="working")
            await asyncio.sleep(0)
            go.set()
            assert await task == "done"

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    (record,) = caplog.records
    assert record.getMessage() == "test: failing failed"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_waiting_for_idle_covers_tasks_started_meanwhile() -> None:
    async def main() -> None:
        seen: list[int] = []

        async with TaskOwner("test") as owner:

            async def chain(left: int) -> None:
                await asyncio.sleep(0)
                seen.append(left)
                if left:
                    owner.start(chain(left - 1), name=str(left))

            owner.start(chain(5), name="first")
            await owner.wait_idle()
        assert seen == [5, 4, 3, 2, 1, 0]

    asyncio.run(main())


def test_a_task_may_close_its_own_owner() -> None:
    async def main() -> None:
        owner = TaskOwner("test")

        async def close() -> None:
            await owner.aclose()

        async with asyncio.timeout(120):
            task = owner.start(close(), name="closing")
            await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())


def test_a_key_is_held_by_one_in_order_of_arrival_and_other_keys_are_free() -> None:
    async def main() -> None:
        locks = KeyedLock()
        order: list[str] = []

        async def hold(key: str, name: str, leave: asyncio.Event) -> None:
            async with locks.hold(key):
                order.append(f"{name} in")
                await leave.wait()
                order.append(f"{name} out")

        leave = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for key, name in (("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")):
                group.create_task(hold(key, name, leave))
            await asyncio.sleep(0)
            assert order == ["1 in", "3 in"]
            leave.set()
        assert [step for step in order if step[0] != "3"] == [
            "1 in",
            "1 out",
            "2 in",
            "2 out",
            "4 in",
            "4 out",
        ]

    asyncio.run(main())


def test_a_waiter_that_gives_up_leaves_the_queue_and_the_lock_is_forgotten() -> None:
    async def main() -> None:
        locks = KeyedLock()
        entered: list[str] = []

        async def hold(name: str) -> None:
            async with locks.hold("a"):
                entered.append(name)

        async with asyncio.TaskGroup() as group, locks.hold("a"):
            gives_up = group.create_task(hold("gives up"))
            group.create_task(hold("waits"))
            await asyncio.sleep(0)
            gives_up.cancel()
            await asyncio.wait([gives_up])
        assert entered == ["waits"]
        assert vars(locks) == {"_locks": {}}

    asyncio.run(main())


def test_an_error_inside_lets_the_next_one_in() -> None:
    async def main() -> None:
        locks = KeyedLock()
        with pytest.raises(ValueError, match="inside"):
            async with locks.hold("a"):
                raise ValueError("inside")
        async with asyncio.timeout(120), locks.hold("a"):
            pass

    asyncio.run(main())


def test_idle_threads_end_and_the_next_work_has_new_ones() -> None:
    async def main() -> None:
        pool = tasks.ThreadPool(2, "restful")
        first = await pool.run(threading.current_thread)
        tasks.end_idle_threads()
        first.join(30)
        assert not first.is_alive()
        assert await pool.run(threading.current_thread) is not first

    asyncio.run(main())


def test_threads_stay_while_one_of_them_is_at_work() -> None:
    async def main() -> None:
        pool = tasks.ThreadPool(1, "restless")
        begun, may_end = threading.Event(), threading.Event()

        def work() -> threading.Thread:
            begun.set()
            may_end.wait(30)
            return threading.current_thread()

        async with asyncio.TaskGroup() as group:
            under_way = group.create_task(pool.run(work))
            await run_blocking(begun.wait, 30)
            pool.end_idle()
            may_end.set()
        assert await pool.run(threading.current_thread) is under_way.result()

    asyncio.run(main())


def test_who_is_cancelled_twice_still_waits_for_what_must_end() -> None:
    async def main() -> None:
        may_end, ended = asyncio.Event(), []

        async def step() -> None:
            await may_end.wait()
            ended.append("step")

        async def child() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await step()

        async def block() -> None:
            async with tasks.running(child(), name="child"):
                await asyncio.sleep(0)

        for waiting in (tasks.to_end(step()), block()):
            may_end.clear()
            ended.clear()
            task = asyncio.get_running_loop().create_task(waiting)
            for _ in range(3):
                for _ in range(5):
                    await asyncio.sleep(0)
                task.cancel()
            assert not task.done()
            may_end.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended == ["step"]

    asyncio.run(main())
