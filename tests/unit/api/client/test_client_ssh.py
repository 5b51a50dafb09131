"""Engines behind ssh: their addresses, and the command lines that reach them."""

import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from scow.api.client.client import connect
from scow.api.client.endpoint import parse_endpoint
from scow.api.client.http1 import ProtocolError
from scow.api.client.ssh import quoted, ssh_words
from scow.api.client.ssh_address import SshAddressError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh://far", ["--", "far"]),
        ("ssh://me@far", ["-l", "me", "--", "far"]),
        ("ssh://me@far:2222", ["-l", "me", "-p", "2222", "--", "far"]),
        ("ssh://me@[fd00::1]:22", ["-l", "me", "-p", "22", "--", "fd00::1"]),
        ("ssh://a%20b@far/", ["-l", "a b", "--", "far"]),
        ("ssh://-oProxyCommand=evil/", ["--", "-oProxyCommand=evil"]),
    ],
)
def test_an_address_becomes_options_of_ssh(text: str, words: list[str]) -> None:
    endpoint = parse_endpoint(text)
    endpoint.far_program = "docker"
    assert ssh_words(endpoint) == ["ssh", "-o", "ConnectTimeout=30", "-T", *words, "docker system dial-stdio"]
    assert (endpoint.text, endpoint.url_host) == (text, "docker.example.com")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ssh://", "ssh host connection is not valid: invalid SSH URL: hostname is empty"),
        (
            "ssh://u:p@h",
            "ssh host connection is not valid: invalid SSH URL: plain-text password is not supported",
        ),
        (
            "ssh://h?x",
            'ssh host connection is not valid: invalid SSH URL: query parameters are not allowed: "x"',
        ),
        ("ssh://h#f", 'ssh host connection is not valid: invalid SSH URL: fragments are not allowed: "f"'),
        ("ssh://h:x", 'parse "ssh://h:x": invalid port ":x" after host'),
        ("ssh://a b", 'parse "ssh://a b": invalid character " " in host name'),
        ("ssh://%zz@h", 'parse "ssh://%zz@h": invalid URL escape "%zz"'),
    ],
)
def test_what_is_no_address_is_refused_in_dockers_words(text: str, message: str) -> None:
    with pytest.raises(SshAddressError) as refused:
        parse_endpoint(text)
    assert refused.value.message == message


def test_the_socket_there_is_named_to_the_shell_there() -> None:
    endpoint = parse_endpoint("ssh://far/run/my%20engine's.sock")
    command = ssh_words(endpoint)[-1]
    said = subprocess.run(
        ["sh", "-c", f"scow() {{ :; }}; set -- {command}; for word; do printf '%s\\n' \"$word\"; done"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.splitlines()[-4:] == ["--host", "unix:///run/my engine's.sock", "system", "dial-stdio"]


@pytest.mark.parametrize("word", ["plain", "a b", "it's", "$(evil)", "a\nb", "", "\\", '"'])
def test_a_word_is_one_word_for_a_shell(word: str) -> None:
    assert shlex.split(quoted(word)) == [word]


def _ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "ssh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_both_directions_end_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ssh(tmp_path, monkeypatch, "printf first; exec cat")
    sock = connect(parse_endpoint("ssh://far"))
    sock.sendall(b" second")
    sock.shutdown(1)
    said = b""
    while data := sock.recv(100):
        said += data
    sock.close()
    assert said == b"first second"


def test_a_failure_says_what_was_run_and_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ssh(tmp_path, monkeypatch, "echo nobody there >&2; exit 255")
    sock = connect(parse_endpoint("ssh://far"))
    with pytest.raises(ProtocolError, match=r"command \[ssh .* -- far .*status 255.*stderr=nobody there"):
        sock.recv(100)
    sock.close()
    sock.close()


def test_closing_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ssh(tmp_path, monkeypatch, "echo $$; exec sleep 600 >/dev/null")
    sock = connect(parse_endpoint("ssh://far"))
    pid = int(sock.recv(100))
    sock.close()
    assert not Path(f"/proc/{pid}").exists()


def test_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProtocolError, match=r'exec: "ssh": executable file not found in \$PATH'):
        connect(parse_endpoint("ssh://far"))
