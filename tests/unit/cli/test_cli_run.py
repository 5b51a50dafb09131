"""What ``run``, ``exec`` and ``attach`` ask an engine for, in which order, and how they end."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_engine import FakeEngine, Request, fake_engine

_ID = "c" * 64
_SCRIPT = "import sys; from scow.cli.main import main; sys.exit(main('scow', sys.argv[1:]))"
_UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


def _frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


class Container:
    """A container of the fake engine: says ``output`` when it starts and ends with ``status``.

    With ``echo`` it repeats its standard input after the output, until that ends.
    """

    def __init__(
        self, engine: FakeEngine, output: bytes = b"", status: int = 0, *, echo: bool = False
    ) -> None:
        self.output = output
        self.status = status
        self.echo = echo
        self.received = b""
        self.kills: list[str] = []
        self._started = threading.Event()
        self._ended = threading.Event()
        engine.answers |= {
            "POST /containers/create": (201, {"Id": _ID, "Warnings": []}),
            f"POST /containers/{_ID}/attach": self._attach,
            f"POST /containers/{_ID}/wait": self._wait,
            f"POST /containers/{_ID}/start": self._start,
            f"POST /containers/{_ID}/kill": self._kill,
        }

    def end(self, status: int) -> None:
        self.status = status
        self._ended.set()

    def _start(self, request: Request, connection: socket.socket) -> tuple[int, None]:
        self._started.set()
        return 204, None

    def _attach(self, request: Request, connection: socket.socket) -> None:
        connection.sendall(_UPGRADED)
        self._started.wait(20)
        connection.sendall(self.output)
        if self.echo:
            while data := connection.recv(65536):
                self.received += data
                connection.sendall(_frame(1, data))
            self._ended.set()
        self._ended.wait(20)

    def _wait(self, request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._ended.wait(20)
        body = b'{"Error":null,"StatusCode":%d}\n' % self.status
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    def _kill(self, request: Request, connection: socket.socket) -> tuple[int, None]:
        self.kills.append(request.query)
        self.end(130)
        return 204, None


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path / "s") as engine:
        yield engine


def _popen(engine: FakeEngine, *argv: str) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "DOCKER_HOST": engine.host, "DOCKER_CONFIG": "/nonexistent"}
    environ.pop("SCOW_HOST", None)
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, *argv], env=environ, stdin=pipe, stdout=pipe, stderr=pipe
    )


def _scow(engine: FakeEngine, *argv: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    process = _popen(engine, *argv)
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out, err


def test_an_attached_run_misses_nothing(engine: FakeEngine) -> None:
    container = Container(engine, _frame(1, b"out\n") + _frame(2, b"err\n"))
    container.end(7)
    assert _scow(engine, "run", "busybox", "x") == (7, b"out\n", b"err\n")
    calls = [(request.path.rpartition("/")[2], request.query) for request in engine.requests]
    assert calls == [
        ("_ping", ""),
        ("create", ""),
        ("attach", "stderr=1&stdout=1&stream=1"),
        ("wait", "condition=next-exit"),
        ("start", ""),
    ]


def test_a_container_that_removes_itself_is_waited_for_until_it_is_gone(engine: FakeEngine) -> None:
    Container(engine).end(0)
    assert _scow(engine, "run", "--rm", "busybox")[0] == 0
    assert engine.sent("POST", f"/containers/{_ID}/wait")[0].query == "condition=removed"


def test_standard_input_goes_in_and_its_end_is_the_end_there_too(engine: FakeEngine) -> None:
    container = Container(engine, echo=True)
    data = bytes(range(256)) * 4000
    assert _scow(engine, "run", "-i", "busybox", "cat", stdin=data) == (0, data, b"")
    assert container.received == data


def test_a_detached_run_prints_the_id_and_leaves(engine: FakeEngine) -> None:
    Container(engine)
    assert _scow(engine, "run", "-d", "--name", "n", "busybox") == (0, f"{_ID}\n".encode(), b"")
    assert engine.sent("POST", "/containers/create")[0].query == "name=n"
    assert not engine.sent("POST", f"/containers/{_ID}/attach")
    assert engine.sent("POST", "/containers/create")[0].json()["AttachStdout"] is False


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('exec: "x": executable file not found in $PATH: unknown', 127),
        ("stat /x: no such file or directory", 127),
        ('exec: "/etc": permission denied', 126),
        ("exec: /etc: is a directory", 126),
        ("driver failed programming external connectivity", 125),
    ],
)
def test_a_start_that_fails_has_a_status_of_its_own(engine: FakeEngine, message: str, status: int) -> None:
    Container(engine).end(0)
    engine.answers[f"POST /containers/{_ID}/start"] = (400, {"message": message})
    error = f"scow: Error response from daemon: {message}\n\nRun 'scow run --help' for more information\n"
    assert _scow(engine, "run", "busybox") == (status, b"", error.encode())
    assert _scow(engine, "run", "-d", "--rm", "busybox")[0] == status


def test_a_missing_image_is_pulled_and_tried_again(engine: FakeEngine) -> None:
    tries: list[Request] = []

    def create(request: Request, connection: socket.socket) -> tuple[int, object]:
        tries.append(request)
        if len(tries) == 1:
            return 404, {"message": "No such image: nope:latest"}
        return 201, {"Id": _ID, "Warnings": ["careful"]}

    Container(engine).end(0)
    engine.answers["POST /containers/create"] = create
    engine.answers["POST /images/create"] = (200, {"status": "Pulled"})
    status, out, err = _scow(engine, "run", "-d", "nope")
    assert (status, out) == (0, f"{_ID}\n".encode())
    assert err == b"Unable to find image 'nope:latest' locally\nPulled\nWARNING: careful\n"
    assert engine.sent("POST", "/images/create")[0].query == "fromImage=docker.io%2Flibrary%2Fnope&tag=latest"


def test_a_pull_that_fails_ends_the_run_with_the_engines_error(engine: FakeEngine) -> None:
    engine.answers["POST /containers/create"] = (404, {"message": "No such image: nope:latest"})
    engine.answers["POST /images/create"] = (200, {"errorDetail": {"message": "no registry"}, "error": "x"})
    status, _, err = _scow(engine, "run", "nope")
    assert status == 125
    assert b"locally\nscow: no registry\n" in err
    assert _scow(engine, "run", "--pull", "never", "nope")[2].startswith(
        b"scow: Error response from daemon: No such"
    )


def test_the_id_file_is_removed_again_when_nothing_was_created(engine: FakeEngine, tmp_path: Path) -> None:
    path = tmp_path / "cid"
    engine.answers["POST /containers/create"] = (500, {"message": "no"})
    assert _scow(engine, "run", "--cidfile", str(path), "busybox")[0] == 125
    assert not path.exists()
    Container(engine)
    assert _scow(engine, "create", "--cidfile", str(path), "busybox")[0] == 0
    assert path.read_text() == _ID
    assert b"container ID file found" in _scow(engine, "create", "--cidfile", str(path), "busybox")[2]


def test_signals_are_passed_on_to_the_container(engine: FakeEngine) -> None:
    container = Container(engine, _frame(1, b"ready\n"))
    process = _popen(engine, "run", "busybox")
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert (process.returncode, container.kills) == (130, ["signal=INT"])


def test_the_third_interrupt_ends_a_run_whose_container_does_not_listen(engine: FakeEngine) -> None:
    container = Container(engine, _frame(1, b"ready\n"))
    killed = threading.Semaphore(0)

    def ignore(request: Request, connection: socket.socket) -> tuple[int, None]:
        killed.release()
        return 204, None

    engine.answers[f"POST /containers/{_ID}/kill"] = ignore
    process = _popen(engine, "run", "busybox")
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert killed.acquire(timeout=120)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    container.end(0)
    assert (process.returncode, err) == (1, b"\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n")


def test_an_interrupted_command_that_attaches_to_nothing_is_status_130(engine: FakeEngine) -> None:
    asked = threading.Event()

    def block(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        asked.set()
        connection.recv(1)

    engine.answers["GET /events"] = block
    process = _popen(engine, "events")
    assert asked.wait(20)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) == (b"", b"")
    assert process.returncode == 130


def test_exec_ends_with_the_status_of_its_command(engine: FakeEngine) -> None:
    def start(request: Request, connection: socket.socket) -> None:
        connection.sendall(_UPGRADED + _frame(1, b"out\n") + _frame(2, b"err\n"))

    engine.answers |= {
        "GET /containers/x/json": (200, {}),
        "POST /containers/x/exec": (201, {"Id": "e1"}),
        "POST /exec/e1/start": start,
        "GET /exec/e1/json": (200, {"ExitCode": 3}),
    }
    assert _scow(engine, "exec", "-e", "A=1", "-w", "/w", "x", "ls", "-l") == (3, b"out\n", b"err\n")
    body = engine.sent("POST", "/containers/x/exec")[0].json()
    assert (body["Cmd"], body["Env"], body["WorkingDir"], body["AttachStdin"]) == (
        ["ls", "-l"],
        ["A=1"],
        "/w",
        False,
    )
    assert engine.sent("POST", "/exec/e1/start")[0].json() == {"Detach": False, "Tty": False}


def test_many_containers_are_stopped_side_by_side_and_reported_in_order(engine: FakeEngine) -> None:
    arrived = threading.Barrier(3, timeout=120)

    def stop(request: Request, connection: socket.socket) -> tuple[int, object]:
        arrived.wait()
        return (404, {"message": "no b"}) if request.path == "/containers/b/stop" else (204, None)

    for name in "abc":
        engine.answers[f"POST /containers/{name}/stop"] = stop
    assert _scow(engine, "stop", "a", "b", "c") == (1, b"a\nc\n", b"Error response from daemon: no b\n")


def test_removing_by_force_forgives_what_is_not_there(engine: FakeEngine) -> None:
    engine.answers |= {
        "DELETE /containers/a": (204, None),
        "DELETE /containers/b": (404, {"message": "No such container: b"}),
    }
    message = b"Error response from daemon: No such container: b\n"
    assert _scow(engine, "rm", "-f", "a", "b") == (0, b"a\n", message)
    assert _scow(engine, "rm", "a", "b") == (1, b"a\n", message)


def test_a_reader_that_leaves_ends_a_listing_by_sigpipe(engine: FakeEngine) -> None:
    def stream(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(_frame(1, b"line\n" * 10000))
        except OSError:
            return

    engine.answers |= {
        "GET /containers/x/json": (200, {"Id": "x", "Config": {"Tty": False}}),
        "GET /containers/x/logs": stream,
    }
    process = _popen(engine, "logs", "x")
    assert process.stdout
    assert process.stdout.readline() == b"line\n"
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(30) == -signal.SIGPIPE
    for stream_left in (process.stdin, process.stderr):
        assert stream_left
        stream_left.close()
