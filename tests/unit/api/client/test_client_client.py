"""The client against an engine that only listens."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scow.api.client.client import Client, object_path
from scow.api.client.endpoint import parse_endpoint
from scow.api.client.errors import ConnectionFailedError, DaemonError
from scow.errors import InvalidArgumentError
from tests.support.fake_engine import FakeEngine, Request, fake_engine, json_answer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path / "s") as engine:
        yield engine


@pytest.fixture
def talker(engine: FakeEngine) -> Iterator[Client]:
    client = Client(parse_endpoint(engine.host), headers={"X-Mine": "1"})
    yield client
    client.close()


def test_the_version_is_the_newest_that_both_know(tmp_path: Path) -> None:
    for offered, used in (("1.24", "1.24"), ("1.9", "1.9"), ("1.41", "1.41"), ("1.55", "1.50")):
        with fake_engine(tmp_path / offered, api_version=offered) as engine:
            client = Client(parse_endpoint(engine.host))
            assert client.version == used
            client.close()


def test_the_environment_can_pin_the_version(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "1.30")
    assert Client(parse_endpoint(engine.host)).version == "1.30"
    assert engine.requests == []


def test_plain_requests_share_one_connection(engine: FakeEngine, talker: Client) -> None:
    connections = set()

    def remember(request: Request, connection: socket.socket) -> tuple[int, object]:
        connections.add(connection)
        return 200, {"n": 1}

    engine.answers["GET /info"] = remember
    for _ in range(3):
        assert talker.get("/info", [("all", "1")]) == {"n": 1}
    assert len(connections) == 1
    assert [request.query for request in engine.sent("GET", "/info")] == ["all=1"] * 3
    assert engine.requests[-1].headers["x-mine"] == "1"


def test_a_connection_that_the_engine_closed_is_not_used_again(engine: FakeEngine, talker: Client) -> None:
    def answer_and_close(request: Request, connection: socket.socket) -> None:
        connection.sendall(json_answer(200, {}))
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    closed = threading.Event()
    engine.answers["POST /x"] = answer_and_close
    talker.post("/x")
    assert closed.wait(10)
    talker.post("/x")
    assert len(engine.sent("POST", "/x")) == 2


def test_a_stream_and_requests_can_be_mixed(engine: FakeEngine, talker: Client) -> None:
    def stream(request: Request, connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n')
        asked.wait_for_info()
        connection.sendall(b'8\r\n{"a": 2}\r\n0\r\n\r\n')

    class Asked:
        def __init__(self) -> None:
            self.ours, self.theirs = socket.socketpair()

        def wait_for_info(self) -> None:
            self.theirs.recv(1)

    asked = Asked()
    engine.answers["GET /events"] = stream
    engine.answers["GET /info"] = (200, {})
    response = talker.request("GET", "/events")
    values = response.values()
    assert next(values) == {"a": 1}
    talker.get("/info")
    asked.ours.send(b"x")
    assert list(values) == [{"a": 2}]
    response.close()
    asked.ours.close()
    asked.theirs.close()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, {"message": " No such container: x\n"}, "Error response from daemon: No such container: x"),
        (500, {}, "Error response from daemon: API returned a 500 (Status) but provided no error-message"),
        (
            409,
            None,
            "request returned 409 Status for API route and version http://{host}/v1.50/x?a=1, "
            "check if the server supports the requested API version",
        ),
    ],
)
def test_an_error_status_has_dockers_words(
    engine: FakeEngine, talker: Client, status: int, body: object, message: str
) -> None:
    engine.answers["POST /x"] = (status, body)
    with pytest.raises(DaemonError) as caught:
        talker.post("/x", [("a", "1")])
    assert caught.value.status == status
    assert caught.value.message == message.replace("{host}", str(engine.path).replace("/", "%2F"))


def test_an_error_that_is_plain_text_is_shown_as_it_is(engine: FakeEngine, talker: Client) -> None:
    def text(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nold\n")

    engine.answers["GET /x"] = text
    with pytest.raises(DaemonError, match=r"^Error response from daemon: old$"):
        talker.get("/x")


def test_an_engine_that_hangs_up_is_told_with_the_request(engine: FakeEngine, talker: Client) -> None:
    def hang_up(request: Request, connection: socket.socket) -> None:
        return None

    engine.answers["POST /x"] = hang_up
    with pytest.raises(ConnectionFailedError) as caught:
        talker.post("/x")
    url = f"http://{str(engine.path).replace('/', '%2F')}/v1.50/x"
    assert caught.value.message == f'error during connect: Post "{url}": EOF'


def test_nobody_listening_is_dockers_question(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/none"
    with pytest.raises(ConnectionFailedError) as caught:
        Client(parse_endpoint(host)).get("/info")
    assert (
        caught.value.message
        == f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
    )


def test_a_socket_may_be_provided_when_nobody_listens(tmp_path: Path, engine: FakeEngine) -> None:
    def start(endpoint: object) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(engine.path))
        return sock

    client = Client(parse_endpoint(f"unix://{tmp_path}/none"), on_refused=start)
    engine.answers["GET /info"] = (200, {"ok": True})
    assert client.get("/info") == {"ok": True}
    client.close()


def test_a_hijacked_connection_keeps_what_came_with_the_head(engine: FakeEngine, talker: Client) -> None:
    def upgrade(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: x/raw\r\n\r\nearly")

    engine.answers["POST /attach"] = upgrade
    hijacked = talker.hijack("/attach", [("stream", "1")])
    assert (hijacked.early, hijacked.media_type) == (b"early", "x/raw")
    request = engine.requests[-1]
    assert (request.headers["upgrade"], request.headers["connection"]) == ("tcp", "Upgrade")
    hijacked.sock.close()


def test_a_refused_upgrade_is_told_by_its_status(engine: FakeEngine, talker: Client) -> None:
    engine.answers["POST /attach"] = (409, {"message": "no"})
    with pytest.raises(DaemonError, match=r"^unable to upgrade to tcp, received 409$"):
        talker.hijack("/attach")


def test_a_file_is_uploaded_with_its_length_from_where_it_stands(
    engine: FakeEngine, talker: Client, tmp_path: Path
) -> None:
    engine.answers["POST /images/load"] = (200, {})
    (tmp_path / "f").write_bytes(b"skipped" + b"x" * 300_000)
    with open(tmp_path / "f", "rb") as file:
        file.seek(7)
        talker.upload("/images/load", [], file, {"Content-Type": "application/x-tar"}).close()
    request = engine.requests[-1]
    assert request.body == b"x" * 300_000
    assert (request.headers["content-length"], request.headers["content-type"]) == (
        "300000",
        "application/x-tar",
    )


def test_a_pipe_is_uploaded_chunked(engine: FakeEngine, talker: Client) -> None:
    engine.answers["POST /images/load"] = (200, {})
    ours, theirs = os.pipe()
    os.write(theirs, b"some bytes")
    os.close(theirs)
    with open(ours, "rb") as file:
        talker.upload("/images/load", [], file, {}).close()
    assert engine.requests[-1].headers["transfer-encoding"] == "chunked"
    assert engine.requests[-1].body == b"some bytes"


def test_an_answer_that_comes_before_the_upload_is_over_counts(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "early"))
    listener.listen()

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(json_answer(413, {"message": "too big"}))
            connection.recv(1)

    thread = threading.Thread(target=refuse)
    thread.start()
    early = Client(parse_endpoint(f"unix://{tmp_path}/early"), version="1.50")
    (tmp_path / "f").write_bytes(bytes(8 << 20))
    with open(tmp_path / "f", "rb") as file, pytest.raises(DaemonError, match=r"too big"):
        early.upload("/images/load", [], file, {})
    thread.join(10)
    listener.close()


def test_an_empty_reference_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidArgumentError, match=r"^invalid container name or ID: value is empty$"):
        object_path("container", "  ", "start")
    assert object_path("image", " a/b:c ", "json") == "/images/a/b:c/json"
