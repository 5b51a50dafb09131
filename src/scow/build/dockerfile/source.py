"""Where in a Dockerfile something stands, and how a mistake there is shown."""

from dataclasses import dataclass

from scow.errors import ParseError
from scow.spec.file_excerpt import file_excerpt


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


def valid_text(text: str) -> str:
    """Text as it goes into JSON: what was no UTF-8 is replaced, as Go does it.

    Lines are read with ``surrogateescape``, for the content of a heredoc may be any bytes.
    """
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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
        self.names_line = names_line
        self.excerpt = valid_text(file_excerpt(source.name, source.lines, location.start, location.end))


class TextError(DockerfileError):
    """Text that does not fall into instructions."""
