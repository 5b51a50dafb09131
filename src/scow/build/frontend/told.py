"""A build's progress in BuildKit's words: the graph's vertices, and what goes on around them."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from scow.build.checks.rules import LintWarning
from scow.build.frontend.log_limit import LogLimit
from scow.build.graph.ops import BaseOp, Vertex
from scow.build.graph.progress import Done, Output, Progress, Started, Transfer
from scow.errors import ScowError
from scow.spec.build_progress import BuildProgress, OutputTold, Place, TransferTold, VertexTold, WarningTold
from scow.spec.digest import sha256_of

_STEP = re.compile(r"\[(.*?)\d+/(\d+)\]")

Tell = Callable[[BuildProgress], None]


class Internal:
    """One thing that goes on beside the graph: ``[internal] load build context``."""

    def __init__(self, tell: Tell, digest: str, name: str) -> None:
        self._tell = tell
        self.digest = digest
        self._name = name
        self._started_ns = time.time_ns()
        tell(VertexTold(digest, name, started_ns=self._started_ns))

    def transferred(self, what: str, current: int, *, total: int = 0, complete: bool = False) -> None:
        """How far a part of it is, in bytes."""
        now_ns = time.time_ns()
        self._tell(
            TransferTold(
                what, self.digest, current, total, now_ns, self._started_ns, now_ns if complete else None
            )
        )

    def step(self, what: str) -> None:
        """A part of it that is done."""
        self.transferred(what, 0, complete=True)

    def output(self, text: str) -> None:
        """A line for people."""
        self._tell(OutputTold(self.digest, 2, text.encode(), time.time_ns()))

    def end(self, error: str = "", *, cached: bool = False) -> None:
        self._tell(VertexTold(self.digest, self._name, (), cached, self._started_ns, time.time_ns(), error))


class Telling:
    """Tells of one build. Vertices are known to its client by digests made here."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._digests: dict[Vertex, str] = {}
        self._started: dict[Vertex, int] = {}
        self._limits: dict[tuple[Vertex, int], LogLimit] = {}
        self._count = 0
        self.definition = ""
        """The digest of the step that reads the Dockerfile."""
        self.failed: Vertex | None = None
        """The first step that failed, not being given up for another's sake."""

    @contextmanager
    def internal(self, name: str, digest: str = "") -> Iterator[Internal]:
        """Something beside the graph, for as long as the block goes on; it may be known by a digest."""
        told = self.begin(name, digest)
        try:
            yield told
        except ScowError as exc:
            told.end(exc.message)
            raise
        except BaseException:
            told.end("context canceled")
            raise
        else:
            told.end()

    def begin(self, name: str, digest: str = "") -> Internal:
        """The same for something whose end the caller tells."""
        self._count += 1
        return Internal(self._tell, digest or sha256_of(f"{self._count} {name}".encode()), name)

    def know(self, digests: Mapping[Vertex, str]) -> None:
        """What the client has its own digests for."""
        self._digests.update(digests)

    def found(self, vertex: Vertex, digest: str) -> None:
        """Something that a graph begins with is here."""
        self._digests[vertex] = digest
        now_ns = time.time_ns()
        self._tell(VertexTold(digest, vertex.name, (), False, now_ns, now_ns))

    def bases(self, vertices: Iterable[Vertex]) -> None:
        """What stages begin as is here: as the first of its stage's steps."""
        names: dict[Vertex, str] = {}
        for vertex in vertices:
            base, name = _base_and_name(vertex)
            if base is None or not isinstance(base.op, BaseOp) or base.op.chain_id is None:
                continue
            if step := _STEP.match(name):
                names.setdefault(base, f"[{step[1]}1/{step[2]}] {base.name}")
        now_ns = time.time_ns()
        for base, name in names.items():
            self._tell(VertexTold(self._digest(base), name, (), False, now_ns, now_ns))

    def warning(self, warning: LintWarning, place: Place) -> None:
        """A build check has found something in the Dockerfile."""
        short = f"{warning.rule}: {warning.message} (line {warning.location.start})"
        self._tell(WarningTold(self.definition, short, warning.description, warning.url, place))

    def __call__(self, progress: Progress) -> None:
        """The graph's side. What has no name is part of another step."""
        vertex = progress.vertex
        if not vertex.name:
            return
        match progress:
            case Started(at_ns=at_ns):
                self._started[vertex] = at_ns
                self._tell(
                    VertexTold(self._digest(vertex), vertex.name, self._inputs(vertex), started_ns=at_ns)
                )
            case Output(stream=stream, data=data, at_ns=at_ns):
                if passed := self._limit(vertex, stream).passed(data):
                    self._tell(OutputTold(self._digest(vertex), stream, passed, at_ns))
            case Transfer(what=what, current=current, total=total, at_ns=at_ns):
                self._tell(TransferTold(what, self._digest(vertex), current, total, at_ns))
            case Done():
                self._done(progress)

    def _limit(self, vertex: Vertex, stream: int) -> LogLimit:
        if (vertex, stream) not in self._limits:
            began_ns = self._started.get(vertex, time.time_ns())
            self._limits[vertex, stream] = LogLimit(time.time, began_ns / 1_000_000_000)
        return self._limits[vertex, stream]

    def _done(self, done: Done) -> None:
        vertex = done.vertex
        if done.error and done.error != "context canceled" and self.failed is None:
            self.failed = vertex
        started_ns = self._started.get(vertex, done.at_ns)
        self._tell(
            VertexTold(
                self._digest(vertex),
                vertex.name,
                self._inputs(vertex),
                done.cached,
                started_ns,
                done.at_ns,
                done.error,
                done.reason,
            )
        )

    def _inputs(self, vertex: Vertex) -> tuple[str, ...]:
        needed = _named([it for it in (vertex.base, *vertex.sources) if isinstance(it, Vertex)])
        return tuple(
            self._digest(it) for it in needed if not isinstance(it.op, BaseOp) or it in self._digests
        )

    def _digest(self, vertex: Vertex) -> str:
        if vertex not in self._digests:
            self._count += 1
            self._digests[vertex] = sha256_of(f"{self._count} {vertex.name}".encode())
        return self._digests[vertex]


def _base_and_name(vertex: Vertex) -> tuple[Vertex | None, str]:
    """What a step works on and what it is called; of what is put on a stage, as the step that made it."""
    if not vertex.name and vertex.base is None and len(vertex.sources) > 1:
        below, made = vertex.sources[:2]
        if isinstance(below, Vertex) and isinstance(made, Vertex):
            return below, made.name
    return vertex.base, vertex.name


def _named(vertices: list[Vertex]) -> list[Vertex]:
    """Those that are told of: in place of one without a name, what it is made of."""
    found: list[Vertex] = []
    queue = list(reversed(vertices))
    while queue:
        vertex = queue.pop()
        if vertex.name:
            found.append(vertex)
        else:
            queue += [it for it in reversed((vertex.base, *vertex.sources)) if isinstance(it, Vertex)]
    return found
