"""Progress as a picture that is drawn anew while it changes: for terminals."""

import threading
import time

from scow.cli.building.told import Steps
from scow.cli.terminal import terminal_size
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.told import Step
    from scow.cli.output import Output

    Event = dict[str, Any]

_INTERVAL_S = 0.12
_LOG_LINES = 6
_BLUE, _RED, _YELLOW, _END = "\x1b[34m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
_ERASE_BELOW = "\x1b[J"


class LiveProgress:
    """See the module. ``color`` is off where NO_COLOR says so."""

    def __init__(self, out: "Output", *, color: bool) -> None:
        self._out = out
        self._color = color
        self._began_s = time.time()
        self._drawn = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.steps = Steps()
        self._ticker = threading.Thread(target=self._tick, daemon=True, name="progress")
        self._ticker.start()

    def show(self, kind: str, event: "Event") -> None:
        """One event; it is seen with the next picture."""
        with self._lock:
            if kind == "vertex":
                step = self.steps.take_vertex(event)
                if step.completed_s:
                    self.steps.take_rest(step)
            elif kind == "output":
                self.steps.take_output(event)
            elif kind == "transfer":
                self.steps.step(event["digest"]).transfers[event["id"]] = event
            elif kind == "warning":
                self.steps.warnings.append(event)

    def close(self) -> None:
        """Draw the last picture, which stays."""
        if not self._ended.is_set():
            self._ended.set()
            self._ticker.join()
            self._draw(last=True)

    def _tick(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            self._draw(last=False)

    def _draw(self, *, last: bool) -> None:
        rows, columns = terminal_size(self._out.fd)
        with self._lock:
            lines = picture(self.steps, time.time() - self._began_s, columns or 80, finished=last)
        if not last and rows and len(lines) >= rows:
            # What is above the top of the screen could not be drawn over.
            lines = lines[:1] + lines[-(rows - 2) :]
        text = f"\x1b[{self._drawn}A\r" if self._drawn else ""
        text += _ERASE_BELOW + "".join(f"{self._painted(kind, line)}\n" for kind, line in lines)
        self._drawn = len(lines)
        self._out.write(text)

    def _painted(self, kind: str, line: str) -> str:
        color = {"done": _BLUE, "error": _RED, "canceled": _YELLOW}.get(kind, "")
        return f"{color}{line}{_END}" if color and self._color else line


def picture(steps: Steps, elapsed_s: float, columns: int, *, finished: bool) -> "list[tuple[str, str]]":
    """All lines with what kind each is: "done", "error", "canceled", "" for what goes on."""
    known = [step for step in steps if step.started_s]
    done = sum(1 for step in known if step.completed_s)
    state = " FINISHED" if finished and done == len(known) else ""
    lines = [("", f"[+] Building {elapsed_s:.1f}s ({done}/{len(known)}){state}")]
    for step in known:
        lines.append((_kind(step), _fitted(_title(step), _seconds(step), columns)))
        for event in step.transfers.values():
            lines.append(
                ("done" if event.get("completed_ns") else "", _fitted(_transfer(event), "", columns))
            )
        if step.running:
            lines += [
                ("", _fitted(f" => => # {line.partition(' ')[2]}", "", columns))
                for line in step.tail[-_LOG_LINES:]
            ]
    return lines


def _kind(step: "Step") -> str:
    if step.error == "context canceled":
        return "canceled"
    return "error" if step.error else "done" if step.completed_s else ""


def _title(step: "Step") -> str:
    mark = (
        "ERROR "
        if _kind(step) == "error"
        else "CANCELED "
        if step.error
        else "CACHED "
        if step.cached
        else ""
    )
    return f" => {mark}{step.name}"


def _seconds(step: "Step") -> str:
    return f"{max(0.0, (step.completed_s or time.time()) - step.started_s):.1f}s"


def _transfer(event: "Event") -> str:
    size = human_size(event["current"]) if event["current"] else ""
    total = f" / {human_size(event['total'])}" if event["total"] else ""
    return f" => => {event['id']} {size}{total}".rstrip()


def _fitted(text: str, end: str, columns: int) -> str:
    room = max(10, columns - len(end) - 1)
    text = text if len(text) <= room else f"{text[: room - 3]}..."
    return f"{text:<{room}} {end}".rstrip()
