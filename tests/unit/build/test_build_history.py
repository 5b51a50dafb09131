"""Records of builds in the engine: kept, bounded, filtered, and never believed without their blobs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from scow.api.grpc.status import AnyMessage, CallError, Code, StatusMessage
from scow.api.server.buildkit.history_forms import BuildkitForms, messages_of
from scow.build.history.filters import parse_history_filters
from scow.build.history.recording import Recording, document_of
from scow.build.history.records import HistoryRecords
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError
from scow.spec.build_history import (
    IN_TOTO,
    BuildRecord,
    FailureEntry,
    Findings,
    HistoryEvent,
    HistoryLimits,
    HistoryQuery,
)
from scow.spec.build_progress import OutputTold, Place, VertexTold, WarningTold
from scow.spec.frontend_build import BuildFailedError
from scow.store import Store
from scow.tasks import TaskOwner

_STOCK = HistoryLimits()
_HOUR_NS = 3600 * 1_000_000_000
NOW = HistoryQuery(early_exit=True)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., object]:
    @asynccontextmanager
    async def open_records(limits: HistoryLimits = _STOCK) -> AsyncIterator[HistoryRecords]:
        store = Store(tmp_path / "state.db")
        try:
            yield HistoryRecords(store, tmp_path / "history", limits, BuildkitForms())
        finally:
            await store.aclose()

    return open_records


async def built(records: HistoryRecords, ref: str, **attributes: str) -> None:
    async with records.recorded(ref, "dockerfile.v0", attributes, []) as recording:
        recording.tell(VertexTold("sha256:1", "[1/2] RUN a", started_ns=1))
        recording.tell(OutputTold("sha256:1", 1, f"{ref} says\n".encode(), 2))
        recording.tell(VertexTold("sha256:1", "[1/2] RUN a", started_ns=1, completed_ns=3))
        recording.tell(VertexTold("sha256:2", "[2/2] COPY", (), True, 4, 4))
        recording.tell(WarningTold("sha256:3", "Rule: wrong", "why", ""))
        said = document_of(IN_TOTO, json.dumps({"of": ref}).encode())
        recording.findings(lambda: Findings({"containerimage.config": "{}"}, {"": said}))


async def events(records: HistoryRecords, query: HistoryQuery = NOW) -> list[HistoryEvent]:
    return [it async for it in records.events(query)]


async def refs(records: HistoryRecords, query: HistoryQuery = NOW) -> list[str]:
    return [it.ref for it in await events(records, query)]


def test_a_record_says_what_a_build_was_and_outlives_the_engine(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            given = {
                "target": "last",
                "context": "https://user:word@host/x.git",
                "build-arg:HTTP_PROXY": "http://user:w@rd@proxy:3128",
            }
            await built(records, "one", **given)
        async with opened() as records:  # type: ignore[attr-defined]
            (event,) = await events(records)
            record = event.record
            assert record is not None
            assert event.kind == "complete"
            assert record.attributes == {
                "target": "last",
                "context": "https://xxxxx:xxxxx@host/x.git",
                "build-arg:HTTP_PROXY": "http://xxxxx:xxxxx@proxy:3128",
            }
            assert (record.total_steps, record.completed_steps, record.cached_steps) == (2, 2, 1)
            assert record.warnings == 1
            assert record.logs is not None
            assert record.result is not None
            told = list(messages_of(await records.blob(record.logs.digest)))
            assert told[0].logs[0].data == b"one says\n"
            (vouched,) = record.result.attestations
            assert await records.blob(vouched.digest) == b'{"of": "one"}'

    asyncio.run(run())


def test_a_failure_says_where_and_in_which_step(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            with suppress(BuildFailedError):
                async with records.recorded("bad", "", {}, []) as recording:
                    recording.tell(VertexTold("sha256:7", "RUN", (), False, 1, 2, "exit code: 3"))
                    raise BuildFailedError("exit code: 3", Place("Dockerfile", b"RUN\n", 1, 1))
            record = await records.find("bad")
            assert record is not None
            assert record.details is not None
            assert record.error == FailureEntry(code=2, message="exit code: 3")
            whole = StatusMessage.decode(await records.blob(record.details.digest))
            step, source = (json.loads(it.value) for it in whole.details)
            assert step == {"digest": "sha256:7"}
            assert source["info"]["filename"] == "Dockerfile"

    asyncio.run(run())


def test_the_stack_of_a_clients_program_is_not_kept() -> None:
    cmdline = ["buildx", "build", "https://user:secret@host/app.git"]
    stack = AnyMessage("github.com/moby/buildkit/stack.Stack+json", json.dumps({"cmdline": cmdline}).encode())
    source = AnyMessage("github.com/moby/buildkit/errdefs.Source+json", b"{}")
    _, message, data = BuildkitForms().failure(CallError(Code.UNKNOWN, "exit code: 1", (stack, source)), "")
    assert message == "exit code: 1"
    assert list(StatusMessage.decode(data).details) == [source]


def test_one_that_is_given_up_is_canceled(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            begun = asyncio.Event()

            async def build() -> None:
                async with records.recorded("gone", "", {}, []):
                    begun.set()
                    await asyncio.Event().wait()

            async with TaskOwner("a client") as tasks:
                tasks.start(build(), name="build")
                await begun.wait()
                assert [(it.kind, it.ref) for it in await events(records)] == [("started", "gone")]
            assert await refs(records, HistoryQuery(early_exit=True, filters=("status==canceled",))) == [
                "gone"
            ]

    asyncio.run(run())


def test_records_that_are_too_many_and_too_old_go_unless_pinned(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened(HistoryLimits(max_entries=1, max_age_ns=0)) as records:  # type: ignore[attr-defined]
            await built(records, "first")
            await records.pin("first", pinned=True)
            await built(records, "second")
            await built(records, "third")
            assert await refs(records) == ["third", "first"]
        async with opened(HistoryLimits(max_entries=1, max_age_ns=_HOUR_NS)) as records:  # type: ignore[attr-defined]
            await built(records, "fourth")
            assert await refs(records) == ["fourth", "third", "first"]

    asyncio.run(run())


def test_blobs_go_with_the_last_record_that_names_them(opened: Callable[..., object], tmp_path: Path) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            await built(records, "one")
            await built(records, "two")
            await records.delete("one")
            assert len(list((tmp_path / "history").iterdir())) == 2
            await records.delete("two")
            assert list((tmp_path / "history").iterdir()) == []
            with pytest.raises(NotFoundError):
                await records.delete("two")
            with pytest.raises(NotFoundError):
                await records.pin("two", pinned=True)

    asyncio.run(run())


def test_a_record_without_its_blobs_is_none(opened: Callable[..., object], tmp_path: Path) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            await built(records, "whole")
            await built(records, "torn")
            torn = await records.find("torn")
            assert torn is not None
            assert torn.logs is not None
            (tmp_path / "history" / torn.logs.digest.partition(":")[2]).write_bytes(b"half")
        (tmp_path / "history" / ("0" * 64)).write_bytes(b"nobody's")
        async with opened() as records:  # type: ignore[attr-defined]
            assert await refs(records) == ["whole"]
            with pytest.raises(NotFoundError):
                await records.blob("sha256:" + "0" * 64)
            with pytest.raises(NotFoundError):
                await records.blob("sha256:../../state.db")

    asyncio.run(run())


def test_listeners_hear_of_what_happens(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            await built(records, "old")
            heard = records.events(HistoryQuery())
            assert (await anext(heard)).ref == "old"
            await built(records, "new")
            kinds = [(it.kind, it.ref) for it in (await anext(heard), await anext(heard))]
            assert kinds == [("started", "new"), ("complete", "new")]
            await records.delete("old")
            assert (await anext(heard)).kind == "deleted"
            await heard.aclose()
            assert await refs(records, HistoryQuery(ref="new", early_exit=True)) == ["new"]
            assert await refs(records, HistoryQuery(active_only=True, early_exit=True)) == []
            with pytest.raises(InvalidArgumentError):
                await refs(records, HistoryQuery(early_exit=True, limit=-1))

    asyncio.run(run())


def test_a_name_in_use_is_refused_and_internal_builds_leave_none(opened: Callable[..., object]) -> None:
    async def run() -> None:
        async with opened() as records:  # type: ignore[attr-defined]
            async with records.recorded("same", "", {}, []):
                with pytest.raises(ConflictError):
                    await built(records, "same")
            async with records.recorded("inner", "", {}, [], internal=True):
                pass
            assert await refs(records) == ["same"]

    asyncio.run(run())


def record(**changes: object) -> BuildRecord:
    found: dict[str, object] = {"ref": "abc", "frontend": "", "attributes": {}, "exporters": []}
    return BuildRecord(**{**found, "created_ns": _HOUR_NS, "completed_ns": 2 * _HOUR_NS, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ref==abc", True),
        ("ref~=b", True),
        ("status!=completed", False),
        ("ref==abc,status==completed", True),
        ("ref==abc,status==error", False),
        ("duration>=1h", True),
        ("duration>1h", False),
        ("startedAt<1h", True),
        ("completedAt<1970-01-01T02:00:01Z", True),
        ("completedAt>1970-01-01T02:00:01+00:00", False),
        ('"repository~=host,x"', False),
    ],
)
def test_filters(text: str, wanted: bool) -> None:
    assert parse_history_filters([text])(record()) is wanted
    assert parse_history_filters(["ref==none", text])(record()) is wanted


@pytest.mark.parametrize(
    "text", ["bogus==1", "status", "duration>long", "startedAt>now", "startedAt>2026-01-01T00:00:00"]
)
def test_filters_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_history_filters([text])


def test_what_a_repository_is() -> None:
    wanted = parse_history_filters(["repository==https://host/x.git"])
    assert wanted(record(attributes={"vcs:source": "https://host/x.git"}))
    assert wanted(record(attributes={"context": "https://host/x.git#main:docs"}))
    assert not wanted(record(attributes={"context": "https://host/x.tar"}))


def test_output_is_bounded() -> None:
    recording = Recording(record(completed_ns=None))
    for _ in range(17):
        recording.tell(OutputTold("sha256:1", 1, b"x" * (1 << 20), 1))
    recording.tell(OutputTold("sha256:1", 1, b"xyz", 1))
    _, (logs,) = recording.finished(BuildkitForms(), 1, None)
    data = b"".join(log.data for it in messages_of(logs.data) for log in it.logs)
    assert data == b"x" * (16 << 20)
    recording = Recording(record(completed_ns=None))
    recording.tell(OutputTold("sha256:1", 1, b"x" * (17 << 20), 1))
    _, (logs,) = recording.finished(BuildkitForms(), 1, None)
    assert b"output clipped" in logs.data
