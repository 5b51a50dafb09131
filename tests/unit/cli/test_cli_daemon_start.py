"""Starting an engine that is not there."""

import os
import sys
from pathlib import Path

import pytest

from scow.api.client.endpoint import Endpoint
from scow.cli import daemon_start
from scow.errors import UnavailableError

_LISTENER = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
listener.accept()
"""


def test_a_started_engine_is_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run" / "s"
    argv = [sys.executable, "-c", _LISTENER, str(path)]
    monkeypatch.setattr(daemon_start, "daemon_argv", lambda: argv)
    sock = daemon_start.start_daemon(Endpoint("unix", path=str(path)))
    assert sock.getpeername() == str(path)
    sock.close()
    os.wait()


def test_an_engine_that_fails_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_start, "_GRACE_AFTER_EXIT_S", 0.0)
    argv = [sys.executable, "-c", "import sys; sys.exit('no runc')"]
    monkeypatch.setattr(daemon_start, "daemon_argv", lambda: argv)
    with pytest.raises(
        UnavailableError, match=f"scowd did not start listening at unix://{tmp_path}/s: no runc$"
    ):
        daemon_start.start_daemon(Endpoint("unix", path=str(tmp_path / "s")))


_LATE = """
import os, sys
if not os.path.exists(sys.argv[2]):
    open(sys.argv[2], "w").close()
    sys.exit(os.EX_TEMPFAIL)
"""


def test_an_engine_that_another_keeps_from_starting_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is leaving: it has no socket any more, and its pid file still."""
    path, mark = tmp_path / "s", tmp_path / "tried"
    monkeypatch.setattr(daemon_start, "_GRACE_AFTER_EXIT_S", 0.0)
    argv = [sys.executable, "-c", _LATE + _LISTENER, str(path), str(mark)]
    monkeypatch.setattr(daemon_start, "daemon_argv", lambda: argv)
    daemon_start.start_daemon(Endpoint("unix", path=str(path))).close()
    os.wait()


def test_the_engine_beside_this_interpreter_is_started_and_leaves_when_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert daemon_start.daemon_argv() == [str(tmp_path / "python"), "-m", "scow.daemon", "--idle-exit", "60s"]
    (tmp_path / "scowd").touch(mode=0o755)
    assert daemon_start.daemon_argv() == [str(tmp_path / "scowd"), "--idle-exit", "60s"]
