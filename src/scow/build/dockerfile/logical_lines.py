"""Physical lines become logical ones: continuations joined, comments dropped, heredocs collected."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scow.build.dockerfile.heredoc import Heredoc, heredocs_of
from scow.build.dockerfile.source import Location, Source, TextError, valid_text

_HEREDOC_INSTRUCTIONS = ("add", "copy", "run")
# What Go's unicode.IsSpace says; Python's own has separators of ASCII as well (U+001C to U+001F).
GO_SPACE = (
    " \t\v\f\r\n\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One instruction's text. ``comments`` stood above it, since the one before or an empty comment."""

    text: str
    location: Location
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()
    empty_continuation: int = 0
    """The number of its last line if an empty one is in the middle of it, or 0."""


def read_lines(source: Source, escape: str, directives: int = 0) -> Iterator[LogicalLine]:
    """All of them; so many lines are ``directives``. Raises TextError for a heredoc that does not end."""
    continued = re.compile(rf"(?:^|(?<=[^{re.escape(escape)}])){re.escape(escape)}[ \t]*$")
    lines = list(source.lines)
    lines[0] = lines[0].removeprefix("\ufeff")
    if lines[-1] == "":
        lines.pop()
    at = 0
    comments: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip("\r").lstrip(GO_SPACE)
        at += 1
        if line.startswith("#"):
            if at > directives:
                comment = valid_text(lines[at - 1][1:].strip())
                comments = [*comments, comment] if comment else []
            continue
        first = at
        parts, at, empty = _joined(lines, line, at, continued)
        text = valid_text("".join(parts))
        if not text.strip(GO_SPACE):
            continue
        found = LogicalLine(
            text, Location(first, at), comments=tuple(comments), empty_continuation=at if empty else 0
        )
        comments = []
        if _may_have_heredocs(text):
            found, at = _with_heredocs(source, lines, found, at)
        yield found


def _may_have_heredocs(text: str) -> bool:
    """Whether it is one of three instructions, perhaps as a trigger, and not in JSON form."""
    words = text.split(None, 2)
    if words and words[0].lower() == "onbuild":
        words = words[1:]
    if not words or words[0].lower() not in _HEREDOC_INSTRUCTIONS:
        return False
    return len(words) == 1 or not words[1].startswith("[")


def _joined(lines: list[str], line: str, at: int, continued: re.Pattern[str]) -> tuple[list[str], int, bool]:
    """The parts of a logical line that begins with ``line``, where to go on, whether one is empty."""
    parts, empty = [], False
    while True:
        cut = continued.sub("", line)
        parts.append(cut)
        if cut == line:
            return parts, at, empty
        while True:
            if at >= len(lines):
                return parts, at, empty
            line = lines[at].rstrip("\r")
            at += 1
            stripped = line.lstrip(GO_SPACE)
            if stripped.startswith("#"):
                continue
            if not stripped:
                empty = True
                continue
            break


def _with_heredocs(source: Source, lines: list[str], line: LogicalLine, at: int) -> tuple[LogicalLine, int]:
    complete = []
    for heredoc in heredocs_of(line.text):
        content = []
        while True:
            if at >= len(lines):
                here = Location(line.location.start, len(lines))
                raise TextError("unterminated heredoc", source, here, f"<<{heredoc.name}")
            text = lines[at]
            at += 1
            mark = text.rstrip("\r")
            if (mark.lstrip("\t") if heredoc.chomp else mark) == heredoc.name:
                break
            content.append(f"{text}\n")
        complete.append(replace(heredoc, content="".join(content)))
    location = Location(line.location.start, at)
    return replace(line, location=location, heredocs=tuple(complete)), at
