"""Documents in SQLite: the engine's memory across restarts.

Every service keeps its objects in memory and reads from there; this file is where they are read from
at start-up and written to on every change. A change that touches several objects is one ``commit``:
after a kill either all of it is there or nothing. One thread writes, and takes all batches that are
waiting in one transaction, so a slow fsync stalls neither the event loop nor other writers' queues.

    kind    "container", "volume", "image", "tag", "endpoint", … — one owner each
    key     unique within its kind
    body    bytes, opaque here (JSON of the owner's struct)

SQLite runs with WAL and synchronous=FULL: a commit that returned survives power loss.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Put:
    """Insert or replace one document."""

    kind: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one document; not an error when it is not there."""

    kind: str
    key: str


Change = Put | Delete
_Batch = tuple[Sequence[Change], asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Store:
    """The database of one data root. Open once; ``load`` before the first ``commit``."""

    def __init__(self, path: Path) -> None:
        """Open or make the database at ``path``. Raises ``sqlite3.DatabaseError`` if it is none of ours."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unsettled: set[asyncio.Future[None]] = set()
        self._closed = False

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"{self._path} was written by a newer scow (schema {version})")
        # The default cache of 2 MB would be the largest object of an idle engine.
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;" + _SCHEMA
        )
        self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def load(self, kind: str) -> list[tuple[str, bytes]]:
        """All documents of ``kind``, by key. For start-up: reads on the caller's thread."""
        return self._db.execute(
            "SELECT key, body FROM documents WHERE kind = ? ORDER BY key", (kind,)
        ).fetchall()

    def read(self, *kinds: str) -> dict[str, list[tuple[str, bytes]]]:
        """All documents of ``kinds`` as they are at one moment, each by key. Blocks; for any thread."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            rows = "SELECT key, body FROM documents WHERE kind = ? ORDER BY key"
            return {kind: db.execute(rows, (kind,)).fetchall() for kind in kinds}

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file, a sentence each. Blocks; for any thread."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            try:
                found = [str(text) for (text,) in db.execute("PRAGMA integrity_check")]
            except sqlite3.DatabaseError as exc:
                return [str(exc)]
        return [] if found == ["ok"] else found

    async def commit(self, *changes: Change) -> None:
        """Make ``changes`` durable, all or none. Raises ``sqlite3.Error`` (disk full, I/O error, closed).

        A cancelled caller does not undo the commit.
        """
        if self._closed:
            raise sqlite3.ProgrammingError(f"{self._path} is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._thread is None:
            # A queue of its own: in the old one is the word by which the thread before it ends.
            self._queue = queue.SimpleQueue()
            self._thread = threading.Thread(
                target=self._write, args=(self._queue,), name="store", daemon=True
            )
            self._thread.start()
        self._unsettled.add(done)
        done.add_done_callback(self._unsettled.discard)
        self._queue.put((changes, loop, done))
        await asyncio.shield(done)

    def rest(self) -> None:
        """Give back what only writing needs, unless somebody writes: the thread, and SQLite's free pages.

        The next commit starts another.
        """
        if self._closed or self._unsettled:
            return
        if self._thread is not None:
            self._queue.put(None)
            self._thread = None
        self._db.execute("PRAGMA shrink_memory")

    async def aclose(self) -> None:
        """Finish what is queued and close the file. May be called twice."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(None, thread.join)
        self._db.close()

    def _write(self, waiting: "queue.SimpleQueue[_Batch | None]") -> None:
        while (first := waiting.get()) is not None:
            batches = [first]
            closing = False
            while not waiting.empty():
                following = waiting.get()
                if following is None:
                    closing = True
                    break
                batches.append(following)
            self._write_batches(batches)
            if closing:
                return

    def _write_batches(self, batches: list[_Batch]) -> None:
        """One transaction for all; if that fails, one each, so that only the culprit hears of it."""
        # Every failure belongs to a caller: one that ended this thread would leave all of them waiting.
        try:
            self._apply([change for changes, _, _ in batches for change in changes])
        except Exception:
            for changes, loop, done in batches:
                try:
                    self._apply(changes)
                except Exception as exc:
                    _answer(loop, done, exc)
                else:
                    _answer(loop, done, None)
        else:
            for _, loop, done in batches:
                _answer(loop, done, None)

    def _apply(self, changes: Sequence[Change]) -> None:
        cursor = self._db.cursor()  # one for all: a connection remembers two hundred that have gone
        cursor.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                match change:
                    case Put(kind, key, body):
                        cursor.execute("REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, body))
                    case Delete(kind, key):
                        cursor.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))
            cursor.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                cursor.execute("ROLLBACK")
            raise


def _answer(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]", exc: Exception | None) -> None:
    try:
        loop.call_soon_threadsafe(_settle, done, exc)
    except RuntimeError:
        pass  # that loop is closed, and whoever waited there is gone


def _settle(done: "asyncio.Future[None]", exc: Exception | None) -> None:
    if done.done():
        return
    if exc is None:
        done.set_result(None)
    else:
        done.set_exception(exc)
