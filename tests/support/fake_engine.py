"""An engine that only listens: it records requests on a unix socket and gives prepared answers.

For tests of clients: what ``docker`` and ``scow`` send for one command line can be compared without either
engine.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One request as it came; ``path`` is without the version and ``query`` without the question mark."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any]
Handler = Callable[[Request, socket.socket], Answer | None]


class FakeEngine:
    """``answers`` maps "METHOD /path" to (status, JSON), or to a function that may write itself."""

    def __init__(self, path: Path, *, api_version: str = "1.50") -> None:
        self.path = path
        self.host = f"unix://{path}"
        self.api_version = api_version
        self.requests: list[Request] = []
        self.answers: dict[str, Answer | Handler] = {}
        self.ping_headers: dict[str, str] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def sent(self, method: str, path: str) -> list[Request]:
        """The requests of that method and path, in the order they came."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader, suppress(ConnectionError):  # clients may leave
            while (request := _read_request(reader)) is not None:
                self.requests.append(request)
                if not self._answer(request, connection):
                    return

    def _answer(self, request: Request, connection: socket.socket) -> bool:
        """False when the connection is finished with."""
        if request.path == "/_ping":
            more = "".join(f"{name}: {value}\r\n" for name, value in self.ping_headers.items())
            connection.sendall(
                f"HTTP/1.1 200 OK\r\nApi-Version: {self.api_version}\r\nOstype: linux\r\n{more}"
                "Content-Length: 0\r\n\r\n".encode()
            )
            return True
        found = self.answers.get(f"{request.method} {request.path}", (404, {"message": "page not found"}))
        answer = found(request, connection) if callable(found) else found
        if answer is None:
            return False
        connection.sendall(json_answer(*answer))
        return True


def json_answer(status: int, value: Any) -> bytes:
    """A whole HTTP answer; None is an empty body."""
    if value is None:
        return f"HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n".encode()
    data = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def _read_request(reader: Any) -> Request | None:
    line = reader.readline().decode()
    if not line.strip():
        return None
    method, target, _ = line.split()
    headers = {}
    while field := reader.readline().decode().strip():
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    body = _read_body(reader, headers)
    path, _, query = target.partition("?")
    version, slash, rest = path[1:].partition("/")
    if version.startswith("v1."):
        path = slash + rest
    return Request(method, path, query, headers, body)


def _read_body(reader: Any, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        data: bytes = reader.read(int(headers.get("content-length", "0")))
        return data
    body = b""
    while size := int(reader.readline(), 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body


@contextmanager
def fake_engine(path: Path, *, api_version: str = "1.50") -> Iterator[FakeEngine]:
    """A running FakeEngine."""
    engine = FakeEngine(path, api_version=api_version)
    thread = threading.Thread(target=engine.serve, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        engine.close()
        thread.join(5)
