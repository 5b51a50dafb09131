"""What a build tells of itself while it goes on, in BuildKit's words. Times are ns since the epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VertexTold:
    """The state of one step. ``digest`` is its id; it is told again whenever something changes."""

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started_ns: int | None = None
    completed_ns: int | None = None
    error: str = ""
    reason: str = ""
    """Why it was, or was not, in the cache."""


@dataclass(frozen=True, slots=True)
class TransferTold:
    """How far something within a step is; ``total`` 0 where that is not known."""

    id: str
    digest: str
    current: int
    total: int
    at_ns: int
    started_ns: int | None = None
    completed_ns: int | None = None


@dataclass(frozen=True, slots=True)
class OutputTold:
    """What a step's program printed: on stream 1 or 2."""

    digest: str
    stream: int
    data: bytes
    at_ns: int


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file, both counted from 1."""

    file_name: str
    text: bytes
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class WarningTold:
    """A lint warning: the rule with what is wrong, the explanation, where."""

    digest: str
    short: str
    detail: str
    url: str
    place: Place | None = None
    level: int = 1


BuildProgress = VertexTold | TransferTold | OutputTold | WarningTold
