"""All records: kept over restarts until somebody removes them, or they are too many and too old.

    documents "build history"          ref → BuildRecord of a build that has ended
    <data root>/build/history/<hex>    blobs that the records name

Blobs are written first, then the record: a kill between leaves blobs that nobody names, which go when the
history is first wanted again. What is going on is known in memory only, so a build that a kill ended has no
record.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from scow.build.history.blobs import HistoryBlobs
from scow.build.history.filters import parse_history_filters
from scow.build.history.recording import HistoryForms, Recording, shown_attributes
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError
from scow.spec.build_history import (
    BuildRecord,
    Document,
    ExporterEntry,
    HistoryEvent,
    HistoryLimits,
    HistoryQuery,
)
from scow.store import Delete, Put, Store
from scow.tasks import run_blocking, to_end

_KIND = "build history"

_log = logging.getLogger(__name__)


class HistoryRecords:
    """See ``scow.spec.build_history.BuildHistory``. Used on the event loop."""

    def __init__(self, store: Store, folder: Path, limits: HistoryLimits, forms: HistoryForms) -> None:
        """``folder`` is for blobs alone."""
        self._store = store
        self._blobs = HistoryBlobs(folder)
        self._limits = limits
        self._forms = forms
        self._active: dict[str, BuildRecord] = {}
        self._ending: set[asyncio.Event] = set()
        """Builds whose clients may have been answered, and whose records are not there yet."""
        self._ended: dict[str, BuildRecord] | None = None
        self._listeners: set[asyncio.Queue[HistoryEvent]] = set()
        # Between its blobs and its record nobody may think that the blobs are nobody's.
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def recorded(
        self,
        ref: str,
        frontend: str,
        attributes: Mapping[str, str],
        exporters: Sequence[ExporterEntry],
        *,
        internal: bool = False,
    ) -> AsyncIterator[Recording]:
        """See ``BuildHistory``. Raises ConflictError for a name that is in use."""
        recording = Recording(
            BuildRecord(
                ref=ref,
                frontend=frontend,
                attributes=shown_attributes(attributes),
                exporters=list(exporters),
                created_ns=time.time_ns(),
            )
        )
        if internal:
            yield recording
            return
        if ref in self._active:
            raise ConflictError(f"job ID {ref} exists")
        self._active[ref] = recording.record
        self._tell(HistoryEvent("started", ref, recording.record))
        error: BaseException | None = None
        try:
            yield recording
        except BaseException as exc:
            error = exc
            raise
        finally:
            await self._ended_by(recording, error)

    async def _ended_by(self, recording: Recording, error: BaseException | None) -> None:
        """Have the record. Whoever asks for records meanwhile waits for it."""
        whole = asyncio.Event()
        self._ending.add(whole)
        try:
            await to_end(self._finish(recording, error))
        finally:
            self._ending.discard(whole)
            whole.set()

    async def _all_whole(self) -> None:
        """Builds that have ended by now have their records."""
        for whole in tuple(self._ending):
            await whole.wait()

    async def _finish(self, recording: Recording, error: BaseException | None) -> None:
        ref = recording.record.ref
        try:
            record, documents = await run_blocking(recording.finished, self._forms, time.time_ns(), error)
            await self._keep(record, documents)
        except Exception:  # what became of the build does not depend on who remembers it
            _log.exception("build %s has no record", ref)
        finally:
            self._active.pop(ref, None)

    async def _keep(self, record: BuildRecord, documents: Sequence[Document]) -> None:
        ended = await self._loaded()
        async with self._changing:
            await run_blocking(self._write, documents)
            await self._store.commit(Put(_KIND, record.ref, msgspec.json.encode(record)))
            ended[record.ref] = record
            self._active.pop(record.ref, None)
            self._tell(HistoryEvent("complete", record.ref, record))
            await self._remove(self._surplus(time.time_ns()))

    def _write(self, documents: Sequence[Document]) -> None:
        for document in documents:
            self._blobs.write(document.data)

    # Who asks

    async def events(self, query: HistoryQuery) -> AsyncIterator[HistoryEvent]:
        """See ``BuildHistory``."""
        if query.limit < 0:
            raise InvalidArgumentError(f"invalid limit {query.limit}")
        wanted = parse_history_filters(query.filters)
        await self._all_whole()
        ended = await self._loaded()
        queue: asyncio.Queue[HistoryEvent] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            found = [HistoryEvent("started", it.ref, it) for it in self._active.values()]
            if not query.active_only:
                records = sorted(filter(wanted, ended.values()), key=lambda it: -it.created_ns)
                records = [it for it in records if query.ref in ("", it.ref)]
                found += [HistoryEvent("complete", it.ref, it) for it in records[: query.limit or None]]
            for event in found:
                if query.ref in ("", event.ref):
                    yield event
            while not query.early_exit:
                event = await queue.get()
                if query.ref in ("", event.ref):
                    yield event
        finally:
            self._listeners.discard(queue)

    async def find(self, ref: str) -> BuildRecord | None:
        """See ``BuildHistory``."""
        await self._all_whole()
        return (await self._loaded()).get(ref)

    async def blob(self, digest: str) -> bytes:
        """See ``BuildHistory``."""
        await self._loaded()
        return await run_blocking(self._blobs.read, digest)

    # Changes

    async def pin(self, ref: str, *, pinned: bool) -> None:
        """See ``BuildHistory``."""
        await self._all_whole()
        ended = await self._loaded()
        async with self._changing:
            record = ended.get(ref)
            if record is None:
                raise NotFoundError(f"failed to retrieve ref {ref}: file does not exist")
            changed = msgspec.structs.replace(record, pinned=pinned, generation=record.generation + 1)
            await self._store.commit(Put(_KIND, ref, msgspec.json.encode(changed)))
            ended[ref] = changed
            self._tell(HistoryEvent("complete", ref, changed))

    async def delete(self, ref: str) -> None:
        """See ``BuildHistory``."""
        await self._all_whole()
        ended = await self._loaded()
        async with self._changing:
            if ref not in ended:
                raise NotFoundError(f'lease "ref_{ref}": not found')
            await self._remove([ref])

    async def _remove(self, refs: Sequence[str]) -> None:
        """Forget records, then the blobs that nobody else names."""
        if not refs:
            return
        ended = self._ended or {}
        await self._store.commit(*(Delete(_KIND, ref) for ref in refs))
        for ref in refs:
            del ended[ref]
            self._tell(HistoryEvent("deleted", ref))
        await run_blocking(self._remove_unnamed, list(ended.values()))

    def _remove_unnamed(self, records: Sequence[BuildRecord]) -> None:
        self._blobs.remove_others(blob.digest for record in records for blob in record.blobs())

    def _surplus(self, now_ns: int) -> list[str]:
        """Records beyond the number that stays, if they are old, too."""
        free = [it for it in (self._ended or {}).values() if not it.pinned]
        free.sort(key=lambda it: -(it.completed_ns or 0))
        oldest_ns = now_ns - self._limits.max_age_ns
        return [it.ref for it in free[self._limits.max_entries :] if (it.completed_ns or 0) < oldest_ns]

    def _tell(self, event: HistoryEvent) -> None:
        for queue in self._listeners:
            queue.put_nowait(event)

    # What is stored

    async def _loaded(self) -> dict[str, BuildRecord]:
        """All that have ended. The first time those go whose blobs are not all here, and blobs of nobody."""
        if self._ended is None:
            async with self._changing:
                if self._ended is None:
                    await self._load()
        assert self._ended is not None
        return self._ended

    async def _load(self) -> None:
        stored = [msgspec.json.decode(body, type=BuildRecord) for _, body in self._store.load(_KIND)]
        whole = await run_blocking(lambda: [it for it in stored if self._blobs.has(it.blobs())])
        kept = {it.ref: it for it in whole}
        lost = [it.ref for it in stored if it.ref not in kept]
        if lost:
            _log.warning("records of builds are gone, their logs are not whole: %s", ", ".join(lost))
            await self._store.commit(*(Delete(_KIND, ref) for ref in lost))
        await run_blocking(self._remove_unnamed, whole)
        self._ended = kept
        await self._remove(self._surplus(time.time_ns()))
