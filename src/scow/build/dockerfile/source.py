"""Where in a Dockerfile something stands, and how a mistake there is shown."""

from dataclasses import dataclass

from scow.errors import ParseError

_CONTEXT_LINES = 2
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Location:
    """First and last line of an instruction, counted from 1."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A Dockerfile's name and lines."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, text: str, name: str = "Dockerfile") -> "Source":
        """A carriage return at the end of a line is kept: heredocs have it too."""
        return cls(name, tuple(text.split("\n")))

    def column(self, location: Location, token: str) -> tuple[int, int]:
        """Line and column, from 1, of the first ``token`` within ``location``; its begin if there is none."""
        if token:
            for number in range(location.start, location.end + 1):
                at = self.lines[number - 1].find(token) if number <= len(self.lines) else -1
                if at >= 0:
                    return number, at + 1
        return location.start, 1

    def excerpt(self, location: Location) -> str:
        """The lines around ``location`` with marks before those that it means."""
        first = max(1, location.start - _CONTEXT_LINES)
        last = min(len(self.lines), location.end + _CONTEXT_LINES)
        shown = [f"{self.name}:{location.start}", "-" * 20]
        for number in range(first, last + 1):
            mark = ">>>" if location.start <= number <= location.end else "   "
            line = self.lines[number - 1].rstrip("\r")
            cut = line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"
            shown.append(f"{number:4} | {mark} {cut}".rstrip())
        return "\n".join([*shown, "-" * 20])


class DockerfileError(ParseError):
    """A mistake in a Dockerfile. ``message`` has Docker's words; ``excerpt`` shows the lines.

    Docker's words have the line for what cannot be read as an instruction (``names_line``), not for text
    that falls into no words before, nor for what is found wrong when it is evaluated.
    """

    def __init__(
        self, what: str, source: Source, location: Location, token: str = "", *, names_line: bool = False
    ) -> None:
        line, column = source.column(location, token)
        prefix = f"dockerfile parse error on line {location.start}: " if names_line else ""
        super().__init__(prefix + what, file=source.name, line=line, column=column)
        self.what = what
        self.location = location
        self.excerpt = source.excerpt(location)


class TextError(DockerfileError):
    """Text that does not fall into instructions."""
