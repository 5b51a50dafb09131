"""What a build tells of itself while it goes on. Front ends turn it into their own form."""

from dataclasses import dataclass

from scow.build.graph.ops import Vertex

STDOUT = 1
STDERR = 2


@dataclass(frozen=True, slots=True)
class Started:
    """Work on a vertex begins, or is found done. Times are nanoseconds since the epoch."""

    vertex: Vertex
    at_ns: int


@dataclass(frozen=True, slots=True)
class Output:
    """A program printed something: on ``stream`` 1 or 2."""

    vertex: Vertex
    stream: int
    data: bytes
    at_ns: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes of something that is on its way; ``total`` is 0 where it is not known."""

    vertex: Vertex
    what: str
    current: int
    total: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class RunIn:
    """The container that a program runs in."""

    vertex: Vertex
    container_id: str


@dataclass(frozen=True, slots=True)
class Done:
    """A vertex is complete; ``error`` says why not. ``reason``: why it was, or was not, in the cache."""

    vertex: Vertex
    at_ns: int
    cached: bool
    reason: str
    error: str = ""


Progress = Started | Output | Transfer | RunIn | Done
