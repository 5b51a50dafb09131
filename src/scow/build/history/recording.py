"""The record of one build, made while it goes on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from scow.spec.build_history import (
    BlobEntry,
    BuildRecord,
    Document,
    FailureEntry,
    Findings,
    ResultEntry,
)
from scow.spec.build_progress import BuildProgress, OutputTold, VertexTold, WarningTold
from scow.spec.digest import sha256_of
from scow.spec.redaction import redacted

_LOGS = "application/vnd.buildkit.status.v0"
_FAILURE = "application/vnd.googeapis.google.rpc.status+proto"
"""As BuildKit spells it."""
_MAX_BYTES = 16 << 20
"""Of the output of all steps; each is bounded where it tells, see ``frontend.log_limit``."""
_CLIPPED = b"\n[output clipped, log limit reached]\n"
_CANCELED = "context canceled"
_CACHES = ("cache-imports", "cache-from")
_OPEN_CACHE_ATTRIBUTES = frozenset({"ref", "scope"})


class HistoryForms(Protocol):
    """How BuildKit writes what is kept as blobs."""

    def status(self, told: Sequence[BuildProgress]) -> bytes:
        """All that was told, as ``application/vnd.buildkit.status.v0``."""

    def failure(self, error: BaseException, step: str) -> tuple[int, str, bytes]:
        """Code, message, and all of it as a message of gRPC. ``step`` is the digest of what failed."""


class Recording:
    """See ``scow.spec.build_history.BuildRecording``."""

    def __init__(self, record: BuildRecord) -> None:
        self.record = record
        self._told: list[BuildProgress] = []
        self._output_bytes = 0
        self._gather: Callable[[], Findings] = Findings

    def tell(self, progress: BuildProgress) -> None:
        if isinstance(progress, OutputTold):
            clipped = self._clipped(progress)
            if clipped is None:
                return
            progress = clipped
        self._told.append(progress)

    def findings(self, gather: Callable[[], Findings]) -> None:
        self._gather = gather

    def finished(
        self, forms: HistoryForms, now_ns: int, error: BaseException | None
    ) -> tuple[BuildRecord, list[Document]]:
        """The whole record, and its blobs. Takes a few milliseconds of a core, for any thread."""
        counts = _counts(self._told)
        logs = document_of(_LOGS, forms.status(self._told))
        ended = msgspec.structs.replace(
            self.record,
            completed_ns=now_ns,
            logs=logs.entry,
            total_steps=counts.total,
            completed_steps=counts.completed,
            cached_steps=counts.cached,
            warnings=counts.warnings,
        )
        if error is not None:
            code, message, data = forms.failure(error, counts.failed)
            details = document_of(_FAILURE, data)
            failure = FailureEntry(code=code, message=message)
            return msgspec.structs.replace(ended, error=failure, details=details.entry), [logs, details]
        found = self._gather()
        return _with_findings(ended, found), [logs, *found.provenance.values(), *found.documents]

    def _clipped(self, output: OutputTold) -> OutputTold | None:
        """As much of it as is kept; where that ends, it says so."""
        room = _MAX_BYTES - self._output_bytes
        if room <= 0:
            return None
        self._output_bytes += len(output.data)
        if len(output.data) <= room:
            return output
        return OutputTold(output.digest, output.stream, output.data[:room] + _CLIPPED, output.at_ns)


def document_of(media_type: str, data: bytes, annotations: Mapping[str, str] | None = None) -> Document:
    """A blob under its digest."""
    entry = BlobEntry(
        media_type=media_type, digest=sha256_of(data), size=len(data), annotations=dict(annotations or {})
    )
    return Document(entry, data)


def shown_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Options of a front end without names and passwords in addresses, and without keys of caches."""
    return {
        name: _open_caches(value) if name in _CACHES else redacted(value)
        for name, value in attributes.items()
    }


def _open_caches(text: str) -> str:
    """Of each cache only what it is called."""
    try:
        found: Any = json.loads(text)
        entries = [
            {**it, "Attrs": {key: it["Attrs"][key] for key in _OPEN_CACHE_ATTRIBUTES & it["Attrs"].keys()}}
            for it in found
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    return json.dumps(entries)


@dataclass(frozen=True, slots=True)
class _Counts:
    total: int
    completed: int
    cached: int
    warnings: int
    failed: str
    """The digest of the step that ended the build."""


def _counts(told: Sequence[BuildProgress]) -> _Counts:
    steps = [it for it in told if isinstance(it, VertexTold)]
    failed = (it.digest for it in steps if it.error and it.error != _CANCELED)
    return _Counts(
        total=len({it.digest for it in steps}),
        completed=len({it.digest for it in steps if it.completed_ns is not None}),
        cached=len({it.digest for it in steps if it.cached}),
        warnings=sum(isinstance(it, WarningTold) for it in told),
        failed=next(failed, ""),
    )


def _with_findings(record: BuildRecord, found: Findings) -> BuildRecord:
    results = {
        platform: ResultEntry(attestations=[it.entry])
        for platform, it in found.provenance.items()
        if platform
    }
    own = found.provenance.get("")
    attestations = [own.entry] if own is not None else []
    whole = ResultEntry(attestations=attestations, results=dict(found.roots))
    return msgspec.structs.replace(
        record,
        response=dict(found.metadata),
        result=whole if attestations or found.roots else None,
        results=results,
    )
