"""Statements of Dockerfiles against the official parser's test files (``tests/golden/dockerfile/parser``)."""

import json
from pathlib import Path

import pytest

from scow.build.dockerfile.logical_lines import LogicalLine
from scow.build.dockerfile.source import DockerfileError, Source
from scow.build.dockerfile.statements import Statement, parse_statement, read_statements

_CASES = Path(__file__).parent / "dockerfile" / "parser"


def _go_quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\\u0000", "\\x00")


def _dump(statement: Statement, escape: str) -> str:
    """As the official parser prints its nodes."""
    parts = [statement.keyword]
    if statement.flags:
        parts.append("[" + " ".join(_go_quoted(it) for it in statement.flags) + "]")
    if statement.keyword == "onbuild" and statement.rest:
        inner = parse_statement(LogicalLine(statement.rest, statement.location), escape)
        parts.append(_dump(inner, escape))
    elif statement.keyword in ("env", "label"):
        for at in range(0, len(statement.values), 3):
            name, value, equals = statement.values[at : at + 3]
            parts += [_go_quoted(name), _go_quoted(value), _go_quoted(equals)]
    else:
        parts += [_go_quoted(it) for it in statement.values]
    return f"({' '.join(parts)})"


@pytest.mark.parametrize("case", sorted(_CASES.glob("testfiles/*")), ids=lambda path: path.name)
def test_a_dockerfile_is_read_as_by_the_official_parser(case: Path) -> None:
    directives, statements = read_statements(Source.of((case / "Dockerfile").read_bytes().decode()))
    dumped = "\n".join(_dump(it, directives.escape) for it in statements)
    assert dumped == (case / "result").read_text().strip()


@pytest.mark.parametrize("case", sorted(_CASES.glob("testfiles-negative/*")), ids=lambda path: path.name)
def test_a_dockerfile_that_the_official_parser_refuses_is_refused(case: Path) -> None:
    with pytest.raises(DockerfileError) as caught:
        read_statements(Source.of((case / "Dockerfile").read_bytes().decode()))
    assert caught.value.line >= 1
    assert caught.value.column >= 1
