"""A Dockerfile as a whole: its directives, the arguments before the first FROM, and its stages."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scow.build.dockerfile.directives import Directives
from scow.build.dockerfile.flags import Flags
from scow.build.dockerfile.instructions import Arg, Instruction, Stage
from scow.build.dockerfile.reading import read_instruction
from scow.build.dockerfile.source import DockerfileError, Source
from scow.build.dockerfile.statements import Statement, read_statements
from scow.errors import InvalidArgumentError

_NO_STAGE = "no build stage in current context"
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """What a Dockerfile says. ``statements`` are its instructions as written, for ``lint``.

    ``named`` are the indices of stages by their names, in order.
    """

    source: Source
    directives: Directives
    arguments: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    statements: tuple[Statement, ...]
    named: Mapping[str, Sequence[int]]

    def find_stage(self, name: str, before: int) -> int | None:
        """Index of the stage called ``name``, or numbered so, among the first ``before``."""
        places = self.named.get(name.lower(), ())
        if found := bisect_left(places, before):
            return places[found - 1]
        return int(name) if name.isdecimal() and int(name) < before else None


def parse_dockerfile(text: str, name: str = "Dockerfile") -> Dockerfile:
    """Raises DockerfileError."""
    source = Source.of(text, name)
    directives, statements = read_statements(source)
    arguments: list[Arg] = []
    stages: list[tuple[Statement, list[Instruction]]] = []
    for statement in statements:
        try:
            if statement.keyword == "from":
                stages.append((statement, []))
                continue
            instruction = read_instruction(statement)
        except InvalidArgumentError as exc:
            raise _at(source, statement, exc.message) from exc
        if stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            arguments.append(instruction)
        else:
            raise DockerfileError(_NO_STAGE, source, statement.location, statement.word)
    if not stages:
        raise DockerfileError(_NO_STAGE, source, statements[-1].location, statements[-1].word)
    read = tuple(_stage(source, statement, found) for statement, found in stages)
    return Dockerfile(
        source=source,
        directives=directives,
        arguments=tuple(arguments),
        stages=read,
        statements=tuple(statements),
        named=_by_name(read),
    )


def _by_name(stages: Iterable[Stage]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, stage in enumerate(stages):
        if stage.name:
            found.setdefault(stage.name, []).append(index)
    return found


def _at(source: Source, statement: Statement, message: str) -> DockerfileError:
    flag = re.search(r"flag: (--[\w-]+)", message)
    token = flag[1] if flag else statement.word
    return DockerfileError(message, source, statement.location, token, names_line=True)


def _stage(source: Source, statement: Statement, instructions: list[Instruction]) -> Stage:
    try:
        return _read_from(statement, instructions)
    except InvalidArgumentError as exc:
        raise _at(source, statement, exc.message) from exc


def _read_from(statement: Statement, instructions: list[Instruction]) -> Stage:
    flags = Flags(statement.flags, {"platform": "text"})
    words = statement.values
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
        raise InvalidArgumentError("FROM requires either one or three arguments")
    name = words[2] if len(words) == 3 else ""
    if name and not _STAGE_NAME.fullmatch(name.lower()):
        raise InvalidArgumentError(
            f'invalid name for build stage: "{name}", name can\'t start with a number or contain symbols'
        )
    return Stage(
        name=name.lower(),
        written_name=name,
        base=words[0],
        platform=flags.text("platform"),
        location=statement.location,
        word=statement.word,
        as_word=words[1] if name else "",
        text=statement.rest,
        comments=statement.line.comments,
        instructions=tuple(instructions),
    )
