"""Which lines of a log are wanted and how they look: blocks of a file in, bytes for a client out. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar
from urllib.parse import quote_plus

import msgspec

from scow.logs.beginnings import full_time
from scow.logs.json_encoder import rfc3339_nano
from scow.spec.stdcopy import HEADER

T = TypeVar("T")

_LATEST_NS = 253_402_300_799 * 10**9  # the last second that has four digits for its year
_NUMBERS = {"stdout": 1, "stderr": 2}


@dataclass(frozen=True)
class LogSelection:
    """What a client asks of a log."""

    stdout: bool = True
    stderr: bool = True
    since_ns: int | None = None
    """Not before this moment since the epoch."""
    until_ns: int | None = None
    """Not after it."""
    tail: int | None = None
    """Only the last so many lines, counted before all other conditions; ``None``: all."""
    timestamps: bool = False
    details: bool = False
    """Put the attributes of the line (labels, variables, tag) before it."""
    follow: bool = False


class _Line(msgspec.Struct, gc=False):
    log: str = ""
    stream: str = ""


class _FullLine(msgspec.Struct, gc=False):
    log: str = ""
    stream: str = ""
    time: str = ""
    attrs: dict[str, str] | None = None


_lines = msgspec.json.Decoder(list[_Line])
_full_lines = msgspec.json.Decoder(list[_FullLine])
_line = msgspec.json.Decoder(_Line)
_full_line = msgspec.json.Decoder(_FullLine)

_text_of = attrgetter("log")


class Renderer:
    """Turns blocks of whole lines into frames, or plain bytes. ``is_past`` once ``until`` has been passed."""

    def __init__(self, selection: LogSelection, *, framed: bool) -> None:
        self.is_past = False
        self._selection = selection
        self._framed = framed
        self._since = _bound(selection.since_ns)
        self._until = _bound(selection.until_ns)
        self._streams = {
            name for name, wanted in (("stdout", selection.stdout), ("stderr", selection.stderr)) if wanted
        }
        self._is_plain = not (
            selection.timestamps or selection.details or self._since is not None or self._until is not None
        )

    def render(self, block: bytes) -> bytes:
        """The bytes for the lines of ``block``, in order."""
        lines: Iterable[_Line | _FullLine]
        if self._is_plain:
            plain: list[_Line] = _decode(block, _lines, _line)
            lines = plain
        elif self._since is not None and _last_time(block) < self._since:
            return b""
        else:
            lines = [self._decorated(line) for line in self._bounded(_decode(block, _full_lines, _full_line))]
        if len(self._streams) == 1:
            lines = [line for line in lines if line.stream in self._streams]
        if not self._framed:
            return "".join(map(_text_of, lines)).encode()
        return self._frames(lines)

    def _frames(self, lines: Iterable[_Line | _FullLine]) -> bytes:
        parts: list[bytes] = []
        pack = HEADER.pack
        # A frame a line: clients take one for the other (aiodocker's log(), docker-py's logs(stream=True)).
        for line in lines:
            data = line.log.encode()
            parts += (pack(_NUMBERS.get(line.stream, 1), len(data)), data)
        return b"".join(parts)

    def _bounded(self, lines: list[_FullLine]) -> Iterable[_FullLine]:
        for line in lines:
            moment = full_time(line.time)
            if self._until is not None and moment > self._until:
                self.is_past = True
                return
            if self._since is None or moment >= self._since:
                yield line

    def _decorated(self, line: _FullLine) -> _FullLine:
        if self._selection.details:
            line.log = f"{_attributes(line.attrs)} {line.log}"
        if self._selection.timestamps:
            line.log = f"{full_time(line.time)} {line.log}"
        return line


def _decode(block: bytes, many: msgspec.json.Decoder[list[T]], one: msgspec.json.Decoder[T]) -> list[T]:
    """All lines at once: a newline inside of a JSON string is always escaped."""
    try:
        return many.decode(b"[%b]" % block.rstrip(b"\n").replace(b"\n", b","))
    except msgspec.DecodeError:
        return list(_decode_good_ones(block, one))


def _decode_good_ones(block: bytes, one: msgspec.json.Decoder[T]) -> Iterator[T]:
    """For a file that somebody else has written into: what is no line of a log is left out."""
    for text in block.splitlines():
        try:
            yield one.decode(text)
        except msgspec.DecodeError:
            continue


def _last_time(block: bytes) -> str:
    """The time of the last line, which is the latest; without one, a time after all others."""
    _before, found, after = block.rpartition(b'"time":"')
    return full_time(after.partition(b'"')[0].decode(errors="replace")) if found else "~"


def _bound(time_ns: int | None) -> str | None:
    return None if time_ns is None else rfc3339_nano(min(max(time_ns, 0), _LATEST_NS))


def _attributes(attrs: dict[str, str] | None) -> str:
    return ",".join(
        f"{quote_plus(name)}={quote_plus(value)}" for name, value in sorted((attrs or {}).items())
    )
