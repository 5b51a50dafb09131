"""Progress as lines of text, each beginning with its step's number: for logs and pipes."""

from scow.cli.building.told import Steps
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.told import Step
    from scow.cli.output import Output

    Event = dict[str, Any]


class PlainProgress:
    """See the module. Steps that run at the same time take turns; a change is marked by an empty line."""

    def __init__(self, out: "Output") -> None:
        self._out = out
        self._current = 0
        self._headed: set[int] = set()
        self._closed: set[int] = set()
        self.steps = Steps()

    def show(self, kind: str, event: "Event") -> None:
        """One event."""
        if kind == "vertex":
            self._vertex(self.steps.take_vertex(event))
        elif kind == "output":
            step, lines = self.steps.take_output(event)
            self._lines(step, lines)
        elif kind == "transfer":
            self._transfer(event)
        elif kind == "warning":
            self.steps.warnings.append(event)

    def close(self) -> None:
        """Nothing more will come."""

    def _vertex(self, step: "Step") -> None:
        if not step.started_s or step.number in self._closed:
            return
        self._head(step)
        if not step.completed_s:
            return
        self._closed.add(step.number)
        self._lines(step, self.steps.take_rest(step))
        if step.error == "context canceled":
            self._line(step, "CANCELED")
        elif step.error:
            self._line(step, f"ERROR: {step.error}")
        elif step.cached:
            self._line(step, "CACHED")
        else:
            self._line(step, f"DONE {max(0.0, step.completed_s - step.started_s):.1f}s")

    def _transfer(self, event: "Event") -> None:
        step = self.steps.step(event["digest"])
        known = step.transfers.get(event["id"], {})
        step.transfers[event["id"]] = event
        if event.get("completed_ns") and not known.get("completed_ns"):
            size = f" {human_size(event['current'])}" if event["current"] else ""
            if event["total"]:
                size += f" / {human_size(event['total'])}"
            self._head(step)
            self._line(step, f"{event['id']}{size} done")

    def _head(self, step: "Step") -> None:
        if self._current != step.number:
            self._out.write("\n" if self._current else "")
            self._current = step.number
            again = "..." if step.number in self._headed else ""
            if not again or step.name:
                self._out.line(f"#{step.number} {again or step.name}")
            self._headed.add(step.number)

    def _lines(self, step: "Step", lines: "list[str]") -> None:
        if lines:
            self._head(step)
            for line in lines:
                self._line(step, line)

    def _line(self, step: "Step", text: str) -> None:
        self._out.line(f"#{step.number} {text}")


class QuietProgress(PlainProgress):
    """Says nothing, but remembers what a failure wants to show."""

    def show(self, kind: str, event: "Event") -> None:
        if kind == "vertex":
            self.steps.take_rest(self.steps.take_vertex(event))
        elif kind == "output":
            self.steps.take_output(event)
