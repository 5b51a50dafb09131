"""Statements of generated Dockerfiles against the official parser itself: PyPI's ``dockerfile``."""

import random
from typing import Any

import pytest

from scow.build.dockerfile.source import DockerfileError, Source
from scow.build.dockerfile.statements import Statement, read_statements

oracle = pytest.importorskip("dockerfile", reason="the package with the official parser is not installed")

_INSTRUCTIONS = (
    "RUN", "CMD", "ENTRYPOINT", "COPY", "ADD", "ENV", "LABEL", "ARG", "EXPOSE", "USER", "WORKDIR", "VOLUME",
    "SHELL", "STOPSIGNAL", "HEALTHCHECK", "ONBUILD", "MAINTAINER", "run", "Copy",
)  # fmt: skip
_WORDS = (
    "a", "b=c", "'q r'", '"d e"', "$X", "${Y:-z}", "\\ ", "x\\y", "--flag=1", "--from=s", '["j", "k"]', "[1]",
    "&&", "#no", "é", "/p/q", "80/tcp", "CMD", "NONE", 'e="f g"', "=", "''", "--", "\t", "|", "k='v w'",
)  # fmt: skip
_ENDS = ("\n", "\n", "\n", " \\\n", " \\\n  # comment\n", "\\\n\n", "\r\n", "  \n", "\\ \n")


def _generated(seed: int) -> str:
    """A Dockerfile that may be right or wrong; the same for the same seed."""
    rng = random.Random(seed)
    text = rng.choice(("", "# escape=`\n", "# syntax=docker/dockerfile:1\n", "\n# comment\n"))
    text += "FROM scratch\n"
    for _ in range(rng.randint(1, 6)):
        text += rng.choice(_INSTRUCTIONS)
        for _ in range(rng.randint(0, 5)):
            text += " " + rng.choice(_WORDS)
            if rng.random() < 0.15:
                text += rng.choice(_ENDS[3:6])
        text += rng.choice(_ENDS)
    return text + "USER last\n"


def _ours(text: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...], int]] | None:
    try:
        _, statements = read_statements(Source.of(text))
    except DockerfileError:
        return None
    return [_known((it.keyword, it.flags, _values(it), it.location.start)) for it in statements]


def _known(statement: tuple[str, tuple[str, ...], tuple[str, ...], int]) -> tuple[str, Any, Any, int]:
    """Of a word that is no instruction neither engine looks at the arguments."""
    keyword, line = statement[0], statement[3]
    return statement if keyword.upper() in (*_INSTRUCTIONS, "FROM") else (keyword, (), (), line)


def _values(statement: Statement) -> tuple[str, ...]:
    if statement.keyword in ("env", "label"):
        # The package's version knows no third value that tells the two forms apart.
        return tuple(value for at, value in enumerate(statement.values) if at % 3 != 2)
    return statement.values


def _theirs(text: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...], int]] | None:
    try:
        commands = oracle.parse_string(text)
    except oracle.GoParseError:
        return None
    found = []
    for command in commands:
        values = tuple(command.value)
        if command.cmd.lower() in ("env", "label") and len(values) % 3 == 0:
            values = tuple(value for at, value in enumerate(values) if at % 3 != 2)
        found.append(_known((command.cmd.lower(), tuple(command.flags), values, command.start_line)))
    return found


@pytest.mark.parametrize("block", range(6))
def test_generated_dockerfiles_are_read_as_by_the_official_parser(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        text = _generated(seed)
        theirs = _theirs(text)
        if theirs is not None and any(it[0] == "onbuild" for it in theirs):
            theirs = [it for it in theirs if it[0] != "onbuild"]
            assert [it for it in _ours(text) or [] if it[0] != "onbuild"] == theirs, repr(text)
        else:
            assert _ours(text) == theirs, repr(text)


@pytest.mark.parametrize("blank", ["\u2028", "\u3000", "\x85", "\x1c", "\x1f", "\u180e", "\u200b"])
@pytest.mark.parametrize("line", ["{}", " {} ", "{}RUN x", "RUN x\n{}", "{}# comment"])
def test_blanks_of_unicode_are_gos(blank: str, line: str) -> None:
    text = f"{line.format(blank)}\nFROM a\n"
    assert _ours(text) == _theirs(text)
