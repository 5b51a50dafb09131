"""What shells are told when the Tab key is pressed: against Docker's command line, and in the shells."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scow.cli.completion.scripts import script
from scow.cli.main import main
from scow.cli.tree import NOUNS, TOP_LEVEL
from tests.support.docker_cli import docker_cli_lacks
from tests.support.fake_engine import FakeEngine, Request, fake_engine
from tests.support.terminal import Terminal

_CONTAINERS = [
    {"Id": "a" * 64, "Names": ["/web"], "State": "running"},
    {"Id": "b" * 64, "Names": ["/worker"], "State": "paused"},
    {"Id": "c" * 64, "Names": ["/done"], "State": "exited"},
]
_EMULATORS = [
    {"Name": "qemu-aarch64", "Status": "enabled"},
    {"Name": "qemu-arm", "Status": "available"},
]
# Lines where Docker's answer is ours; Docker says more where it has commands that we do not have.
_LIKE_DOCKER = """
ps -
ps -a -
ps --no
ps --format ''
ps --format=''
run --rm --na
run --res ''
run --restart ''
run --restart=
run --cap-add NET
run --ipc con
run --ipc container:
run --pid ''
run --ulimit ''
run --security-opt lab
run --security-opt label=
run --platform ''
run --entrypoint ''
run --network ''
run --log-driver local --log-opt ''
run -e PA
run --volumes-from ''
run -it ''
run -- ''
container ''
container st
network ''
nonsense ''
stop ''
start ''
rm ''
rm -f ''
rmi ''
tag ''
inspect --type ''
events --filter ''
events --filter type=
events --filter container=
exec ''
logs ''
top ''
history ''
volume rm ''
network rm ''
network connect ''
unpause ''
load -i ''
import ''
-H x ps -a --fil
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("s") / "s") as engine:

        def containers(request: Request, sock: object) -> tuple[int, object]:
            everything = "all=1" in request.query
            return 200, [found for found in _CONTAINERS if everything or found["State"] != "exited"]

        engine.answers |= {
            "GET /containers/json": containers,
            "GET /images/json": (200, [{"RepoTags": ["busybox:latest", "alpine:3"]}, {"RepoTags": None}]),
            "GET /networks": (200, [{"Name": "bridge"}, {"Name": "mine"}]),
            "GET /volumes": (200, {"Volumes": [{"Name": "data"}], "Warnings": None}),
            "GET /scow/binfmt": (200, {"Emulators": _EMULATORS}),
            "GET /info": (200, {"Plugins": {"Log": ["json-file", "local"], "Volume": ["local"]}}),
        }
        yield engine


@pytest.fixture
def asked(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("SCOW_HOST", raising=False)


def _answer(capfd: pytest.CaptureFixture[str], *words: str, request: str = "__complete") -> list[str]:
    assert main("docker", [request, *words]) == 0
    return capfd.readouterr().out.splitlines()


@pytest.mark.usefixtures("asked")
@pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())
@pytest.mark.parametrize("line", [line for line in _LIKE_DOCKER.splitlines() if line])
def test_the_answer_is_dockers(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line)
    docker = subprocess.run(
        ["docker", "__complete", *words],
        # Not what C has for the environment: readline puts its own variables there, unknown to Python.
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert main("docker", ["__complete", *words]) == 0
    captured = capfd.readouterr()
    # Docker goes through maps here and there, so its order is by chance.
    assert sorted(captured.out.splitlines()) == sorted(docker.stdout.splitlines())
    assert captured.err.splitlines()[-1] == docker.stderr.splitlines()[-1]


@pytest.mark.usefixtures("asked")
def test_every_command_is_offered_by_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    names = [line.partition("\t")[0] for line in _answer(capfd, "")[:-1]]
    beyond = {name for name, noun in NOUNS.items() if noun.beyond_docker}
    assert names == sorted({*TOP_LEVEL, *NOUNS, "help"} - {"completion"} - beyond)
    assert _answer(capfd, "help", "conta") == ["container\tManage containers", ":4"]
    assert _answer(capfd, "completion", "", request="__completeNoDesc") == ["bash", "fish", "zsh", ":4"]


@pytest.mark.usefixtures("asked")
def test_what_docker_has_not_is_offered_by_our_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("scow", ["__complete", "binf"]) == 0
    assert capfd.readouterr().out == "binfmt\tManage interpreters of other machines' programs\n:4\n"
    assert main("scow", ["__complete", "binfmt", "install", "a"]) == 0
    assert capfd.readouterr().out == "arm\nall\n:4\n"
    assert main("scow", ["__complete", "binfmt", "rm", ""]) == 0
    assert capfd.readouterr().out == "aarch64\nall\n:4\n"


@pytest.mark.usefixtures("asked")
def test_what_is_there_already_is_not_offered_again(capfd: pytest.CaptureFixture[str]) -> None:
    assert _answer(capfd, "kill", "web", "") == ["worker", ":4"]
    assert "--all\tShow all containers (default shows just running)" not in _answer(capfd, "ps", "-a", "--a")
    assert "--env\tSet environment variables" in _answer(capfd, "run", "-e", "A=1", "--env")


@pytest.mark.usefixtures("asked")
def test_cp_knows_both_sides(capfd: pytest.CaptureFixture[str]) -> None:
    assert _answer(capfd, "cp", "w") == ["web:", "worker:", "done:", ":2"]
    assert _answer(capfd, "cp", "./w") == [":0"]


def test_an_engine_that_does_not_answer_is_an_error_directive(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")
    assert _answer(capfd, "stop", "") == [":1"]


_BASH_DRIVER = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
IFS= read -r -a COMP_WORDS <<<""
mapfile -t COMP_WORDS <"$3"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_docker_complete
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _readline_words(line: str) -> list[str]:
    """As readline splits: at blanks, and ``:`` and ``=`` are words of their own."""
    words = []
    for part in line.split(" "):
        start = 0
        for place, char in enumerate(part):
            if char in ":=":
                words += [part[start:place]] * (place > start) + [char]
                start = place + 1
        words += [part[start:]] if part[start:] or not part or part[-1] not in ":=" else []
    return words


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("docker st", ["start", "stats", "stop"]),
        ("docker container ren", ["rename"]),
        ("docker stop w", ["web", "worker"]),
        ("docker run --restart=al", ["always"]),
        ("docker run --restart al", ["always"]),
        ("docker run --pid container:w", ["web", "worker"]),
        ("docker rmi busybox:", ["latest"]),
        ("docker rmi busybox:la", ["latest"]),
        ("docker events --filter type=cont", ["container"]),
        ("docker logs --fo", ["--follow"]),
        ("docker cp we", ["web:"]),
        ("docker load -i /etc/hostn", ["/etc/hostname"]),
        ("docker stop nosuch", []),
    ],
)
def test_bash_completes(line: str, reply: list[str], tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("bash", "docker", described=True))
    (tmp_path / "words").write_text("\n".join(_readline_words(line)) + "\n")
    run = subprocess.run(
        [
            *("bash", "--norc", "-c", _BASH_DRIVER, "bash"),
            *(str(tmp_path / "script"), line, str(tmp_path / "words")),
        ],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.splitlines() == (reply or [""]), run.stderr


@pytest.mark.usefixtures("asked")
@pytest.mark.needs("fish")
def test_fish_completes(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("fish", "docker", described=True))
    lines = ("docker container ren", "docker run --restart=al", "docker kill w")
    asked = "; ".join(f"complete -C '{line}'" for line in lines)
    run = subprocess.run(
        ["fish", "--no-config", "-c", f"source {tmp_path}/script; {asked}"],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.splitlines() == ["rename\tRename a container", "--restart=always", "web", "worker"]


@pytest.mark.needs("zsh")
def test_the_zsh_script_is_one(tmp_path: Path) -> None:
    (tmp_path / "_docker").write_text(script("zsh", "docker", described=True))
    commands = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; print $_comps[docker]"
    run = subprocess.run(
        ["zsh", "-f", "-c", f"zsh -n {tmp_path}/_docker && {commands}"],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout == "_docker\n", run.stderr


@pytest.mark.usefixtures("asked")
@pytest.mark.needs("zsh")
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("container ren", "container rename"),
        ("run --restart=al", "run --restart=always"),
        ("rmi busybox:l", "rmi busybox:latest"),
        ("cp we", "cp web:"),
        # The second Tab finds the one that is left, the third nothing, and adds nothing.
        ("kill we\t\t", "kill web worker"),
    ],
)
def test_zsh_completes(typed: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("zsh", "docker", described=True))
    settings = f"bindkey -e; autoload -U compinit; compinit -u -D; source {tmp_path}/script; PS1='ready> '"
    (tmp_path / ".zshrc").write_text(settings)
    environment = {**_environment(tmp_path), "TERM": "dumb", "ZDOTDIR": str(tmp_path)}
    with Terminal(["zsh", "-d", "-i"], environment, columns=400) as terminal:
        terminal.expect("ready> ", timeout_s=60)
        terminal.type(f"docker {typed}\t\x01echo told: \r")  # Ctrl-A: to the beginning of the line
        assert terminal.expect(r"\ntold: ([^\r\n]*)\r", timeout_s=60)[1].rstrip(" ") == f"docker {line}"


def _environment(folder: Path) -> dict[str, str]:
    """A ``docker`` that is ours comes first."""
    program = folder / "docker"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom scow.cli.main import console\n"
        f"sys.path[:0] = {sys.path!r}\nconsole()\n"
    )
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": ":".join(sys.path)}
