"""Build checks: each rule of Docker's finds what it is for, and nothing else."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from scow.build.checks.answer import Answer
from scow.build.checks.rules import DESCRIPTIONS, LintWarning
from scow.build.checks.settings import CheckSettings, read_check_settings
from scow.build.dockerfile.source import Location
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.options import Options
from scow.build.frontend.checking import check_only
from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.ignore_rules import IgnoreRules, parse_ignore_file
from scow.spec.oci_image import ImageConfig, RootFS
from scow.spec.platform import Platform

_AMD64 = Platform("linux", "amd64")
_ALL = "# check=experimental=all\n"


class _Images:
    """An image by any name; what it is, is in the name."""

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        if reference == "missing":
            raise NotFoundError("missing: not found")
        config = ContainerConfig()
        if reference == "bash":
            config.shell = ["/bin/bash", "-c"]
        if reference == "triggers":
            config.on_build = ["ENV A=$nothing"]
        architecture = "riscv64" if reference == "foreign" else platform.architecture
        found = ImageConfig(
            rootfs=RootFS(type="layers", diff_ids=["sha256:" + "0" * 64]),
            os="linux",
            architecture=architecture,
            config=config,
        )
        return BaseImage(reference, None, found)


def _answer(
    text: str, ignore: str = "", arguments: Mapping[str, str] | None = None, target: str = ""
) -> Answer:
    async def ignored() -> IgnoreRules:
        return parse_ignore_file(ignore)

    options = Options(
        build_arguments=arguments or {},
        build_platform=_AMD64,
        platform=_AMD64,
        target=target,
        as_buildkit=True,
    )
    return asyncio.run(check_only(text, "Dockerfile", options, _Images(), ignored))


def _found(text: str, **asked: Any) -> list[tuple[str, int]]:
    answer = _answer(text, **asked)
    assert not answer.error
    return [(warning.rule, warning.location.start) for warning in answer.warnings]


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("FROM a AS Build\n", "StageNameCasing", 1),
        ("FROM a as build\n", "FromAsCasing", 1),
        ("from a AS build\n", "FromAsCasing", 1),
        ("FROM a\nRUN x \\\n\n  y\n", "NoEmptyContinuation", 4),
        ("FROM a\nRUN x\nrun y\n", "ConsistentInstructionCasing", 3),
        ("from a\nrun x\nRUN y\n", "ConsistentInstructionCasing", 3),
        ("FROM a AS b\nFROM c AS b\n", "DuplicateStageName", 2),
        ("FROM a AS scratch\n", "ReservedStageName", 1),
        ("FROM a AS context\n", "ReservedStageName", 1),
        ("FROM a\nCMD echo hi\n", "JSONArgsRecommended", 2),
        ("FROM a\nENTRYPOINT echo hi\n", "JSONArgsRecommended", 2),
        ("FROM a\nMAINTAINER me\n", "MaintainerDeprecated", 2),
        ("FROM a${nope}\n", "UndefinedArgInFrom", 1),
        ("FROM --platform=linux/$nope$BUILDARCH a\n", "UndefinedArgInFrom", 1),
        ("FROM a\nWORKDIR app\n", "WorkdirRelativePath", 2),
        ("FROM a\nENV D=app\nWORKDIR $D\n", "WorkdirRelativePath", 3),
        ('FROM a\nCMD ["x"]\nCMD ["y"]\n', "MultipleInstructionsDisallowed", 2),
        ('FROM a\nENTRYPOINT ["x"]\nENTRYPOINT ["y"]\n', "MultipleInstructionsDisallowed", 2),
        ("FROM a\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n", "MultipleInstructionsDisallowed", 2),
        ("FROM a\nENV a b\n", "LegacyKeyValueFormat", 2),
        ("FROM a\nLABEL a b\n", "LegacyKeyValueFormat", 2),
        ("FROM --platform=$TARGETPLATFORM a\n", "RedundantTargetPlatform", 1),
        ("FROM --platform=${TARGETPLATFORM} a\n", "RedundantTargetPlatform", 1),
        ("FROM --platform=linux/arm64 a\n", "FromPlatformFlagConstDisallowed", 1),
        ("FROM a\nARG API_TOKEN\n", "SecretsUsedInArgOrEnv", 2),
        ("FROM a\nENV secret_message=x\n", "SecretsUsedInArgOrEnv", 2),
        ("FROM a\nENV N=API_KEY\nENV $N=x\n", "SecretsUsedInArgOrEnv", 3),
        ("FROM a\nEXPOSE 80/TCP\n", "ExposeProtoCasing", 2),
        ("FROM a\nARG P=80/Udp\nEXPOSE $P\n", "ExposeProtoCasing", 3),
        ("FROM a\nEXPOSE 127.0.0.1:80:80\n", "ExposeInvalidFormat", 2),
        ("FROM a\nEXPOSE 80:80\n", "ExposeInvalidFormat", 2),
        ("FROM a\nENV A=$nope\n", "UndefinedVar", 2),
        ("FROM a\nENV A=${nope:-default}\n", "UndefinedVar", 2),
        ("FROM a\nCOPY $nope .\n", "UndefinedVar", 2),
        ("FROM a\nARG A=$A\n", "UndefinedVar", 2),
        ("FROM a\nRUN --mount=type=cache,target=/c,id=$nope x\n", "UndefinedVar", 2),
        ("FROM triggers\n", "UndefinedVar", 1),
        ("FROM foreign\n", "InvalidBaseImagePlatform", 1),
        (f"{_ALL}# built from here\nFROM a AS base\n", "InvalidDefinitionDescription", 3),
        (f"{_ALL}FROM a\n# the version\n\nARG VERSION\n", "InvalidDefinitionDescription", 5),
        (f"{_ALL}# x\nARG a b=1\nFROM a\n", "InvalidDefinitionDescription", 3),
    ],
)
def test_a_rule_finds_what_it_is_for(text: str, rule: str, line: int) -> None:
    assert (rule, line) in _found(text)
    assert {found for found, _ in _found(text)} == {rule}


def test_every_rule_but_those_of_contexts_is_in_the_table() -> None:
    table = test_a_rule_finds_what_it_is_for.pytestmark[0].args[1]  # type: ignore[attr-defined]
    elsewhere = {"CopyIgnoredFile", "InvalidDefaultArgInFrom"}
    assert {rule for _, rule, _ in table} == set(DESCRIPTIONS) - elsewhere


@pytest.mark.parametrize(
    "text",
    [
        "arg V=1\nFROM a:$V\nRUN x\n",
        "# check=skip=ConsistentInstructionCasing\nFrom a As b\nRUN x\n",
        "FROM --platform=linux/arm64 a AS arm64-tools\n",
        "FROM --platform=linux/arm64 a AS linux-tools\n",
        "FROM --platform=$BUILDPLATFORM a\n",
        "FROM --platform=linux/$TARGETARCH a\n",
        "ARG P=linux/arm64\nFROM --platform=$P a\n",
        "FROM a\nARG KEY_VERSION PUBLIC_KEY TOKEN_FILE MONKEY AUTHOR KEYS\n",
        "ARG TOKEN\nFROM a\n",
        "FROM a\nLABEL KEY=x\n",
        "ARG base=a\nFROM $base\n",
        "ARG tag\nFROM a:${tag:-latest}\n",
        "FROM a:$TARGETARCH\n",
        'FROM a\nSHELL ["/bin/bash", "-c"]\nCMD echo hi\n',
        'FROM a AS b\nSHELL ["/bin/bash", "-c"]\nFROM b\nCMD echo hi\n',
        "FROM bash\nCMD echo hi\n",
        "FROM a\nHEALTHCHECK CMD x\n",
        'FROM a AS b\nCMD ["x"]\nFROM b\nCMD ["y"]\n',
        "FROM a\nWORKDIR /app\nWORKDIR sub\n",
        "FROM a AS b\nWORKDIR /app\nFROM b\nWORKDIR sub\n",
        "FROM a\nRUN x \\\n# comment\n  y\n",
        "FROM a\nEXPOSE 80 80/tcp 90-91/udp\n",
        "FROM a\nEXPOSE $nope\n",
        "FROM a\nARG A\nENV B=$A\n",
        "FROM a AS b\nARG A\nFROM b\nENV B=$A\n",
        "FROM a\nRUN echo $nope\n",
        'FROM a\nCMD ["$nope"]\n',
        "FROM a\nENV A='$nope' B=\\$nope\n",
        "FROM a\nENV A=$BUILDKIT_SBOM_SCAN_STAGE\n",
        "# built from here\nFROM a AS base\n",
        f"{_ALL}# base of all\nFROM a AS base\n",
        f"{_ALL}# something\n#\nFROM a AS base\n",
        f"{_ALL}# about nothing\nFROM a\n",
        "FROM scratch\nCOPY . /\n",
    ],
)
def test_rules_know_their_exceptions(text: str) -> None:
    assert _found(text) == []


def test_the_first_working_directory_decides() -> None:
    assert _found("FROM a\nWORKDIR a\nWORKDIR b\n") == [("WorkdirRelativePath", 2)]


def test_an_argument_without_a_default_names_no_image() -> None:
    assert _found("ARG tag\nFROM a:$tag\n", arguments={"tag": "1"}) == [("InvalidDefaultArgInFrom", 2)]
    answer = _answer("ARG base\nFROM $base\n")
    assert [warning.rule for warning in answer.warnings] == ["InvalidDefaultArgInFrom"]
    assert (answer.error, answer.place) == ("base name ($base) should not be blank", Location(2, 2))


def test_each_word_is_told_by_itself() -> None:
    found = _answer("FROM a\nENV A=$none$none B=$none\nCOPY $next/a $next/b /\n").warnings
    assert [warning.message[-6:] for warning in found] == ["$none'", "$none'", "$next'", "$next'"]


def test_files_that_are_ignored_cannot_be_copied() -> None:
    text = "FROM a\nCOPY ./x.log /\nCOPY y /\nADD /z.log https://h/w.log /\nCOPY --from=b x.log /\n"
    assert _found(text, ignore="*.log\n") == [("CopyIgnoredFile", 2), ("CopyIgnoredFile", 4)]
    assert [it.message for it in _answer(text, "*.log\n").warnings] == [
        'Attempting to Copy file "x.log" that is excluded by .dockerignore',
        'Attempting to Add file "/z.log" that is excluded by .dockerignore',
    ]
    assert _found("FROM a\nCOPY <<x.log /\nx\nx.log\n", ignore="*.log\n") == []
    assert _found("FROM a\nENV N=x.log\nCOPY $N /\n", ignore="*.log\n") == [("CopyIgnoredFile", 3)]


def test_what_is_taken_back_in_may_be_below_what_is_left_out() -> None:
    text = "FROM a\nCOPY logs /\nCOPY . /\n"
    assert _found(text, ignore="logs\n!logs/kept\n") == []
    assert _found(text, ignore="*\n") == [("CopyIgnoredFile", 2), ("CopyIgnoredFile", 3)]
    assert _found(text, ignore="logs\n") == [("CopyIgnoredFile", 2)]


def test_stages_count_as_far_as_they_are_asked_for() -> None:
    text = "FROM a AS one\nMAINTAINER me\nENV a b\nFROM a AS two\nENV c d\n"
    every = [("MaintainerDeprecated", 2), ("LegacyKeyValueFormat", 3), ("LegacyKeyValueFormat", 5)]
    assert _found(text) == every
    # What is written counts everywhere, what is done only where it is done.
    assert _found(text, target="two") == [every[0], every[2]]


def test_a_mistake_ends_what_is_found_before_it() -> None:
    read = _answer("FROM a as b\nMAINTAINER me\nENV a b\nNOPE x\nMAINTAINER you\n")
    assert [warning.rule for warning in read.warnings] == ["FromAsCasing", "MaintainerDeprecated"]
    assert read.error == "dockerfile parse error on line 4: unknown instruction: NOPE (did you mean COPY?)"
    assert read.place == Location(4, 4)
    done = _answer("FROM a\nENV a b\nUSER ${x?said so}\nENV c d\n")
    assert [warning.location.start for warning in done.warnings] == [2, 3]
    assert "x: said so" in done.error
    gone = _answer("FROM a as b\nENV a b\nFROM missing\n")
    assert [warning.rule for warning in gone.warnings] == ["FromAsCasing"]
    assert (gone.error, gone.place) == ("missing: not found", Location(3, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a AS b\nFROM c AS b\n", 'Duplicate stage name "b", stage names should be unique'),
        ("FROM a AS scratch\n", 'Stage name should not use the same name as reserved stage "scratch"'),
        (
            "FROM a\nenv a b\nuser x\n",
            '"env key=value" should be used instead of legacy "env key value" format',
        ),
        ("ARG TAG\nFROM a:$TAGS\n", "FROM argument 'TAGS' is not declared (did you mean TAG?)"),
        (
            "FROM a\nENV HOME=/\nENV C=$HOMES\n",
            "Usage of undefined variable '$HOMES' (did you mean $HOME?)",
        ),
        (
            "FROM foreign\n",
            'Base image foreign was pulled with platform "linux/riscv64", expected "linux/amd64" '
            "for current build",
        ),
    ],
)
def test_rules_have_dockers_words(text: str, message: str) -> None:
    assert message in [warning.message for warning in _answer(text).warnings]


# Which rules count

_TWO = "FROM a\nMAINTAINER me\nENV a b\n"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("skip=MaintainerDeprecated", ["LegacyKeyValueFormat"]),
        ("skip=LegacyKeyValueFormat, MaintainerDeprecated", []),
        ("skip=all", []),
        ("skip=all,Other", ["MaintainerDeprecated", "LegacyKeyValueFormat"]),
        ("skip=maintainerdeprecated", ["MaintainerDeprecated", "LegacyKeyValueFormat"]),
        ("skip=MaintainerDeprecated;skip=LegacyKeyValueFormat", ["MaintainerDeprecated"]),
    ],
)
def test_a_directive_leaves_rules_out(said: str, left: list[str]) -> None:
    assert [rule for rule, _ in _found(f"# check={said}\n{_TWO}")] == left
    given = {"BUILDKIT_DOCKERFILE_CHECK": said}
    assert [rule for rule, _ in _found(f"# check=skip=all\n{_TWO}", arguments=given)] == left


def test_an_experimental_rule_is_asked_for_and_cannot_be_left_out() -> None:
    text = "# other\nFROM a AS base\nMAINTAINER me\n"
    assert [rule for rule, _ in _found(text)] == ["MaintainerDeprecated"]
    asked = f"# check=experimental=InvalidDefinitionDescription;skip=all\n{text}"
    assert [rule for rule, _ in _found(asked)] == ["InvalidDefinitionDescription"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("foo", 'invalid check option "foo"'),
        ("skip=A;foo=1", 'invalid check option "foo"'),
        ("Skip=all", 'invalid check option "Skip"'),
        (
            "error=maybe",
            'failed to parse check option "error=maybe": strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
    ],
)
def test_settings_that_cannot_be(said: str, why: str) -> None:
    with pytest.raises(InvalidArgumentError) as told:
        read_check_settings(said)
    assert told.value.message == why
    assert _answer(f"# check={said}\n{_TWO}").error == f"failed to parse check options: {why}"
    with pytest.raises(InvalidArgumentError, match=r"^failed to parse build-arg:BUILDKIT_DOCKERFILE_CHECK: "):
        _answer(_TWO, arguments={"BUILDKIT_DOCKERFILE_CHECK": said})


def test_what_is_found_may_be_a_failure() -> None:
    answer = _answer(f"# check=error=true\n{_TWO}")
    assert len(answer.warnings) == 2
    assert answer.error == "lint violation found for rules: LegacyKeyValueFormat, MaintainerDeprecated"
    assert _answer(f"# check=error=true;skip=all\n{_TWO}").error == ""


def test_a_comment_leaves_rules_out_for_the_instruction_below_it() -> None:
    text = "FROM a\n# check=skip=LegacyKeyValueFormat for old tools\nENV a b\nENV c d\n"
    assert _found(text) == [("LegacyKeyValueFormat", 4)]
    assert _found("FROM a\n# check=skip=all\nMAINTAINER me\n") == []
    assert _found("# of all\n# check=skip=all\nFROM a as B\n") == []
    assert _found("FROM a\n# check=nonsense\nENV a b\n") == [("LegacyKeyValueFormat", 3)]
    both = CheckSettings().with_comments(["x", "check=skip=A", "check=skip=B"])
    assert both.skipped == {"A"}


# How it is said

_WARNING = LintWarning("JSONArgsRecommended", "use <JSON>", Location(2, 2))


def test_a_warning_says_where_it_is_explained() -> None:
    assert _WARNING.url == "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    assert _WARNING.description.startswith("JSON arguments recommended")
    assert LintWarning("InvalidBaseImagePlatform", "", Location(1, 1)).url == ""


def test_an_answer_for_programs() -> None:
    parts = Answer("Dockerfile", "FROM a\nCMD x\n", (_WARNING,)).parts()
    assert b"\\u003cJSON\\u003e" in parts["result.json"]
    document = json.loads(parts["result.json"])
    assert document == {
        "warnings": [
            {
                "ruleName": "JSONArgsRecommended",
                "description": _WARNING.description,
                "url": _WARNING.url,
                "detail": "use <JSON>",
                "location": {"ranges": [{"start": {"line": 2}, "end": {"line": 2}}]},
            }
        ],
        "sources": [
            {
                "filename": "Dockerfile",
                "data": base64.b64encode(b"FROM a\nCMD x\n").decode(),
                "language": "Dockerfile",
            }
        ],
    }
    assert (parts["result.statuscode"], parts["version"]) == (b"1", b"1.0.0")
    two = Answer("Dockerfile", "", (LintWarning("UndefinedVar", "x", Location(2, 3)),)).parts()
    ranges = json.loads(two["result.json"])["warnings"][0]["location"]["ranges"]
    assert [it["start"]["line"] for it in ranges] == [2, 3]
    none = Answer("Dockerfile", "FROM a\n", ()).parts()
    assert json.loads(none["result.json"])["warnings"] is None
    assert (none["result.txt"], none["result.statuscode"]) == (b"", b"0")
    wrong = json.loads(Answer("Dockerfile", "x", (), "no", Location(1, 1)).parts()["result.json"])
    assert wrong["buildError"] == {
        "message": "no",
        "location": {"ranges": [{"start": {"line": 1}, "end": {"line": 1}}]},
    }


def test_an_answer_for_people_is_in_order() -> None:
    first = LintWarning("StageNameCasing", "small", Location(1, 1))
    told = Answer("Dockerfile", "FROM a\nCMD x\n", (_WARNING, first)).parts()["result.txt"].decode()
    assert told.startswith(
        "\nWARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n"
        "small\nDockerfile:1\n--------------------\n   1 | >>> FROM a\n"
    )
    assert told.index("StageNameCasing") < told.index("JSONArgsRecommended")
