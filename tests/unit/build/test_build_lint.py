"""Build checks: each rule of Docker's finds what it is for, and nothing else."""

import pytest

from scow.build.dockerfile.lint import lint
from scow.build.dockerfile.parser import parse_dockerfile
from scow.spec.ignore_rules import parse_ignore_file


def _found(text: str, ignore: str = "") -> list[tuple[str, int]]:
    warnings = lint(
        parse_dockerfile(text),
        predefined={"TARGETPLATFORM": "x", "BUILDPLATFORM": "x"},
        ignored=parse_ignore_file(ignore),
    )
    return [(warning.rule, warning.location.start) for warning in warnings]


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("FROM a AS Build\n", "StageNameCasing", 1),
        ("FROM a as build\n", "FromAsCasing", 1),
        ("FROM a\nRUN x \\\n\n  y\n", "NoEmptyContinuation", 3),
        ("FROM a\nRUN x\nrun y\n", "ConsistentInstructionCasing", 3),
        ("FROM a AS b\nFROM c AS b\n", "DuplicateStageName", 2),
        ("FROM a AS scratch\n", "ReservedStageName", 1),
        ("FROM a\nCMD echo hi\n", "JSONArgsRecommended", 2),
        ("FROM a\nMAINTAINER me\n", "MaintainerDeprecated", 2),
        ("FROM $nope\n", "UndefinedArgInFrom", 1),
        ("FROM a\nWORKDIR app\n", "WorkdirRelativePath", 2),
        ('FROM a\nCMD ["x"]\nCMD ["y"]\n', "MultipleInstructionsDisallowed", 2),
        ("FROM a\nENV a b\n", "LegacyKeyValueFormat", 2),
        ("FROM --platform=$TARGETPLATFORM a\n", "RedundantTargetPlatform", 1),
        ("FROM --platform=linux/arm64 a\n", "FromPlatformFlagConstDisallowed", 1),
        ("FROM a\nARG API_TOKEN\n", "SecretsUsedInArgOrEnv", 2),
        ("ARG base\nFROM $base\n", "InvalidDefaultArgInFrom", 2),
        ("FROM a\nEXPOSE 80/TCP\n", "ExposeProtoCasing", 2),
        (
            "# check=experimental=all\n# built from here\nFROM a AS base\n",
            "InvalidDefinitionDescription",
            3,
        ),
        (
            "# check=experimental=InvalidDefinitionDescription\nFROM a\n# the version\nARG VERSION\n",
            "InvalidDefinitionDescription",
            4,
        ),
    ],
)
def test_a_rule_finds_what_it_is_for(text: str, rule: str, line: int) -> None:
    assert _found(text) == [(rule, line)]


def test_nothing_is_found_where_all_is_well() -> None:
    text = """# syntax=docker/dockerfile:1
ARG base=alpine
FROM --platform=$BUILDPLATFORM ${base} AS build
WORKDIR /app
WORKDIR sub
ENV PUBLIC_KEY=x SSH_KEY_FILE=/k
COPY . .
RUN make
FROM scratch
SHELL ["/bin/bash", "-c"]
CMD echo hi
"""
    assert _found(text) == []


def test_files_that_are_ignored_cannot_be_copied() -> None:
    assert _found("FROM a\nCOPY ./x.log /\nCOPY y /\n", "*.log") == [("CopyIgnoredFile", 2)]


def test_a_directive_leaves_rules_out() -> None:
    assert _found("# check=skip=MaintainerDeprecated\nFROM a\nMAINTAINER me\n") == []
    assert _found("# check=skip=all\nFROM a AS B\nMAINTAINER me\n") == []


def test_a_warning_says_where_it_is_explained() -> None:
    (warning,) = lint(parse_dockerfile("FROM a\nCMD x\n"), predefined={}, ignored=parse_ignore_file(""))
    assert warning.url == "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    assert warning.description.startswith("JSON arguments recommended")


@pytest.mark.parametrize(
    "text",
    [
        "arg V=1\nFROM a:$V\nRUN x\n",
        "# check=skip=ConsistentInstructionCasing\nFrom a As b\nRUN x\n",
        "FROM --platform=linux/arm64 a AS arm64-tools\n",
        "FROM a\nARG KEY_VERSION\n",
    ],
)
def test_rules_know_their_exceptions(text: str) -> None:
    assert _found(text) == []


def test_what_is_taken_back_in_may_be_below_what_is_left_out() -> None:
    text = "FROM a\nCOPY logs /\nCOPY . /\n"
    assert _found(text, "logs\n!logs/kept\n") == []
    assert _found(text, "*\n") == [("CopyIgnoredFile", 2), ("CopyIgnoredFile", 3)]
    assert _found(text, "logs\n") == [("CopyIgnoredFile", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a AS b\nFROM c AS b\n", 'Duplicate stage name "b", stage names should be unique'),
        ("FROM a AS scratch\n", 'Stage name should not use the same name as reserved stage "scratch"'),
        (
            "FROM a\nenv a b\nuser x\n# check=x\n",
            '"env key=value" should be used instead of legacy "env key value" format',
        ),
    ],
)
def test_rules_have_dockers_words(text: str, message: str) -> None:
    warnings = lint(parse_dockerfile(text), predefined={}, ignored=parse_ignore_file(""))
    assert message in [warning.message for warning in warnings]
