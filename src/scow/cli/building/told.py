"""What the engine tells of a build, put in order: steps with their numbers, times and output."""

import codecs
from binascii import a2b_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

_MAX_TAIL_LINES = 200


class Step:
    """One vertex as far as it is known. Times are seconds since the epoch, 0 where there is none."""

    __slots__ = (
        "cached",
        "completed_s",
        "decoders",
        "digest",
        "error",
        "name",
        "number",
        "pending",
        "reason",
        "started_s",
        "tail",
        "transfers",
    )

    def __init__(self, digest: str, number: int) -> None:
        self.digest = digest
        self.number = number
        self.name = ""
        self.started_s = 0.0
        self.completed_s = 0.0
        self.cached = False
        self.error = ""
        self.reason = ""
        self.decoders: dict[int, codecs.IncrementalDecoder] = {}
        """Of each stream: a program prints pieces of letters, too."""
        self.tail: list[str] = []
        self.pending = ""
        self.transfers: dict[str, Event] = {}

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return bool(self.started_s) and not self.completed_s


class Steps:
    """All steps of a build, in the order in which they were first told of."""

    def __init__(self) -> None:
        self._by_digest: dict[str, Step] = {}
        self.warnings: list[Event] = []

    def __iter__(self) -> "Any":
        return iter(self._by_digest.values())

    def step(self, digest: str) -> Step:
        """The step of this digest, new if it is the first time."""
        if digest not in self._by_digest:
            self._by_digest[digest] = Step(digest, len(self._by_digest) + 1)
        return self._by_digest[digest]

    def take_vertex(self, event: "Event") -> Step:
        """The state of a step."""
        step = self.step(event["digest"])
        step.name = event["name"]
        step.cached = event.get("cached", False) or step.cached
        step.started_s = (event.get("started_ns") or 0) / 1e9 or step.started_s
        step.completed_s = (event.get("completed_ns") or 0) / 1e9 or step.completed_s
        step.error = event.get("error") or step.error
        step.reason = event.get("reason") or step.reason
        return step

    def take_output(self, event: "Event") -> tuple[Step, list[str]]:
        """A piece of output: the whole lines that are there now, each with the time since the step began."""
        step = self.step(event["digest"])
        stream = event.get("stream", 0)
        if stream not in step.decoders:
            step.decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
        text = step.pending + step.decoders[stream].decode(a2b_base64(event["data"]))
        *whole, step.pending = text.split("\n")
        since = max(0.0, event["at_ns"] / 1e9 - step.started_s) if step.started_s else 0.0
        lines = [f"{since:.3f} {line.rstrip()}" for line in whole]
        step.tail = (step.tail + lines)[-_MAX_TAIL_LINES:]
        return step, lines

    def take_rest(self, step: Step) -> list[str]:
        """What a step printed without an end of line, when it has ended."""
        if not step.pending:
            return []
        since = max(0.0, step.completed_s - step.started_s)
        lines = [f"{since:.3f} {step.pending}"]
        step.pending = ""
        step.tail += lines
        return lines

    def failed(self) -> Step | None:
        """The step that ended the build."""
        return next((it for it in self if it.error and it.error != "context canceled"), None)
