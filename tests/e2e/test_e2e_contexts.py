"""Engines elsewhere: contexts that both command lines share, and engines that are reached by ssh."""

import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.clients import Client
from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, running
from tests.support.environment import program
from tests.support.ssh_server import ssh_server
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("ssh", "ssh-keygen", "openssl")]

_SSH_PORT, _TLS_PORT, _TCP_PORT = 8424, 2376, 2375
_FAR = f"ssh://root@127.0.0.1:{_SSH_PORT}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "tls")


@pytest.fixture(scope="module")
def engine(certificates: Certificates) -> Iterator[Daemon]:
    server = certificates.server
    flags = (
        "-H", f"tcp://127.0.0.1:{_TLS_PORT}", "--tlsverify", "--tlscacert", str(server / "ca.pem"),
        "--tlscert", str(server / "cert.pem"), "--tlskey", str(server / "key.pem"),
    )  # fmt: skip
    with running(ScowDaemon, DaemonOptions(flags)) as found:
        yield found


@pytest.fixture(scope="module")
def ssh(engine: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for PATH, with an ``ssh`` that has the key; on the far side are both command lines."""
    folder = tmp_path_factory.mktemp("ssh")
    far = f"{Path(program('scow')).parent}:{os.environ['PATH']}"
    environment = {"PATH": far, "DOCKER_HOST": engine.host}
    with ssh_server(folder, engine.namespace, _SSH_PORT, environment) as key:
        (folder / "bin").mkdir()
        wrapper = folder / "bin/ssh"
        options = (
            f"-F none -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
        wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {options} "$@"\n')
        wrapper.chmod(0o755)
        yield folder / "bin"


@pytest.fixture(params=["docker", "scow"])
def away(request: pytest.FixtureRequest, engine: Daemon, ssh: Path, tmp_path: Path) -> Client:
    """With settings of its own, and nothing in its environment that says where an engine is."""
    found = Client(request.param, engine, tmp_path)
    del found.env["DOCKER_HOST"]
    found.env["PATH"] = f"{ssh}:{found.env['PATH']}"
    return found


@pytest.fixture(autouse=True)
def _clean(engine: Daemon) -> Iterator[None]:
    yield
    engine.remove_containers()


def test_an_engine_by_ssh(away: Client, tmp_path: Path) -> None:
    away("context", "create", "far", "--docker", f"host={_FAR}", "--description", "behind ssh")
    away("context", "use", "far")
    assert away.text("run", "--rm", "busybox", "echo", "hello") == "hello"
    assert away("run", "--rm", "busybox", "sh", "-c", "exit 7", code=7).code == 7
    # Half-close: wc ends, and says so, only when its input does; output comes after it.
    data = b"line of text\n" * 200_000
    assert away.text("run", "--rm", "-i", "busybox", "wc", "-c", input=data) == str(len(data))
    away("run", "-d", "--name", "there", "busybox", "sh", "-c", "echo logged; sleep 600")
    assert away.text("ps", "--format", "{{.Names}}") == "there"
    assert away.text("logs", "there") == "logged"
    assert away("exec", "there", "sh", "-c", "exit 3", code=3).code == 3
    (tmp_path / "big").write_bytes(b"0123456789abcdef" * 300_000)
    away("cp", str(tmp_path / "big"), "there:/big")
    away("cp", "there:/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    away("rm", "-f", "there")


def test_a_shell_on_a_terminal_by_ssh(away: Client) -> None:
    away.env["DOCKER_HOST"] = _FAR
    away("run", "-d", "--name", "there", "busybox", "sleep", "600")
    with away.terminal("exec", "-it", "there", "sh") as screen:
        screen.expect("/ # ")
        screen.type("tty\n")
        screen.expect(r"/dev/(pts/0|console)\r\n")
        screen.type("sh -c 'echo asleep; sleep 600'\n")
        screen.expect("asleep\r\n")
        screen.type("\x03")
        screen.expect("/ # ")
        screen.type("exit 7\n")
        assert screen.wait() == 7


def test_a_build_by_ssh(away: Client, tmp_path: Path) -> None:
    """Its context is sent: what is here is not there."""
    away.env["DOCKER_HOST"] = _FAR
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM busybox\nCOPY note /\nRUN cat note\n")
    (folder / "note").write_text("from here\n")
    away("build", "-t", "by-ssh", str(folder))
    assert away.text("run", "--rm", "by-ssh", "cat", "/note") == "from here"
    away("rmi", "by-ssh")


@pytest.fixture
def ours(engine: Daemon, ssh: Path, tmp_path: Path) -> Client:
    """``scow`` with the engine behind ssh."""
    found = Client("scow", engine, tmp_path)
    found.env |= {"DOCKER_HOST": _FAR, "PATH": f"{ssh}:{found.env['PATH']}"}
    return found


def test_many_at_once_by_ssh(engine: Daemon, ours: Client) -> None:
    """sshd refuses by chance who comes while ten have not said yet who they are (MaxStartups)."""
    names = [f"one-of-many-{number}" for number in range(24)]
    for name in names:
        engine.api("POST", f"/containers/create?name={name}", {"Image": "busybox"})
    assert ours("rm", *names, timeout_s=120).lines == names
    assert not engine.api("GET", "/containers/json?all=1").json


def test_no_ssh_is_left_behind(engine: Daemon, ours: Client) -> None:
    """Neither here nor there, also of a command that was stopped while nothing happened."""

    def talking() -> list[str]:
        return [line for line in engine.processes().values() if "dial-stdio" in line]

    ours("run", "-d", "--name", "silent", "busybox", "sleep", "600")
    wait_until(lambda: not talking(), "nobody talks to the engine yet")
    following = ours.popen("logs", "-f", "silent")
    wait_until(talking, "the far side is there")
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=120)
    wait_until(lambda: not talking(), "nobody talks to the engine any more")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://root@127.0.0.1:1", "has exited with exit status 255"),
        ("ssh://root:secret@far", "plain-text password is not supported"),
        ("ssh://far?x", 'query parameters are not allowed: "x"'),
        ("ssh://", "hostname is empty"),
        ("ssh://far:port", 'invalid port ":port" after host'),
    ],
)
def test_what_goes_wrong_with_ssh(away: Client, address: str, words: str) -> None:
    failed = away("-H", address, "ps", code=1)
    assert words in failed.err
    assert "Traceback" not in failed.err


def test_nobody_at_the_socket_there(ours: Client, tmp_path: Path) -> None:
    failed = ours("-H", f"{_FAR}{tmp_path}/nope.sock", "ps", code=1).err
    assert "system dial-stdio] has exited with exit status 1" in failed
    assert f"Cannot connect to the Docker daemon at unix://{tmp_path}/nope.sock" in failed


def test_without_the_program_ssh(away: Client, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    command = away.argv("-H", "ssh://far", "ps")
    # nsenter is found by our own PATH, ssh by the command's.
    argv = [
        *command[:-4],
        "env",
        f"PATH={tmp_path / 'empty'}",
        subprocess.getoutput(f"command -v {command[-4]}"),
    ]
    done = subprocess.run([*argv, *command[-3:]], env=away.env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'exec: "ssh": executable file not found in $PATH' in done.stderr


def test_a_context_with_keys(away: Client, certificates: Certificates) -> None:
    keys = certificates.client
    host = f"host=tcp://127.0.0.1:{_TLS_PORT}"
    files = f"ca={keys}/ca.pem,cert={keys}/cert.pem,key={keys}/key.pem"
    away("context", "create", "secured", "--docker", f"{host},{files}")
    away("context", "create", "stranger", "--docker", f"{host},skip-tls-verify=true")
    assert away.text("--context", "secured", "run", "--rm", "busybox", "echo", "hello") == "hello"
    assert away("-c", "stranger", "ps", code=1).err, "the engine wants to see a certificate"
    assert away("ps", "-q", env={"DOCKER_CONTEXT": "secured"}).out == ""
    away("context", "export", "secured", str(keys / f"{away.command}.dockercontext"))
    away("context", "import", "again", str(keys / f"{away.command}.dockercontext"))
    assert away.text("-c", "again", "ps", "-q") == ""


def test_both_command_lines_have_the_same_contexts(engine: Daemon, ssh: Path, tmp_path: Path) -> None:
    clients = [Client(command, engine, tmp_path) for command in ("docker", "scow")]
    for one, other in (clients, reversed(clients)):
        for found in (one, other):
            found.env.pop("DOCKER_HOST", None)
        name = f"by-{one.command}"
        one("context", "create", name, "--docker", f"host={engine.host}", "--description", "<a> & b")
        assert other.text("context", "inspect", name, "-f", "{{.Endpoints.docker.Host}}") == engine.host
        one("context", "use", name)
        assert other.text("context", "show") == name
        assert other.text("run", "--rm", "busybox", "echo", "hello") == "hello"
        other("context", "rm", "-f", name)
        assert one.text("context", "show") == "default"


def test_a_context_from_an_archive_stays_in_its_place(away: Client, tmp_path: Path) -> None:
    """Names in an archive cannot lead out of the store, and nothing is half imported."""
    for name in ("tls/../../escaped", "tls/docker/../../../escaped", "/escaped", "meta/escaped"):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as file:
            for path, data in (("meta.json", json.dumps({"Name": "x"}).encode()), (name, b"key")):
                member = tarfile.TarInfo(path)
                member.size = len(data)
                file.addfile(member, io.BytesIO(data))
        failed = away("context", "import", "evil", "-", code=1, input=archive.getvalue())
        assert "unexpected" in failed.err
        away("context", "rm", "-f", "evil")
        assert not list(tmp_path.rglob("*escaped*"))
