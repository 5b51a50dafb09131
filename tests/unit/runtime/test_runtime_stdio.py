"""The pump of one container's streams, on plain pipes and sockets."""

import fcntl
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from scow.runtime import stdio
from scow.runtime.poller import Poller
from scow.runtime.stdio import Container

ALL = {"stdin": True, "stdout": True, "stderr": True, "framed": False}


class Log:
    """A log in memory."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []
        self.unfinished: dict[int, bytes] = {}
        self.is_closed = False

    def write(self, stream: int, chunk: bytes) -> None:
        self.written.append((stream, chunk))
        if b"\n" in chunk:
            self.unfinished = {stream: chunk.rpartition(b"\n")[2]}

    def carry(self) -> dict[int, bytes]:
        return self.unfinished

    def close(self) -> None:
        self.is_closed = True


class Process:
    """The other ends of the pipes, and the container in scow-shim that pumps them."""

    def __init__(self, *, stdin_once: bool) -> None:
        self.poller, self.log = Poller(), Log()
        self.told: list[dict[str, Any]] = []
        self.stdin, stdin = os.pipe()
        stdout, self.stdout = os.pipe()
        stderr, self.stderr = os.pipe()
        for fd in (stdin, stdout, stderr):
            os.set_blocking(fd, False)
        ends = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        self.held_up: set[Container] = set()
        tell: Any = self.told.append
        self.container = Container("k", ends, stdin_once, self.log, self.poller, tell, set(), self.held_up)
        self._count = 0

    def attach(self, **options: bool) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        self._count += 1
        self.container.attach(self._count, theirs.detach(), {**ALL, **options})
        return ours

    def pump(self) -> None:
        while self.poller.run_once(0):
            pass

    def fill(self) -> int:
        """Write until nobody takes any more; returns how much it was."""
        os.set_blocking(self.stdout, False)
        written = 0
        try:
            while written < 50 << 20:
                written += os.write(self.stdout, bytes(65536))
                self.pump()
        except BlockingIOError:
            return written
        raise AssertionError("the process was not held up")

    def end(self) -> None:
        os.close(self.stdout)
        os.close(self.stderr)
        self.pump()
        self.container.process_ended()

    def operations(self) -> list[str]:
        return [message["op"] for message in self.told]


@pytest.fixture
def process() -> Iterator[Process]:
    one = Process(stdin_once=True)
    yield one
    os.close(one.stdin)


def test_nothing_is_read_before_the_early_clients_are_there(process: Process) -> None:
    os.write(process.stdout, b"first")
    process.pump()
    assert process.log.written == []
    with process.attach() as client:
        process.container.start_output()
        process.pump()
        assert client.recv(99) == b"first"
    process.end()


def test_clients_get_the_streams_and_the_frames_they_asked_for(process: Process) -> None:
    process.container.start_output()
    with process.attach(framed=True) as framed, process.attach(stderr=False) as plain:
        os.write(process.stdout, b"out")
        process.pump()
        os.write(process.stderr, b"err")
        process.pump()
        process.end()
        assert framed.recv(99) == b"\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\3err"
        assert plain.recv(99) == b"out"
        assert plain.recv(99) == b""
    assert process.log.written == [(1, b"out"), (2, b"err")]
    assert process.log.is_closed
    assert process.operations() == ["detached", "detached", "drained"]


def test_what_a_client_sees_has_been_logged_and_its_unfinished_line_told(process: Process) -> None:
    process.container.start_output()
    with process.attach() as client:
        os.write(process.stdout, b"line\nhalf")
        process.poller.run_once(0)
        assert client.recv(99) == b"line\nhalf"
        assert process.log.written == [(1, b"line\nhalf")]
        assert process.told == [{"op": "carry", "key": "k", "carry": {1: b"half"}}]
        process.told.clear()
    process.end()


def test_a_client_that_does_not_read_holds_up_the_process(process: Process) -> None:
    process.container.start_output()
    with process.attach() as client:
        written = process.fill()
        got = 0
        while got < written:
            got += len(client.recv(1 << 20))
            process.pump()
        assert got == written
    process.end()


def test_a_client_that_leaves_frees_the_process(process: Process) -> None:
    process.container.start_output()
    client = process.attach()
    process.fill()
    client.close()
    process.pump()
    os.write(process.stdout, b"goes on")
    process.pump()
    assert process.log.written[-1] == (1, b"goes on")
    process.end()


def test_a_client_that_stops_reading_is_let_go_where_others_wait(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "STALL_S", 0.0)
    process.container.start_output()
    with process.attach() as stalled, process.attach() as other:
        other.setblocking(False)
        process.fill()
        assert process.held_up == {process.container}
        read_all_there_is(other)
        process.pump()
        process.container.let_stalled_go()
        assert process.operations() == ["detached"]
        assert not process.held_up
        process.pump()
        while read_all_there_is(other):
            process.pump()
        os.write(process.stdout, b"for the other")
        process.pump()
        assert read_all_there_is(other).endswith(b"for the other")
        assert stalled.recv(10), "what was sent to it can still be read"
    process.end()


def test_a_slow_client_is_not_let_go_and_one_alone_neither(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "STALL_S", 0.0)
    process.container.start_output()
    with process.attach() as slow:
        process.fill()
        assert not process.held_up
        with process.attach() as other:
            process.container.resume_output()
            assert process.held_up
            assert slow.recv(1 << 16)
            process.container.let_stalled_go()
            assert process.operations() == []
            assert other.fileno() >= 0
    process.end()


def read_all_there_is(sock: socket.socket) -> bytes:
    got = b""
    while True:
        try:
            got += sock.recv(1 << 20)
        except BlockingIOError:
            return got


def test_input_waits_for_a_process_that_does_not_read(process: Process) -> None:
    process.container.start_output()
    data = os.urandom(200_000)
    with process.attach() as client:
        client.setblocking(False)
        sent, received = 0, b""
        while sent < len(data):
            try:
                sent += client.send(data[sent:])
            except BlockingIOError:
                received += os.read(process.stdin, 65536)
            process.pump()
        client.shutdown(socket.SHUT_WR)
        process.pump()
        while part := os.read(process.stdin, 65536):
            received += part
            process.pump()
        assert received == data
        assert process.operations() == ["stdin_closed"]
        process.end()


def test_input_of_a_client_that_is_gone_still_arrives(process: Process) -> None:
    process.container.start_output()
    client = process.attach()
    client.sendall(b"last words")
    client.close()
    process.pump()
    assert os.read(process.stdin, 99) == b"last words"
    assert process.operations() == ["detached"], "and the process has no end of file"
    process.end()


def test_the_end_comes_when_nobody_writes_any_more_though_somebody_could(process: Process) -> None:
    process.container.start_output()
    os.write(process.stdout, b"said")
    process.container.process_ended()
    assert not process.container.is_drained
    process.container.finish_late()
    assert process.container.is_drained
    assert process.log.written == [(1, b"said")]
    with pytest.raises(BrokenPipeError):
        os.write(process.stdout, b"nobody listens")
    os.close(process.stdout)
    os.close(process.stderr)


def test_a_pipe_that_is_filled_becomes_larger_and_another_does_not(process: Process) -> None:
    def sizes() -> list[int]:
        return [fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) for fd in (process.stdout, process.stderr)]

    before = sizes()
    process.container.start_output()
    os.write(process.stderr, b"a line\n")
    os.write(process.stdout, b"x" * before[0])
    process.pump()
    assert sizes() == [512 * 1024, before[1]]
    assert b"".join(chunk for stream, chunk in process.log.written if stream == 1) == b"x" * before[0]
    process.end()
