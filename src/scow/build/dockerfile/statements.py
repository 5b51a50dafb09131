"""Logical lines become statements: an instruction's word, its flags, and its arguments by their form.

What the arguments mean is ``instructions``'s. The forms are those of the official parser.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scow.build.dockerfile.arguments import blank_separated, json_strings, name_values, take_flags
from scow.build.dockerfile.directives import Directives, read_directives
from scow.build.dockerfile.heredoc import Heredoc
from scow.build.dockerfile.logical_lines import GO_SPACE, LogicalLine, read_lines
from scow.build.dockerfile.source import DockerfileError, Location, Source, TextError
from scow.errors import InvalidArgumentError
from scow.spec.shell_words import split_words


@dataclass(frozen=True, slots=True)
class Statement:
    """One instruction as it is written. ``keyword`` is in small letters, ``word`` as it stands.

    ``values`` by the form: for pairs name, value, "=" or "" in turns.
    """

    keyword: str
    word: str
    flags: tuple[str, ...]
    values: tuple[str, ...]
    is_json: bool
    rest: str
    line: LogicalLine

    @property
    def location(self) -> Location:
        """Where it stands."""
        return self.line.location

    @property
    def heredocs(self) -> tuple[Heredoc, ...]:
        """Those that it begins."""
        return self.line.heredocs


_BLANKS = re.compile(r"[\t\v\f\r ]+")
"""A blank of another alphabet is part of a word."""
_Form = Callable[[str, str, str], tuple[list[str], bool]]


def read_statements(source: Source) -> tuple[Directives, list[Statement]]:
    """All of a Dockerfile. Raises DockerfileError, also for one without any instruction."""
    if source.lines in ((), ("",), ("\ufeff",)):
        what = f"the Dockerfile ({source.name}) cannot be empty"
        raise DockerfileError(what, source, _end(source))
    directives = read_directives(source)
    found = list(_statements(source, directives))
    if not found:
        raise TextError("file with no instructions", source, _end(source))
    return directives, found


def _end(source: Source) -> Location:
    last = max(1, len(source.lines) - (source.lines[-1] == ""))
    return Location(last, last)


def _statements(source: Source, directives: Directives) -> Iterator[Statement]:
    for line in read_lines(source, directives.escape, directives.lines):
        try:
            yield parse_statement(line, directives.escape)
        except InvalidArgumentError as exc:
            raise TextError(exc.message, source, line.location) from exc


def parse_statement(line: LogicalLine, escape: str) -> Statement:
    """One line. Raises InvalidArgumentError with Docker's messages."""
    word, *after = _BLANKS.split(line.text.strip(GO_SPACE), maxsplit=1)
    keyword = word.lower()
    flags, rest = take_flags(after[0]) if after else ([], "")
    rest = rest.strip(GO_SPACE)
    form = _FORMS.get(keyword, _as_it_stands)
    values, is_json = form(rest, word.upper(), escape)
    return Statement(keyword, word, tuple(flags), tuple(values), is_json, rest, line)


def _one_string(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    return ([rest] if rest else []), False


def _words(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    return blank_separated(rest), False


def _pairs(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    pairs = name_values(rest, word, escape)
    return [part for name, value, equals in pairs for part in (name, value, "=" if equals else "")], False


def _quoted_words(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    return split_words(rest, escape), False


def _json_or_string(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    strings = json_strings(rest)
    return (strings, True) if strings is not None else _one_string(rest, word, escape)


def _json_or_words(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    strings = json_strings(rest)
    return (strings, True) if strings is not None else _words(rest, word, escape)


def _health(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    kind, *command = rest.split(None, 1)[:2] if rest else [""]
    if not kind:
        return [], False
    strings, is_json = _json_or_string(command[0].strip() if command else "", word, escape)
    return [kind, *strings], is_json


def _as_it_stands(rest: str, word: str, escape: str) -> tuple[list[str], bool]:
    return _one_string(rest, word, escape)


_FORMS: dict[str, _Form] = {
    "add": _json_or_words,
    "arg": _quoted_words,
    "cmd": _json_or_string,
    "copy": _json_or_words,
    "entrypoint": _json_or_string,
    "env": _pairs,
    "expose": _words,
    "from": _words,
    "healthcheck": _health,
    "label": _pairs,
    "maintainer": _one_string,
    "onbuild": _one_string,
    "run": _json_or_string,
    "shell": _json_or_string,
    "stopsignal": _one_string,
    "user": _one_string,
    "volume": _json_or_words,
    "workdir": _one_string,
}
