"""Which records a client wants: filters as BuildKit reads them (solver/llbsolver/history/filter.go).

    ref==X  ref~=X  repository~=X  status==running|completed|error|canceled       as in containerd
    startedAt>=1h  completedAt<2026-01-02T03:04:05Z  duration>5m                  times ago, or moments

Parts of one filter are joined by commas, as in CSV, and all count; of several filters any is enough.
"""

import csv
import operator
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from scow.build.evaluate.git_address import is_git_address, parse_git_address
from scow.build.record_filters import test_of
from scow.errors import InvalidArgumentError
from scow.spec.build_history import BuildRecord
from scow.spec.go_duration import parse_duration

Test = Callable[[BuildRecord], bool]

_NS = 1_000_000_000
_TIME = re.compile(r"(startedAt|completedAt|duration)(>=|<=|>|<)(.*)", re.DOTALL)
_ORDERS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_CANCELED = "context canceled"


def parse_history_filters(filters: Sequence[str]) -> Test:
    """Raises InvalidArgumentError."""
    alternatives = [[_test(part) for part in _parts(text)] for text in filters]
    if not alternatives:
        return lambda _: True
    return lambda record: any(all(test(record) for test in tests) for tests in alternatives)


def status_of(record: BuildRecord) -> str:
    """How far a build is, or how it ended."""
    if record.completed_ns is None:
        return "running"
    if record.error is None:
        return "completed"
    return "canceled" if _CANCELED in record.error.message else "error"


def _parts(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as exc:
        raise InvalidArgumentError(f"failed to parse history filters {text}: {exc}") from exc


def _test(text: str) -> Test:
    match = _TIME.fullmatch(text)
    if match is None:
        return test_of(text, _FIELDS, {})
    name, sign, value = match.groups()
    order = _ORDERS[sign]
    if name == "duration":
        return _compared(order, _duration_ns, _length_ns(value))
    read = _MOMENTS[name]
    return _compared(order, lambda record: read(record) // _NS, _moment_ns(value) // _NS)


def _compared(order: Callable[[int, int], bool], read: Callable[[BuildRecord], int], limit: int) -> Test:
    return lambda record: order(read(record), limit)


def _duration_ns(record: BuildRecord) -> int:
    return record.completed_ns - record.created_ns if record.completed_ns is not None else 0


def _length_ns(text: str) -> int:
    try:
        return parse_duration(text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid duration {text}") from exc


def _moment_ns(text: str) -> int:
    """A duration ago, or a moment."""
    try:
        return time.time_ns() - parse_duration(text)
    except InvalidArgumentError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError as exc:
            raise InvalidArgumentError(f"invalid time {text}") from exc
        if found.tzinfo is None:
            raise InvalidArgumentError(f"invalid time {text}") from None
        return int(found.timestamp()) * _NS


def _repository(record: BuildRecord) -> str:
    """Where the files came from, as far as the client or its context says."""
    if source := record.attributes.get("vcs:source"):
        return source
    context = record.attributes.get("context", "")
    try:
        return parse_git_address(context).remote if is_git_address(context, context=True) else ""
    except InvalidArgumentError:
        return ""


_FIELDS: dict[str, Callable[[BuildRecord], str]] = {
    "ref": lambda it: it.ref,
    "status": status_of,
    "repository": _repository,
}
_MOMENTS: dict[str, Callable[[BuildRecord], int]] = {
    "startedAt": lambda it: it.created_ns,
    "completedAt": lambda it: it.completed_ns or 0,
}
