"""Which front end a file, its options or a request ask for."""

import pytest

from scow.build.dockerfile.syntax import Syntax, syntax_of
from scow.build.gateway.choosing import AnotherFrontEnd, check_for_ours, chosen_by_request
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# syntax=a/b:1\nFROM x\n", Syntax("a/b:1", "a/b:1", 1)),
        ("#escape=`\r\n#SYNTAX = a  with words \r\n", Syntax("a", "a  with words", 2)),
        ("\ufeff# syntax=a\n", Syntax("a", "a", 1)),
        ("#!/usr/bin/build\n//syntax=a\n", Syntax("a", "a", 2)),
        ('{"syntax": "a"}', Syntax("a", "a", 1)),
        ("\n# syntax=a\n", None),
        ("# a comment\n# syntax=a\n", None),
        ("FROM x\n", None),
        ("{[", None),
        ('{"syntax": 1}', None),
        ("{" + "[" * 100_000, None),
    ],
)
def test_what_a_file_asks_for(text: str, found: Syntax | None) -> None:
    assert syntax_of(text) == found


def test_dockers_own_is_built_in_under_every_name() -> None:
    for name in (
        "docker/dockerfile",
        "docker.io/docker/dockerfile:1.7",
        "docker/dockerfile-upstream@x",
    ):
        check_for_ours({}, "Dockerfile", f"# syntax={name}\nFROM x\n")
        assert chosen_by_request("gateway.v0", {"source": name}) is None


def test_an_argument_goes_before_the_file() -> None:
    options = {"build-arg:BUILDKIT_SYNTAX": "other:1 and more", "target": "t"}
    with pytest.raises(AnotherFrontEnd) as raised:
        check_for_ours(options, "Dockerfile", "# syntax=third\n")
    chosen = raised.value.chosen
    assert (chosen.image, chosen.place) == ("other:1", None)
    assert chosen.options == {**options, "cmdline": "other:1 and more", "source": "other:1"}
    assert chosen.prefix == "failed with build-arg:BUILDKIT_SYNTAX = other:1 and more: "


def test_who_was_asked_for_by_a_file_looks_no_further() -> None:
    check_for_ours({"cmdline": "x"}, "Dockerfile", "# syntax=x\n")


def test_requests_for_what_is_not_there() -> None:
    with pytest.raises(InvalidArgumentError, match=r"invalid frontend: other\.v0"):
        chosen_by_request("other.v0", {})
    with pytest.raises(InvalidArgumentError, match="no source specified for gateway"):
        chosen_by_request("gateway.v0", {})
