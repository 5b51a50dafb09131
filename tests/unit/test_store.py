"""The document store: durable, all or nothing, and nobody waits in vain."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from scow.store import SCHEMA_VERSION, Delete, Put, Store

# What SQLite refuses, and no caller with types can say.
NO_BODY: Any = None


def _with_store(path: Path, work: Any) -> Any:
    """Run ``work(store)`` on a store that is closed afterwards."""

    async def run() -> Any:
        store = Store(path)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


def _load(path: Path, kind: str) -> list[tuple[str, bytes]]:
    async def work(store: Store) -> list[tuple[str, bytes]]:
        return store.load(kind)

    found: list[tuple[str, bytes]] = _with_store(path, work)
    return found


def test_documents_come_back_by_kind_in_the_order_of_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scow.db"

    def work(store: Store) -> Coroutine[Any, Any, None]:
        return store.commit(
            Put("container", "b", b"2"), Put("container", "a", b"1\0"), Put("volume", "a", b"v")
        )

    _with_store(path, work)
    assert _load(path, "container") == [("a", b"1\0"), ("b", b"2")]
    assert _load(path, "volume") == [("a", b"v")]
    assert _load(path, "image") == []


def test_changes_of_one_commit_happen_in_order(tmp_path: Path) -> None:
    def work(store: Store) -> Coroutine[Any, Any, None]:
        return store.commit(
            Put("k", "a", b"1"),
            Delete("k", "a"),
            Put("k", "b", b"1"),
            Put("k", "b", b"2"),
            Delete("k", "none"),
        )

    _with_store(tmp_path / "db", work)
    assert _load(tmp_path / "db", "k") == [("b", b"2")]


def test_a_commit_that_fails_changes_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(sqlite3.Error):
            await store.commit(Put("k", "a", b"1"), Put("k", "b", NO_BODY))
        await store.commit(Put("k", "c", b"3"))

    _with_store(tmp_path / "db", work)
    assert _load(tmp_path / "db", "k") == [("c", b"3")]


def test_only_the_culprit_of_a_joint_transaction_hears_of_it(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        results = await asyncio.gather(
            *(store.commit(Put("k", f"{n:03}", b"x" if n != 7 else NO_BODY)) for n in range(40)),
            return_exceptions=True,
        )
        assert [n for n, result in enumerate(results) if result is not None] == [7]
        assert isinstance(results[7], sqlite3.Error)

    _with_store(tmp_path / "db", work)
    assert [key for key, _ in _load(tmp_path / "db", "k")] == [f"{n:03}" for n in range(40) if n != 7]


def test_a_key_that_cannot_be_stored_is_its_callers_problem_only(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        async with asyncio.timeout(120):
            with pytest.raises(UnicodeEncodeError):
                await store.commit(Put("k", "\udcff", b""))
            await store.commit(Put("k", "a", b""))

    _with_store(tmp_path / "db", work)
    assert _load(tmp_path / "db", "k") == [("a", b"")]


def test_a_cancelled_caller_does_not_undo_its_commit(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        task = asyncio.get_running_loop().create_task(store.commit(Put("k", "a", b"")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _with_store(tmp_path / "db", work)
    assert _load(tmp_path / "db", "k") == [("a", b"")]


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        loop = asyncio.get_running_loop()
        commits = [loop.create_task(store.commit(Put("k", f"{n:03}", b""))) for n in range(100)]
        await asyncio.sleep(0)
        await store.aclose()
        await store.aclose()
        await asyncio.gather(*commits)

    _with_store(tmp_path / "db", work)
    assert len(_load(tmp_path / "db", "k")) == 100


def test_a_closed_store_refuses_also_while_it_closes(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        await store.commit(Put("k", "a", b""))
        async with asyncio.timeout(120):
            closing = asyncio.get_running_loop().create_task(store.aclose())
            await asyncio.sleep(0)
            with pytest.raises(sqlite3.ProgrammingError, match="is closed"):
                await store.commit(Put("k", "b", b""))
            await closing
        with pytest.raises(sqlite3.ProgrammingError, match="is closed"):
            await store.commit(Put("k", "c", b""))

    _with_store(tmp_path / "db", work)
    assert _load(tmp_path / "db", "k") == [("a", b"")]


def test_a_store_serves_a_second_loop_after_the_first_one_left_early(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")

    async def leave_early() -> None:
        for n in range(50):
            asyncio.get_running_loop().create_task(store.commit(Put("k", f"{n:03}", b"")))
        await asyncio.sleep(0)

    asyncio.run(leave_early())

    async def stay() -> None:
        async with asyncio.timeout(120):
            await store.commit(Put("k", "last", b""))
            await store.aclose()

    asyncio.run(stay())
    assert ("last", b"") in _load(tmp_path / "db", "k")


def test_a_file_that_is_no_database_is_refused_and_closed(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"something else entirely" * 100)
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(sqlite3.DatabaseError):
        Store(tmp_path / "db")
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_database_of_a_newer_scow_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "db"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    database.close()
    with pytest.raises(sqlite3.DatabaseError, match="newer scow"):
        Store(path)
    database = sqlite3.connect(path)
    assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    database.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from scow.store import Put, Store

async def main():
    store = Store(Path(sys.argv[1]))
    number = 0
    while True:
        number += 1
        body = str(number).encode()
        await store.commit(Put("k", "left", body), Put("k", "right", body))
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_was_committed_survives_a_kill_and_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 20:
                writer.send_signal(signal.SIGKILL)
                break
        confirmed = max(int(line), *(int(rest) for rest in writer.stdout), 0)
    (_, left), (_, right) = _load(path, "k")
    assert left == right
    assert int(left) >= confirmed


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "store"]


def test_a_store_that_rests_has_no_thread_and_writes_again_when_asked(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        for number in range(3):
            await store.commit(Put("k", str(number), b"x"))
            (thread,) = writers()
            store.rest()
            thread.join(30)
            assert writers() == []
            store.rest()

    _with_store(tmp_path / "db", work)
    assert [key for key, _ in _load(tmp_path / "db", "k")] == ["0", "1", "2"]


def test_a_store_that_is_to_rest_while_it_writes_goes_on(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(store.commit(Put("k", f"{number:02}", b"x")))
                await asyncio.sleep(0)
                store.rest()

    _with_store(tmp_path / "db", work)
    assert len(_load(tmp_path / "db", "k")) == 50
