"""Certificates that Docker takes: handshakes in memory, with authorities that openssl(1) makes."""

import ssl
import subprocess
from pathlib import Path

import pytest

from scow.tls_trust import client_context
from tests.support.certificates import make_certificates


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def handshake(client: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Raises ``ssl.SSLError`` when ``client`` does not believe a server with this certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue


def test_an_authority_without_a_key_usage(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "made")
    context = client_context(made.ca)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT, "Python 3.13 sets it"
    handshake(context, made.server / "cert.pem", made.server / "key.pem")


def test_an_intermediate_authority_may_be_all_that_is_known(tmp_path: Path) -> None:
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-days", "1",
            "-out", "root.pem", "-subj", "/CN=root")  # fmt: skip
    for name, above, extensions in (
        ("middle", "root", "basicConstraints=critical,CA:TRUE"),
        ("leaf", "middle", "subjectAltName=DNS:localhost"),
    ):
        openssl(tmp_path, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        (tmp_path / "extensions").write_text(extensions)
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{above}.pem", "-days", "1",
                "-CAkey", f"{above}.key", "-CAcreateserial", "-extfile", "extensions",
                "-out", f"{name}.pem")  # fmt: skip
    handshake(client_context(tmp_path / "middle.pem"), tmp_path / "leaf.pem", tmp_path / "leaf.key")


def test_strangers_are_believed_only_when_nothing_is_checked(tmp_path: Path) -> None:
    made, other = make_certificates(tmp_path / "made"), make_certificates(tmp_path / "other", "other")
    pair = (made.server / "cert.pem", made.server / "key.pem")
    for context in (client_context(), client_context(other.ca)):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(context, *pair)
    handshake(client_context(verify=False), *pair)


def test_a_file_that_is_not_there_or_holds_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(FileNotFoundError):
        client_context(tmp_path / "none")
    with pytest.raises(ssl.SSLError):
        client_context(tmp_path / "empty")
