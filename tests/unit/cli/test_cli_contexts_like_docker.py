"""``context`` in the words of Docker's command line, and with its files: both do the same, line by line."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scow.api.client import endpoint
from scow.cli.main import main
from tests.support.docker_cli import docker_cli_lacks

pytestmark = pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())

_LINES = """
context
context ls
context ls -q
context ls --format json
context show
context inspect
context inspect -f json
context create
context create x
context create one --docker host=tcp://h:2375 --description 'a <b> & c'
context create one --docker host=tcp://h:2375
context create two --docker host=tcp://h:2376,ca=HOME/ca,cert=HOME/cert,key=HOME/key
context create three --docker host=tcp://h:2376,skip-tls-verify=true
context create ten --docker host=ssh://u@far
context create from2 --from two --description copy
context create bad --from two --docker host=tcp://x:1
context create epfrom --docker from=two
context create ctx10 --docker host=unix:///a/b
context create ctx2
context create default
context create 'a b'
context create nope --from nothere
context create qq --docker bogus=1
context create qq --docker host
context create qq --docker ''
context create qq --docker host=foo
context create qq --docker host=tcp://
context create qq --docker host=ssh://u:p@h
context create qq --docker host=tcp://a:1,ca=/nope
context create qq --docker host=tcp://a:1,ca=HOME/none
context create qq --docker host=tcp://a:1,cert=HOME/cert,key=HOME/none
context create qq --docker host=tcp://a:1,skip-tls-verify=maybe
context ls
context ls --format '{{.Name}} {{.Current}} {{.Error}}|{{.DockerEndpoint}}'
context ls --format 'table {{.Name}}\t{{.DockerEndpoint}}'
context ls --format '{{json .}}'
context ls --format '{{.Bogus}}'
context inspect one two three nothere
context inspect one -f '{{.Name}} {{.Endpoints.docker.Host}} {{.Storage.TLSPath}} {{json .TLSMaterial}}'
context inspect one -f '{{.Nope}}'
context inspect -f '{{' one
context use nothere
context use one
context use
context show
context show extra
context ls
--context three context show
--context nothere context ls
context update one --description new
context update two --docker host=tcp://z:1
context update nothere --description x
context update default --description x
context update one --docker bogus=1
context update
context inspect one two
context export two HOME/two.tar
context export two HOME/two.tar
context export nothere -
context export default
context export a b c
context import x /nope
context import xx /nope
context import back HOME/two.tar
context import back HOME/two.tar
context inspect back
context rm
context rm two
context rm one nothere default
context rm -f nothere
context rm -f one
context show
context remove ctx2
context list -q
context bogus
context iport
context use default
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=x")
    files = ("-keyout", folder / "key", "-out", folder / "cert")
    subprocess.run([*request, *files], check=True, capture_output=True)
    return folder


@pytest.fixture
def home(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for both command lines, one after the other."""
    for name in ("DOCKER_HOST", "SCOW_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
    monkeypatch.setattr(endpoint, "DEFAULT_SOCKET", "/var/run/docker.sock")
    monkeypatch.chdir(tmp_path)
    for name, source in (("ca", "cert"), ("cert", "cert"), ("key", "key")):
        (tmp_path / name).write_bytes((keys / source).read_bytes())
    (tmp_path / "none").write_text("no PEM\n")
    return tmp_path


Outcome = tuple[str, str, int]


def _outcomes(home: Path, run: Callable[[list[str]], Outcome]) -> Iterator[tuple[str, Outcome]]:
    for line in filter(None, _LINES.splitlines()):
        out, err, status = run(shlex.split(line.replace("HOME", str(home))))
        # Docker's tabwriter pads the last column too.
        yield line, ("\n".join(it.rstrip() for it in out.splitlines()), err, status)


def _files(home: Path) -> dict[str, tuple[int, bytes]]:
    """Modes and contents; of an archive's, only that it is there."""
    return {
        str(path.relative_to(home)): (path.stat().st_mode, b"" if path.is_dir() else path.read_bytes())
        for path in sorted((home / ".docker").rglob("*"))
    }


def _clear(home: Path) -> None:
    subprocess.run(
        ["rm", "-rf", home / ".docker", home / "two.tar", home / "default.dockercontext"], check=True
    )


def test_each_line_says_and_does_what_dockers_does(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def by_docker(words: list[str]) -> Outcome:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
        return done.stdout, done.stderr, done.returncode

    def by_scow(words: list[str]) -> Outcome:
        status = main("docker", words)
        captured = capfd.readouterr()
        return captured.out, captured.err, status

    expected = list(_outcomes(home, by_docker))
    stored = _files(home)
    _clear(home)
    capfd.readouterr()
    for (line, wanted), (_, found) in zip(expected, _outcomes(home, by_scow), strict=True):
        assert found == wanted, line
    assert _files(home) == stored


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "SCOW_HOST"])
def test_a_variable_that_wins_is_warned_of(
    home: Path, variable: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    main("docker", ["context", "create", "one", "--docker", "host=tcp://h:1"])
    monkeypatch.setenv(variable, "unix:///x")
    capfd.readouterr()
    for words in (["context", "ls"], ["context", "use", "one"]):
        assert main("docker", words) == 0
        mine = capfd.readouterr()
        if variable == "DOCKER_HOST":
            docker = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120)
            assert mine.err == docker.stderr
        assert f"Warning: {variable} environment variable overrides the active context." in mine.err
    assert os.environ[variable] == "unix:///x"
