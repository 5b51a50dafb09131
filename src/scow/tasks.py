"""Tasks with owners, blocking work in a bounded pool, and one lock per object.

The only module that may call ``loop.create_task`` (ruff holds this): a task that nobody owns loses its
exceptions and can be collected in mid-flight.
"""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

# Blocking work is mounts, small files and SQLite: it waits for the kernel, not for a core. Eight keeps
# a burst of starts moving on two cores without letting one API client own every thread.
POOL_SIZE = 8


class ThreadPool:
    """At most ``size`` threads for work that blocks, each started when there is work for it."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._executor: ThreadPoolExecutor | None = None
        self._under_way: set[concurrent.futures.Future[Any]] = set()
        _pools.append(self)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function`` in one of the threads and return what it returns.

        Cancelling the caller does not stop the function: it ends by itself, its result is dropped.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size, thread_name_prefix=self._name)
        work = self._executor.submit(function, *args, **kwargs)
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return await asyncio.wrap_future(work)

    def end_idle(self) -> None:
        """Let the threads go, unless one of them is at work; the next to work is a new one."""
        if self._executor is not None and not self._under_way:
            self._executor.shutdown(wait=False)
            self._executor = None


_pools: list[ThreadPool] = []
_blocking = ThreadPool(POOL_SIZE, "blocking")


async def run_blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``ThreadPool.run`` of the one bounded pool for blocking work that ends by itself."""
    return await _blocking.run(function, *args, **kwargs)


def end_idle_threads() -> None:
    """Of all pools that have nothing to do: each thread keeps a stack, and free memory of its own."""
    for pool in _pools:
        pool.end_idle()


async def run_in_own_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a thread of its own: for work that waits for a client, who may take for ever.

    The pool's threads are for work that ends by itself. Cancelling the caller does not stop the function.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        if not done.done():
            result()

    def work() -> None:
        try:
            value = function(*args, **kwargs)
        except BaseException as exc:
            failure = exc
            told = partial(settle, lambda: done.set_exception(failure))
        else:
            told = partial(settle, lambda: done.set_result(value))
        with suppress(RuntimeError):  # the loop is closed, and whoever waited there is gone
            loop.call_soon_threadsafe(told)

    threading.Thread(target=work, name="client work", daemon=True).start()
    return await done


_carried_out: set[asyncio.Task[Any]] = set()


async def to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` to its end: a caller cancelled, once or more, waits for it and only then hears of it.

    For steps of which none may be left out once the first is done.
    """
    task = asyncio.get_running_loop().create_task(coroutine)
    _carried_out.add(task)
    task.add_done_callback(_carried_out.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await wait_ended({task})
        finally:
            if not task.cancelled():
                task.exception()  # seen: the cancellation is what the caller hears of
        raise


async def open_blocking(opening: Callable[[], T], close: Callable[[T], object]) -> T:
    """Run ``opening`` in the blocking pool; what it opens for a caller that is cancelled is closed again.

    For descriptors and what has some, which nobody else would know of.
    """
    opened: list[T] = []
    try:
        await to_end(run_blocking(lambda: opened.append(opening())))
    except BaseException:
        for it in opened:
            close(it)
        raise
    return opened[0]


async def wait_ended(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Wait for all of ``tasks``, and raise a cancellation that comes meanwhile when they have ended.

    A client that leaves can cancel a handler that is busy with the end of a failure.
    """
    cancelled = None
    while left := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled


class TaskOwner:
    """Owns background tasks that outlive the call that started them.

    Unlike ``asyncio.TaskGroup``, one task's failure is logged and leaves the others alone: a broken log
    follower must not end another client's attach. ``async with`` cancels what is left and waits for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start ``coroutine`` as a task called ``name``."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=exc)

    async def wait_idle(self) -> None:
        """Wait until no task is left; tasks started meanwhile are waited for too."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def aclose(self) -> None:
        """Cancel what is left and wait for it. May be called twice."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()


@asynccontextmanager
async def running(*coroutines: Coroutine[Any, Any, T], name: str) -> AsyncIterator[list[asyncio.Task[T]]]:
    """Run ``coroutines`` as tasks within the block, at whose end those that are left are cancelled.

    What became of each is for the block to ask; a failure that nobody asked for is dropped.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(it, name=name) for it in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        try:
            await wait_ended(tasks)
        finally:
            for task in tasks:
                if not task.cancelled():
                    task.exception()


class KeyedLock:
    """One lock per key, made when first wanted and forgotten when the last holder leaves."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of ``key``; waiters are served in order of arrival."""
        lock, users = self._locks.get(key, (None, 0))
        if lock is None:
            lock = asyncio.Lock()
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
