"""Build checks as people and programs ask for them, and steps that do not depend on what is below."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.buildx import Buildx
from tests.support.clients import Result
from tests.support.daemons import Daemon

DOCKERFILE = """FROM busybox as one
MAINTAINER me
ENV A=$nope
FROM busybox AS two
# check=skip=LegacyKeyValueFormat for older tools
ENV b c
COPY left.log /
CMD echo
"""
RULES = [
    ("FromAsCasing", 1),
    ("MaintainerDeprecated", 2),
    ("UndefinedVar", 3),
    ("CopyIgnoredFile", 7),
    ("JSONArgsRecommended", 8),
]


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / ".dockerignore").write_text("*.log\n")
    (context / "left.log").write_text("out")
    return context


def _rules(document: str) -> list[tuple[str, int]]:
    found = json.loads(document)["warnings"]
    return [(it["ruleName"], it["location"]["ranges"][0]["start"]["line"]) for it in found]


def _build(daemon: Daemon, folder: Path, *args: str, code: int = 0) -> Result:
    env = {"DOCKER_BUILDKIT": "1"}
    result: Result = daemon.scow("build", *args, str(folder), code=code, env=env, timeout_s=120)
    return result


@pytest.mark.root
def test_a_real_client_asks_for_checks(scow_daemon: Daemon, folder: Path) -> None:
    # What later releases call ``--check``.
    asked = ("build", "--print=lint", str(folder))
    told = Buildx(scow_daemon, folder).other(*asked, BUILDX_EXPERIMENTAL="1").stdout
    found = re.findall(r"^WARNING: (\w+) - https://docs.docker.com/go/dockerfile/rule/.*", told, re.M)
    assert found == [rule for rule, _ in RULES]
    assert "   8 | >>> CMD echo\n" in told


def test_checks_for_programs(scow_daemon: Daemon, folder: Path) -> None:
    assert _rules(_build(scow_daemon, folder, "--call=check,format=json", code=1).out) == RULES
    ignoring = _build(scow_daemon, folder, "--call=check,format=json,ignorestatus=true")
    assert _rules(ignoring.out) == RULES
    # What is written counts everywhere, what is done only in the target.
    target = _build(scow_daemon, folder, "--call=check,format=json", "--target=two", code=1)
    assert _rules(target.out) == [it for it in RULES if it[0] != "UndefinedVar"]
    said = "BUILDKIT_DOCKERFILE_CHECK=skip=all"
    assert "no warnings found" in _build(scow_daemon, folder, "--check", "--build-arg", said).out


def test_a_mistake_is_told_with_what_was_found_before_it(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox as x\nNOPE\n")
    told = _build(scow_daemon, folder, "--check", code=1)
    assert "Check complete, 1 warning has been found!\n\nWARNING: FromAsCasing" in told.out
    assert "dockerfile parse error on line 2: unknown instruction: NOPE" in told.err
    assert "   2 | >>> NOPE\n" in told.err


def test_a_build_fails_for_what_it_is_told_to(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("# check=error=true\nFROM busybox as x\nENV a b\nRUN false\n")
    told = _build(scow_daemon, folder, code=1).err
    assert " 2 warnings found" in told
    assert "lint violation found for rules: FromAsCasing, LegacyKeyValueFormat" in told
    assert "RUN false" not in told


def test_a_linked_copy_stays_when_what_is_below_changes(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "a.txt").write_text("a\n")
    layers = []
    for number in (1, 2):
        (folder / "Dockerfile").write_text(
            f"FROM busybox\nRUN echo {number} >/below\nCOPY --link --chmod=600 --chown=3:4 a.txt /new/a\n"
            'CMD ["sh", "-c", "cat /below /new/a; stat -c %a:%u:%g /new/a"]\n'
        )
        told = _build(scow_daemon, folder, "-t", "linked").err
        assert told.count("COPY --link") == 1
        cached = re.search(r"#(\d+) \[3/3\] COPY --link .*\n#\1 CACHED", told)
        assert bool(cached) == (number == 2)
        assert scow_daemon.docker("run", "--rm", "linked").out == f"{number}\na\n600:3:4\n"
        found = scow_daemon.docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", "linked").out
        layers.append(json.loads(found))
    assert layers[0][1] != layers[1][1]
    assert layers[0][2] == layers[1][2]
    history = scow_daemon.docker(
        "history", "--no-trunc", "--format", "{{.CreatedBy}}", "linked"
    ).out.splitlines()
    assert history[1] == "COPY --chown=3:4 --chmod=600 a.txt /new/a # buildkit"
