"""``--filter`` of ``history ls``: what the engine is asked, and the same test for engines that have none.

ref=X  repository=X  status=running|completed|error|canceled    with != too
startedAt>=1h  completedAt<2026-01-02T03:04:05Z  duration>5m
"""

import time

from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError
from scow.spec.go_duration import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.spec.build_history import BuildRecord

    Test = Callable[[BuildRecord], bool]

_SIGNS = ("!=", "<=", ">=", "=", "<", ">")
_VALUES = ("ref", "repository", "status")
_TIMES = ("startedAt", "completedAt", "duration")
_NS = 1_000_000_000
CANCELED = "context canceled"


class RecordFilters:
    """``sent`` is one filter in BuildKit's words, empty for none."""

    def __init__(self, texts: list[str]) -> None:
        """Raises CommandError in buildx's words."""
        parsed = [_parsed(text) for text in texts]
        self.sent = _joined([sent for sent, _ in parsed])
        self._tests = [test for _, test in parsed]

    def match(self, record: "BuildRecord") -> bool:
        """Whether a record is wanted."""
        return all(test(record) for test in self._tests)


def status_of(record: "BuildRecord") -> str:
    """How far a build is, or how it ended."""
    if record.completed_ns is None:
        return "running"
    if record.error is None:
        return "completed"
    return "canceled" if CANCELED in record.error.message else "error"


def _joined(parts: list[str]) -> tuple[str, ...]:
    """As one line of CSV."""
    if not parts:
        return ()
    return (",".join('"' + it.replace('"', '""') + '"' if set(it) & set(',"\n') else it for it in parts),)


def _parsed(text: str) -> "tuple[str, Test]":
    for sign in _SIGNS:
        name, found, value = text.partition(sign)
        if found:
            break
    else:
        raise CommandError(f'ERROR: invalid filter "{text}"')
    if name in _VALUES:
        if sign not in ("=", "!="):
            raise CommandError(f'ERROR: invalid separator for "{text}", expected = or !=')
        written = sign if sign == "!=" else "==" if name == "status" else "~="
        return f"{name}{written}{value}", _value_test(name, sign, value)
    if name in _TIMES:
        if sign in ("=", "!="):
            raise CommandError(f'ERROR: invalid separator for "{text}", expected <=, <, >= or >')
        return text, _time_test(name, sign, value)
    raise CommandError(f'ERROR: unsupported filter "{text}"')


def _value_test(name: str, sign: str, value: str) -> "Test":
    def read(record: "BuildRecord") -> str:
        if name == "ref":
            return record.ref
        return status_of(record) if name == "status" else _repository(record)

    if sign == "!=":
        return lambda record: read(record) != value
    if name == "status":
        return lambda record: read(record) == value
    return lambda record: value in read(record)


def _repository(record: "BuildRecord") -> str:
    found = record.attributes.get("vcs:source") or record.attributes.get("context", "")
    return found.partition("#")[0]


def _time_test(name: str, sign: str, value: str) -> "Test":
    limit = _length_ns(value) if name == "duration" else _moment_s(value)

    def read(record: "BuildRecord") -> int:
        created, completed = record.created_ns, record.completed_ns
        if name == "startedAt":
            return created // _NS
        if completed is None:
            return 0
        return completed - created if name == "duration" else completed // _NS

    return {
        ">=": lambda record: read(record) >= limit,
        "<=": lambda record: read(record) <= limit,
        ">": lambda record: read(record) > limit,
        "<": lambda record: read(record) < limit,
    }[sign]


def _length_ns(text: str) -> int:
    try:
        return parse_duration(text)
    except InvalidArgumentError as exc:
        raise CommandError(f"ERROR: invalid duration {text}") from exc


def _moment_s(text: str) -> int:
    try:
        return (time.time_ns() - parse_duration(text)) // _NS
    except InvalidArgumentError:
        from datetime import datetime

        try:
            found = datetime.fromisoformat(text)
        except ValueError as exc:
            raise CommandError(f"ERROR: invalid time {text}") from exc
        if found.tzinfo is None:
            raise CommandError(f"ERROR: invalid time {text}") from None
        return int(found.timestamp())
