"""What scow-reaper must have done before the engine hears of it."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from scow.runtime.channel import Channel
from scow.runtime.entry import STARTING, Entry
from scow.runtime.reaper import Reaper


def test_the_shim_has_the_streams_before_the_engine_hears_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever kills the reaper on hearing of the start does not take the container's streams along."""
    shim_end, reaper_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, shim_end:
        listener.bind(str(tmp_path / "reaper.sock"))
        listener.listen()
        reaper = Reaper(listener, str(tmp_path), "python")
        reaper._shim.adopt(os.getpid(), reaper_end)
        shim = Channel(shim_end)
        told: list[tuple[str, Any]] = []

        def tell(message: dict[str, Any]) -> None:
            told.append((message["op"], shim.receive()))

        monkeypatch.setattr(reaper._daemon, "tell", tell)
        entry = Entry("a")
        entry.state = STARTING
        entry.request = {"stdin_once": False, "log": None}
        output, write_end = os.pipe()
        entry.stdio = {"stdout": output}
        try:
            reaper._started(entry, 4242, None)
            [(op, received)] = told
            assert op == "spawned"
            assert received is not None, "the shim knows nothing yet"
            message, fds = received
            assert (message["op"], message["key"], len(fds)) == ("open", "a", 1)
        finally:
            for fd in (output, write_end, *(fds if told and received else ())):
                os.close(fd)
            reaper._shim._drop()


def test_a_start_whose_console_cannot_be_made_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with no descriptor left: the engine must hear of it, or its client waits for ever."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "reaper.sock"))
        listener.listen()
        reaper = Reaper(listener, str(tmp_path), "python")
        (tmp_path / "console").rmdir()
        told: list[dict[str, Any]] = []
        monkeypatch.setattr(reaper._daemon, "tell", told.append)
        before = os.listdir("/proc/self/fd")
        request = {
            "op": "spawn",
            "id": 7,
            "key": "a",
            "argv": ["/bin/true"],
            "env": {},
            "pid_file": str(tmp_path / "pid"),
            "stdin": False,
            "tty": True,
        }
        reaper._handle_daemon(request, [])
        [answer] = told
        assert (answer["op"], answer["id"], answer["errno"]) == ("failed", 7, errno.ENOENT)
        assert len(os.listdir("/proc/self/fd")) == len(before)
        told.clear()
        reaper._handle_daemon({"op": "list", "id": 8}, [])
        assert told == [{"op": "listed", "id": 8}], "nothing is left of it"
