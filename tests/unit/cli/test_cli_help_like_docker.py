"""Help pages and complaints, word for word as Docker's command line prints them."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scow.cli.main import main
from scow.cli.tree import NOUNS, PORT_VERBS, TOP_LEVEL
from tests.support.docker_cli import docker_cli_lacks, skip_reworded
from tests.support.fake_engine import FakeEngine, fake_engine

pytestmark = pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())

# What Docker calls so, scow has for good.
_EXPERIMENTAL = re.compile(r"\nEXPERIMENTAL:\n(?:  .*\n)+")
# Our completion scripts need no bash-completion package, and say so.
_NOUNS = {name: noun for name, noun in NOUNS.items() if name != "completion" and not noun.beyond_docker}
# Docker's own page is that of a plugin, buildx, or of its absence.
_PLUGINS_PAGES = {"build", "image build", "builder build", "builder prune"}
_VERBS = [f"{noun} {verb}" for noun, found in _NOUNS.items() for verb in found.verbs if verb not in found.own]
_PAGES = [page for page in [*TOP_LEVEL, *_VERBS] if page not in _PLUGINS_PAGES]
_COMPLAINTS = """
ps extra
ps --bogus
ps --no-trunc=foo
ps -n foo
ps -f foo
ps --format {{.Bogus}}
ps --format {{
ps -h
run
run -h
run -p
run --name
run -Z x
run --bogus x
run --cpus foo x
run --memory foo x
run --memory 5x x
run --ulimit nofile=5:3 x
run -e =a x
run --label '=a' x
run -d -a stdin busybox
run --mount foo busybox
run --mount 'a"b' busybox
run --mount type=bind busybox
run --restart always --rm busybox
run -p 80:foo busybox
run -p a=b,c busybox
run --expose 90-80 busybox
run --dns foo busybox
run --add-host foo busybox
run --device null busybox
run --device-read-bps /dev/null:x busybox
run --sysctl foo=1 busybox
run --security-opt seccomp=/nope busybox
run --pid foo busybox
run --no-healthcheck --health-cmd x busybox
run --health-interval 5 busybox
run --pull foo busybox
run --memory-swappiness 101 busybox
run --gpus foo busybox
run --network a --network a busybox
run -v a:b:c:d busybox
run --env-file /nope busybox
run --cidfile /etc/passwd busybox
run --cpu-count 3 busybox
run -it busybox
run INVALID
create
create --pull foo busybox
tag a
tag busybox Foo
tag busybox x@sha256:00000000000000000000000000000000000000000000000000000000000000aa
exec x
exec -it x ls
stop
stop -t 1 --time 1 x
start a -a b
rename a
rename '' x
port
port a b c
port x foo
import
import /nope
load -i /nope
inspect --type foo x
inspect --type= x
inspect -f {{ x
rm /
volume create v --name w
volume rm
events --format {{.Bogus}}
logs --since foo x
container bogus
container --bogus
bogus
--bogus
-Z
help bogus
help container bogus
--log-level bogus ps
-H bogus://x ps
-H tcp://127.0.0.1:1 ps
-H unix:///nope.sock ps
-H unix:///nope.sock run busybox
-H unix:///nope.sock load -i /etc/passwd
-H a -H b ps
-H unix:///x --context y ps
--context nope ps
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("s") / "s") as engine:
        ports = {"NetworkSettings": {"Ports": {}}, "Id": "x", "Config": {"Tty": False}}
        engine.answers["GET /containers/x/json"] = (200, ports)
        yield engine


def _compare(argv: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    docker = subprocess.run(
        ["docker", *argv], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    status = main("docker", argv)
    captured = capfd.readouterr()
    expected = _EXPERIMENTAL.sub("", docker.stdout)
    assert (captured.out, captured.err, status) == (expected, docker.stderr, docker.returncode)


@pytest.fixture
def somewhere(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SCOW_HOST", raising=False)
    with open("/dev/null") as null:
        saved = os.dup(0)
        os.dup2(null.fileno(), 0)
        yield
        os.dup2(saved, 0)
        os.close(saved)


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("name", _PAGES)
def test_help_is_dockers(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")  # Docker hides what an engine does not have
    _compare([*name.split(), "--help"], capfd)


@pytest.mark.usefixtures("somewhere")
def test_commands_that_only_docker_has_stand_in_the_manual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")
    page = subprocess.run(["docker", "--help"], capture_output=True, text=True, timeout=120).stdout
    dockers = set(re.findall(r"^  ([a-z]+)  ", page, re.MULTILINE))  # plugins have an asterisk
    manual = (Path(__file__).parents[3] / "docs/reference/cli.md").read_text()
    _, _, missing = manual.partition("## What is in `docker` and not in `scow`")
    rows = [row.split("|")[1] for row in missing.splitlines() if row.startswith("| `")]
    documented = {word for row in rows for word in re.findall("`([a-z]+)`", row)}
    assert dockers - set(TOP_LEVEL) - set(NOUNS) == documented


def test_commands_that_docker_has_not_stand_in_the_manual() -> None:
    manual = (Path(__file__).parents[3] / "docs/reference/cli.md").read_text()
    _, _, more = manual.partition("The other way round: ")
    named = set(re.findall("`(?:[a-z]+ )?([a-z]+)`", more.partition(", and of `build`")[0]))
    own = {verb for noun in NOUNS.values() for verb in (*noun.own, *noun.nested)}
    nouns = {name for name, noun in NOUNS.items() if noun.beyond_docker}
    assert own | nouns | set(PORT_VERBS) == named


@pytest.mark.parametrize(("program", "shown"), [("scow", True), ("docker", False)])
def test_a_noun_that_docker_has_not_is_not_shown_in_its_name(
    program: str, shown: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(program, ["--help"]) == 0
    assert ("Commands beyond Docker:\n  binfmt " in capfd.readouterr().out) is shown


@pytest.mark.parametrize(("program", "shown"), [("scow", True), ("docker", False)])
def test_what_docker_has_as_a_plugin_is_shown_among_the_groups(
    program: str, shown: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(program, ["--help"]) == 0
    groups = capfd.readouterr().out.partition("Management Commands:")[2].partition("\n\n")[0]
    assert ("\n  buildx      Docker Buildx\n" in groups) is shown
    assert main(program, ["__complete", "build"]) == 0
    assert ("buildx\tDocker Buildx" in capfd.readouterr().out.splitlines()) is shown


@pytest.mark.parametrize(
    ("page", "option", "shown"),
    [("buildx du", "--timeout", "(default 20s)"), ("builder prune", "--keep-storage", "for cache")],
)
def test_defaults_are_written_as_dockers(
    page: str, option: str, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main("scow", [*page.split(), "--help"]) == 0
    (about,) = re.findall(rf"{option} [a-z]+ +((?:.*\n)(?: {{20,}}.*\n)?)", capfd.readouterr().out)
    assert " ".join(about.split()).endswith(shown)


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("line", [line for line in _COMPLAINTS.splitlines() if line])
def test_complaints_are_dockers(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    skip_reworded(line)
    _compare(shlex.split(line), capfd)
