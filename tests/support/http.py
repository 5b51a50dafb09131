"""HTTP over a unix socket, by hand where Docker's protocol leaves HTTP behind."""

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def message(self) -> str:
        """Text of Docker's error document."""
        return str(self.json["message"])


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a unix socket."""

    def __init__(self, path: str, timeout_s: float = 120) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def request(
    path: str,
    method: str,
    target: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = 120,
) -> Answer:
    """One request on a new connection. ``body``: bytes as they are, anything else as JSON, None for none."""
    connection = UnixConnection(path, timeout_s)
    send = dict(headers or {})
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if data is not None:
        send.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, target, body=data, headers=send)
        response = connection.getresponse()
        headers_in = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers_in, response.read())
    finally:
        connection.close()


def send_raw(path: str, data: bytes, timeout_s: float = 20) -> bytes:
    """Send bytes that need not be HTTP and return all that comes back until the server closes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(path)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received


def hijack(path: str, target: str, body: object = None, timeout_s: float = 120) -> tuple[int, socket.socket]:
    """POST with ``Upgrade: tcp``; returns the status and the socket, positioned after the response head."""
    data = b"" if body is None else json.dumps(body).encode()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout_s)
    sock.connect(path)
    sock.sendall(
        f"POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    head = b""
    while b"\r\n\r\n" not in head:
        byte = sock.recv(1)
        assert byte, f"connection closed in the response head: {head!r}"
        head += byte
    return int(head.split(None, 2)[1]), sock


def read_to_end(sock: socket.socket) -> bytes:
    """Everything until the other side closes; closes the socket."""
    with sock:
        received = bytearray()
        while chunk := sock.recv(1 << 16):
            received += chunk
    return bytes(received)


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Docker's multiplexed stream: (1 stdout or 2 stderr, payload) of every frame."""
    position = 0
    while position < len(data):
        stream, length = struct.unpack(">BxxxL", data[position : position + 8])
        payload = data[position + 8 : position + 8 + length]
        assert len(payload) == length, "the stream ends inside a frame"
        yield stream, payload
        position += 8 + length


def demultiplex(data: bytes) -> tuple[bytes, bytes]:
    """(stdout, stderr) of a multiplexed stream."""
    parts: dict[int, list[bytes]] = {1: [], 2: []}
    for stream, payload in frames(data):
        parts[stream].append(payload)
    return b"".join(parts[1]), b"".join(parts[2])
