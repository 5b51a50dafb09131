"""Progress of load, import and pull: a stream of JSON messages as text, in place on a terminal."""

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from scow.cli.output import Output

    Message = dict[str, Any]

_BAR = 50
_WIDE = 110
"""Columns from which there is room for a bar."""
_ERASE_LINE = "\x1b[2K"


def show_progress(messages: "Iterable[Message]", out: "Output | None") -> None:
    """Print ``messages`` until they end; ``out`` None only looks for an error.

    Raises CommandError for a message that is an error.
    """
    display = _Display(out) if out else None
    for message in messages:
        if "aux" in message:
            continue
        detail = message.get("errorDetail")
        if detail:
            raise CommandError(str(detail.get("message") or message.get("error") or ""))
        if display:
            display.show(message)


class _Display:
    """Lines by id; on a terminal a line that belongs to an id is written over."""

    def __init__(self, out: "Output") -> None:
        self._out = out
        self._terminal = out.is_terminal()
        self._lines: dict[str, int] = {}

    def show(self, message: "Message") -> None:
        identifier = message.get("id") or ""
        progress = message.get("progressDetail")
        bar = progress_text(progress, self._columns()) if progress else ""
        up = ""
        if identifier and (progress is not None or message.get("progress")):
            up = self._place(identifier)
        else:
            self._lines = {}
        if not self._terminal and bar:
            return
        text = self._text(message, identifier, progress, bar)
        if not self._terminal:
            self._out.write(text)
        else:
            self._out.write(up + text + (up.replace("A", "B") if identifier else ""))

    def _place(self, identifier: str) -> str:
        """What moves the cursor to the line of ``identifier``, adding it below when it is new."""
        new_line = ""
        if identifier not in self._lines:
            self._lines[identifier] = len(self._lines)
            new_line = "\n" if self._terminal else ""
        distance = len(self._lines) - self._lines[identifier]
        return f"{new_line}\x1b[{distance}A" if self._terminal else ""

    def _text(self, message: "Message", identifier: str, progress: object, bar: str) -> str:
        in_place = self._terminal and progress is not None and not message.get("stream")
        head = f"{_ERASE_LINE}\r" if in_place else ""
        end = "\r" if in_place else ""
        if identifier:
            head += f"{identifier}: "
        if message.get("from"):
            head += f"(from {message['from']}) "
        status = message.get("status") or ""
        if progress is not None and self._terminal:
            return f"{head}{status} {bar}{end}"
        if message.get("progress"):
            return f"{head}{status} {message['progress']}{end}"
        if message.get("stream"):
            return f"{head}{message['stream']}{end}"
        return f"{head}{status}{end}\n"

    def _columns(self) -> int:
        import os

        try:
            return os.get_terminal_size(self._out.fd).columns
        except OSError:
            return 200


def progress_text(progress: "Message", columns: int) -> str:
    """``[====>   ]  1.2MB/3MB``; the bar needs a wide terminal."""
    from scow.cli.units import human_size

    current, total = int(progress.get("current") or 0), int(progress.get("total") or 0)
    unit = progress.get("units") or ""
    if current <= 0 and total <= 0:
        return ""
    if total <= 0:
        return f"{current} {unit}" if unit else f"{human_size(current):>8}"
    filled = min(current * 100 // total // 2, _BAR)
    bar = f"[{'=' * filled}>{' ' * (_BAR - filled)}] " if columns > _WIDE else ""
    if progress.get("hidecounts"):
        return bar
    if unit:
        return bar + (f"{current} {unit}" if current > total else f"{current}/{total} {unit}")
    numbers = f"{human_size(current):>8}"
    return bar + (numbers if current > total else f"{numbers}/{human_size(total)}")
