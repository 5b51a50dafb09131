"""Records of builds, as BuildKit keeps them (api/services/control/control.proto, BuildHistoryRecord)."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from scow.spec.build_progress import BuildProgress

PREDICATE_TYPE = "in-toto.io/predicate-type"
"""The annotation of an attestation that says what kind of statement it is."""
_REF_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """A record goes when it is older than ``max_age_ns`` and there are ``max_entries`` younger ones.

    What BuildKit has by itself: fifty, two days.
    """

    max_entries: int = 50
    max_age_ns: int = 48 * 3600 * 1_000_000_000


class BlobEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A blob of the history, as records name it."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}


class ExporterEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a result went: a kind with its attributes."""

    kind: str
    attributes: dict[str, str] = {}


class FailureEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Why a build failed: a code of gRPC, and words."""

    code: int
    message: str


class ResultEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a build came to: what vouches for it, and the root document of each export, by its number."""

    attestations: list[BlobEntry] = []
    results: dict[int, BlobEntry] = {}


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One build. Times are ns since the epoch; ``completed_ns`` is None while it goes on.

    ``attributes`` are the front end's options, without what nobody may read. ``logs`` is all that was told,
    ``details`` the whole error. ``results`` are those of single platforms, ``result`` of all or the only one.
    ``trace`` is what other engines have of their own work. ``generation`` counts changes since the build.
    """

    ref: str
    frontend: str
    attributes: dict[str, str]
    exporters: list[ExporterEntry]
    created_ns: int
    completed_ns: int | None = None
    error: FailureEntry | None = None
    details: BlobEntry | None = None
    logs: BlobEntry | None = None
    trace: BlobEntry | None = None
    response: dict[str, str] = {}
    result: ResultEntry | None = None
    results: dict[str, ResultEntry] = {}
    generation: int = 0
    pinned: bool = False
    total_steps: int = 0
    completed_steps: int = 0
    cached_steps: int = 0
    warnings: int = 0

    def blobs(self) -> Iterator[BlobEntry]:
        """All that the record names."""
        yield from (it for it in (self.details, self.logs) if it is not None)
        for result in (self.result, *self.results.values()):
            if result is not None:
                yield from result.attestations
                yield from result.results.values()


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happened to a record; of a deleted one only ``ref`` is known."""

    kind: Literal["started", "complete", "deleted"]
    ref: str
    record: BuildRecord | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A small blob with its bytes."""

    entry: BlobEntry
    data: bytes


@dataclass(frozen=True, slots=True)
class Findings:
    """What a build leaves for its record. ``provenance`` are predicates by platform, "" for the only one.

    ``roots`` are what exports led to, by their number; ``documents`` are those and all that they name, but
    for layers.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Document] = field(default_factory=dict)
    roots: Mapping[int, BlobEntry] = field(default_factory=dict)
    documents: Sequence[Document] = ()


def new_ref() -> str:
    """A name for a build that its client gave none: 25 letters and digits, as BuildKit has them."""
    return "".join(secrets.choice(_REF_LETTERS) for _ in range(25))


class BuildRecording(Protocol):
    """A build whose record is being made."""

    def tell(self, progress: BuildProgress) -> None:
        """Something that the build told."""

    def findings(self, gather: Callable[[], Findings]) -> None:
        """The build has gone well: ``gather`` says what it came to. It is called off the event loop."""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """``ref``: that record only. ``filters``, which are BuildKit's, and ``limit`` are for what has ended."""

    ref: str = ""
    active_only: bool = False
    early_exit: bool = False
    filters: tuple[str, ...] = ()
    limit: int = 0


class BuildHistory(Protocol):
    """The records of all builds that BuildKit's front doors were asked for."""

    def recorded(
        self,
        ref: str,
        frontend: str,
        attributes: Mapping[str, str],
        exporters: Sequence[ExporterEntry],
        *,
        internal: bool = False,
    ) -> AbstractAsyncContextManager[BuildRecording]:
        """The record of a build that goes on within the block; of an ``internal`` one there is none."""

    def events(self, query: HistoryQuery) -> AsyncIterator[HistoryEvent]:
        """What goes on, what has ended, and what happens from now on unless ``early_exit``.

        Raises InvalidArgumentError.
        """

    async def find(self, ref: str) -> BuildRecord | None:
        """The record of a build that has ended."""

    async def pin(self, ref: str, *, pinned: bool) -> None:
        """Keep a record whatever the limits say, or no longer. Raises NotFoundError."""

    async def delete(self, ref: str) -> None:
        """Forget a record. Raises NotFoundError."""

    async def blob(self, digest: str) -> bytes:
        """Raises NotFoundError."""
