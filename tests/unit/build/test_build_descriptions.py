"""What a Dockerfile offers and takes: BuildKit 0.12 (Docker 26.1) said the same of the same Dockerfiles."""

import base64
import json
from typing import Any

import pytest

from scow.build.dockerfile.parser import parse_dockerfile
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.frontend.checking import LINT
from scow.build.frontend.descriptions import DESCRIBE, OUTLINE, TARGETS, describe
from scow.errors import NotFoundError, UnsupportedError
from scow.spec.platform import Platform

_HERE = Platform("linux", "amd64")
DOCKERFILE = """# VERSION is what all of it is
ARG VERSION=latest
ARG UNUSED=x
# EARLY comes first
ARG EARLY=${DEEP}
ARG DEEP=latest

# base is for all
FROM busybox:$VERSION AS base
ARG EARLY
ARG VERSION
RUN echo $VERSION $EARLY
# GREETING says hello
ARG GREETING="hello $OTHER"
ARG OTHER
ENV G=$GREETING
RUN --mount=type=secret,id=key,required=true --mount=type=secret,id=two echo ${OTHER:-none}

FROM base AS tools
ARG TOOL=hammer
RUN echo $TOOL
# app is what is shipped
FROM --platform=$BUILDPLATFORM base AS app
ARG BUILDPLATFORM
RUN --mount=type=ssh echo $BUILDPLATFORM
COPY --from=tools /bin /bin
"""
OUTLINE_OF_APP = """TARGET:      app
DESCRIPTION: is what is shipped

BUILD ARG   VALUE    DESCRIPTION
VERSION     latest   is what all of it is
EARLY                comes first
GREETING    hello    says hello
OTHER       given
TOOL        hammer

SECRET   REQUIRED
key      true
two

SSH       REQUIRED
default

"""
OUTLINE_OF_BASE = """TARGET:      base
DESCRIPTION: is for all

BUILD ARG   VALUE    DESCRIPTION
VERSION     latest   is what all of it is
EARLY                comes first
GREETING    hello    says hello
OTHER       given

SECRET   REQUIRED
key      true
two

"""
TARGETS_TEXT = """TARGET          DESCRIPTION
base            is for all
tools
app (default)   is what is shipped
"""


class _NoImages:
    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        raise NotFoundError(reference)


def described(request: str, text: str = DOCKERFILE, target: str = "") -> tuple[Any, str]:
    """The document, and the text without the blanks that Go's tables have at the ends of lines."""
    options = Options(
        build_arguments={"OTHER": "given"},
        build_platform=_HERE,
        platform=_HERE,
        target=target,
        as_buildkit=True,
    )
    found = describe(request, Evaluator(parse_dockerfile(text), options, _NoImages()))
    assert found["version"] == b"1.0.0"
    lines = found["result.txt"].decode().split("\n")
    return json.loads(found["result.json"]), "\n".join(line.rstrip() for line in lines)


@pytest.mark.parametrize(("target", "text"), [("", OUTLINE_OF_APP), ("base", OUTLINE_OF_BASE)])
def test_an_outline_says_what_the_target_uses(target: str, text: str) -> None:
    document, said = described(OUTLINE, target=target)
    assert said == text
    assert base64.b64decode(document["sources"][0]).decode() == DOCKERFILE
    assert [arg["location"]["ranges"][0]["start"]["line"] for arg in document["args"][:3]] == [2, 5, 14]
    assert document["secrets"][0]["required"] is True
    assert "required" not in document["secrets"][1]


def test_targets_are_stages_with_what_their_comments_say() -> None:
    document, said = described(TARGETS)
    assert said == TARGETS_TEXT
    last = document["targets"][-1]
    assert {key: last[key] for key in ("name", "default", "base", "platform")} == {
        "name": "app",
        "default": True,
        "base": "base",
        "platform": "$BUILDPLATFORM",
    }
    assert "default" not in document["targets"][0]


def test_a_dockerfile_without_names() -> None:
    assert described(TARGETS, "FROM scratch\nCOPY a /\n")[1] == "TARGET      DESCRIPTION\n(default)\n"
    assert described(OUTLINE, "FROM scratch\nCOPY a /\n")[1] == ""


def test_what_can_be_asked_for() -> None:
    assert {it["name"] for it in described(DESCRIBE)[0]} == {OUTLINE, TARGETS, LINT, DESCRIBE}
    with pytest.raises(UnsupportedError, match="unsupported request"):
        described("frontend.other")
