"""The API over TLS: who may in, and that streams work as on a plain socket."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, running
from tests.support.environment import program

pytestmark = pytest.mark.needs("openssl")

ADDRESS = "127.0.0.1:2376"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "tls")


@pytest.fixture(scope="module")
def daemon(certificates: Certificates) -> Iterator[Daemon]:
    server = certificates.server
    flags = (
        "-H", f"tcp://{ADDRESS}", "--tlsverify", "--tlscacert", str(server / "ca.pem"),
        "--tlscert", str(server / "cert.pem"), "--tlskey", str(server / "key.pem"),
    )  # fmt: skip
    with running(ScowDaemon, DaemonOptions(flags)) as found:
        yield found


def call(
    daemon: Daemon, command: str, certificates: Path, *args: str, verify: str = "1", input: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    client = daemon.client(command)
    env = client.env | {
        "DOCKER_HOST": f"tcp://{ADDRESS}",
        "DOCKER_TLS_VERIFY": verify,
        "DOCKER_CERT_PATH": str(certificates),
    }
    argv = daemon.namespace.command(program("scow") if command == "scow" else command, *args)
    return subprocess.run(argv, env=env, input=input, capture_output=True, timeout=120)


@pytest.mark.parametrize("command", ["docker", "scow"])
def test_a_client_with_a_certificate(daemon: Daemon, certificates: Certificates, command: str) -> None:
    done = call(daemon, command, certificates.client, "run", "--rm", "busybox", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr
    # Half-close: wc ends, and says so, only when its input does; output comes after it.
    data = b"line of text\n" * 200_000
    done = call(daemon, command, certificates.client, "run", "--rm", "-i", "busybox", "wc", "-c", input=data)
    assert done.stdout.strip() == str(len(data)).encode(), done.stderr
    done = call(daemon, command, certificates.client, "run", "--rm", "-i", "busybox", "cat", input=data)
    assert done.stdout == data
    done = call(daemon, command, certificates.client, "run", "--rm", "busybox", "sh", "-c", "exit 7")
    assert done.returncode == 7


@pytest.mark.parametrize("command", ["docker", "scow"])
def test_files_and_images(daemon: Daemon, certificates: Certificates, command: str, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"0123456789abcdef" * 300_000)
    name = f"tls-{command}"
    for args in (
        ("create", "--name", name, "busybox"),
        ("cp", str(big), f"{name}:/big"),
        ("cp", f"{name}:/big", str(tmp_path / "back")),
        ("rm", name),
    ):
        done = call(daemon, command, certificates.client, *args)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


@pytest.mark.parametrize("command", ["docker", "scow"])
def test_who_is_kept_out(daemon: Daemon, certificates: Certificates, command: str, tmp_path: Path) -> None:
    others = make_certificates(tmp_path / "others", "somebody else's")
    # Their certificate, our authority; then the other way round.
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    ours, theirs = certificates.client, others.client
    for file, source in (("ca.pem", ours), ("cert.pem", theirs), ("key.pem", theirs)):
        (mixed / file).write_bytes((source / file).read_bytes())
    stranger = call(daemon, command, mixed, "ps")
    assert stranger.returncode == 1
    assert b"tls" in stranger.stderr.lower() or b"ssl" in stranger.stderr.lower(), stranger.stderr
    (mixed / "cert.pem").write_bytes((certificates.client / "cert.pem").read_bytes())
    (mixed / "key.pem").write_bytes((certificates.client / "key.pem").read_bytes())
    (mixed / "ca.pem").write_bytes((others.client / "ca.pem").read_bytes())
    doubtful = call(daemon, command, mixed, "ps")
    assert doubtful.returncode == 1
    assert b"certificate" in doubtful.stderr.lower(), doubtful.stderr
    plain = call(daemon, command, certificates.client, "ps", verify="")
    assert plain.returncode == 1
    # The Unix socket is as it was.
    assert daemon.client(command)("ps").code == 0


def test_files_that_cannot_be_used_are_named(certificates: Certificates) -> None:
    flags = ("-H", f"tcp://{ADDRESS}", "--tls", "--tlscert", "/none.pem", "--tlskey", "/none-key.pem")
    refused = pytest.raises(AssertionError, match=r"could not load X509 key pair \(cert: \"/none.pem\"")
    with refused, running(ScowDaemon, DaemonOptions(flags)):
        pass
