"""Requests to an engine: version negotiation, JSON in and out, streams, uploads, hijacked connections.

One connection is kept for plain requests. A streaming answer keeps the connection that it came on, and the
next request opens another, so a stream and requests can be mixed freely on one thread.
"""

import _socket
import os

from scow.api.client.endpoint import Endpoint
from scow.api.client.errors import ConnectionFailedError, DaemonError, connection_failed, connection_lost
from scow.api.client.http1 import Connection, ProtocolError, ResponseHead, encode_request_head
from scow.api.client.json_text import dumps, loads
from scow.api.client.url_text import encode_query, escape_path
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO

    Query = Iterable[tuple[str, str]]

MAX_API_VERSION = "1.50"
"""The newest version asked for: that of Docker 28.2, whose answers the commands are written for."""
MIN_API_VERSION = "1.24"
_ERROR_BODY_LIMIT = 1 << 20
_JSON = {"Content-Type": "application/json"}


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, head: ResponseHead, blocks: "Iterator[bytes]", connection: Connection) -> None:
        self.head = head
        self.connection = connection
        self.blocks = blocks

    def read(self) -> bytes:
        return b"".join(self.blocks)

    def json(self) -> "Any":
        data = self.read()
        return loads(data) if data.strip() else None

    def values(self) -> "Iterator[Any]":
        """The JSON values of a streaming answer."""
        from scow.api.client.json_stream import iterate_json

        return iterate_json(self.blocks)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Hijacked:
    """A connection that has become a raw stream; ``early`` came in one segment with the head."""

    def __init__(self, sock: _socket.socket, early: bytes, media_type: str) -> None:
        self.sock = sock
        self.early = early
        self.media_type = media_type


class Client:
    """Talks to one engine. ``on_refused`` may start an engine and return a connected socket or None."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        headers: dict[str, str] | None = None,
        version: str = "",
        on_refused: "Callable[[Endpoint], _socket.socket | None] | None" = None,
    ) -> None:
        self.endpoint = endpoint
        self._headers = headers or {}
        self._version = version
        self._on_refused = on_refused
        self._idle: Connection | None = None
        self.server_headers: dict[str, str] = {}

    @property
    def version(self) -> str:
        """The API version in use: the newest that both sides know; found out with one ping.

        A ping that fails is not reported: the request that follows says better what is wrong.
        """
        if not self._version:
            try:
                self._version = self._negotiate()
            except (OSError, ConnectionFailedError):
                return MAX_API_VERSION
        return self._version

    def supports(self, version: str) -> bool:
        """Whether the API version in use is ``version`` or newer."""
        return version_key(self.version) >= version_key(version)

    def request(
        self,
        method: str,
        path: str,
        query: "Query" = (),
        *,
        body: "Any" = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Send a request and return its answer with the body unread.

        ``body`` is JSON data. Raises DaemonError for an error status, ConnectionFailedError.
        """
        data = None if body is None else dumps(body).encode("utf-8", "replace")
        fields = dict(headers or ())
        if data is not None:
            fields.update(_JSON)
        return self._checked(method, self._target(path, query), data, fields)

    def get(self, path: str, query: "Query" = (), *, headers: dict[str, str] | None = None) -> "Any":
        """The JSON of a GET."""
        return self._finish(self.request("GET", path, query, headers=headers)).json()

    def post(self, path: str, query: "Query" = (), *, body: "Any" = None) -> "Any":
        """The JSON of a POST, None when the answer has no body."""
        return self._finish(self.request("POST", path, query, body=body)).json()

    def delete(self, path: str, query: "Query" = ()) -> "Any":
        """The JSON of a DELETE, None when the answer has no body."""
        return self._finish(self.request("DELETE", path, query)).json()

    def upload(
        self,
        path: str,
        query: "Query",
        source: "BinaryIO",
        headers: dict[str, str],
        *,
        method: str = "POST",
    ) -> Response:
        """Send everything in ``source``; the answer can be read while the body is still being sent.

        A regular file goes out with sendfile(2), anything else chunked.
        """
        from scow.api.client.upload import send_body, start_sending

        framing = send_body(source)
        return self._send_body(
            method, path, query, {**headers, **framing.headers}, lambda sock: start_sending(sock, framing)
        )

    def upload_blocks(
        self,
        method: str,
        path: str,
        query: "Query",
        blocks: "Iterable[bytes]",
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Send ``blocks`` as they are made, chunked. Raises what making them raises."""
        from scow.api.client.upload import BlockSender

        sender = BlockSender(blocks)
        headers = {"Content-Type": "text/plain", "Transfer-Encoding": "chunked", **(headers or {})}
        try:
            return self._send_body(method, path, query, headers, sender.start)
        finally:
            sender.check()

    def _send_body(
        self,
        method: str,
        path: str,
        query: "Query",
        headers: dict[str, str],
        start: "Callable[[_socket.socket], None]",
    ) -> Response:
        target = self._target(path, query)
        connection = self._connect(method, target)
        _say(connection, encode_request_head(method, target, self._request_headers(headers)))
        start(connection.sock)
        return self._answer(connection, method, target)

    def dial(self) -> _socket.socket:
        """A connection with nothing said on it yet. Raises ConnectionFailedError."""
        return self._connect("GET", self.endpoint.base_path).sock

    def hijack(
        self, path: str, query: "Query" = (), *, body: "Any" = None, protocol: str = "tcp"
    ) -> Hijacked:
        """POST with ``Upgrade`` and take the connection over; its two directions end independently."""
        data = b"" if body is None else dumps(body).encode("utf-8", "replace")
        target = self._target(path, query)
        fields = {"Connection": "Upgrade", "Upgrade": protocol, "Content-Length": str(len(data))}
        fields.update({"Content-Type": "text/plain"} if body is None else _JSON)
        connection = self._connect("POST", target)
        _say(connection, encode_request_head("POST", target, self._request_headers(fields)) + data)
        head = self._read_head(connection, "POST", target)
        if head.status != 101:
            connection.close()
            raise DaemonUpgradeError(head.status)
        return Hijacked(connection.sock, connection.take_buffer(), head.headers.get("content-type", ""))

    def close(self) -> None:
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _negotiate(self) -> str:
        pinned = os.environ.get("DOCKER_API_VERSION", "")
        if pinned:
            return pinned.removeprefix("v")
        response = self._exchange("HEAD", self.endpoint.base_path + "/_ping", None, {})
        self._finish(response)
        self.server_headers = response.head.headers
        offered = response.head.headers.get("api-version") or MIN_API_VERSION
        return min(offered, MAX_API_VERSION, key=version_key)

    def _target(self, path: str, query: "Query") -> str:
        return f"{self.endpoint.base_path}/v{self.version}{escape_path(path)}{encode_query(query)}"

    def _checked(self, method: str, target: str, data: bytes | None, fields: dict[str, str]) -> Response:
        response = self._exchange(method, target, data, fields)
        if response.head.status >= 400:
            raise self._daemon_error(response, target)
        return response

    def _exchange(self, method: str, target: str, data: bytes | None, fields: dict[str, str]) -> Response:
        if data is not None or method == "POST":
            fields["Content-Length"] = str(len(data or b""))
        message = encode_request_head(method, target, self._request_headers(fields)) + (data or b"")
        connection = self._idle_connection() or self._connect(method, target)
        _say(connection, message)
        return self._respond(connection, self._read_head(connection, method, target), method)

    def _answer(self, connection: Connection, method: str, target: str) -> Response:
        response = self._respond(connection, self._read_head(connection, method, target), method)
        if response.head.status >= 400:
            raise self._daemon_error(response, target)
        return response

    def _respond(self, connection: Connection, head: ResponseHead, method: str) -> Response:
        return Response(head, connection.body(head, method), connection)

    def _finish(self, response: Response) -> Response:
        """Read the whole body and keep the connection for the next request, if both sides allow it."""
        data = response.read()
        if response.head.headers.get("connection", "").lower() != "close" and self._idle is None:
            self._idle = response.connection
        else:
            response.connection.close()
        response.blocks = iter((data,))
        return response

    def _read_head(self, connection: Connection, method: str, target: str) -> ResponseHead:
        try:
            return connection.read_head()
        except OSError as exc:
            connection.close()
            detail = str(exc) if isinstance(exc, ProtocolError) else f"read: {(exc.strerror or '').lower()}"
            raise connection_lost(self.endpoint, method, target, detail) from exc

    def _idle_connection(self) -> Connection | None:
        """The kept connection, unless the engine has closed it meanwhile."""
        connection, self._idle = self._idle, None
        if connection is None:
            return None
        try:
            connection.sock.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return connection
        except OSError:
            pass
        connection.close()
        return None

    def _connect(self, method: str, target: str) -> Connection:
        try:
            return Connection(connect(self.endpoint))
        except (ConnectionRefusedError, FileNotFoundError) as exc:
            sock = self._on_refused(self.endpoint) if self._on_refused else None
            if sock is None:
                raise connection_failed(self.endpoint, method, target, exc) from exc
            return Connection(sock)
        except OSError as exc:
            raise connection_failed(self.endpoint, method, target, exc) from exc

    def _request_headers(self, fields: dict[str, str]) -> dict[str, str]:
        host = "api.moby.localhost" if self.endpoint.scheme == "unix" else self.endpoint.url_host
        return {"Host": host, **self._headers, **fields}

    def _daemon_error(self, response: Response, target: str) -> DaemonError:
        status = response.head.status
        body = b""
        for block in response.blocks:
            body += block
            if len(body) > _ERROR_BODY_LIMIT:
                break
        response.close()
        return daemon_error(status, response.head, body, f"http://{self.endpoint.url_host}{target}")


def _say(connection: Connection, message: bytes) -> None:
    """Send it; whoever does not listen any more has answered already, or ended, which reading will tell."""
    try:
        connection.sock.sendall(message)
    except ConnectionError:
        pass


class DaemonUpgradeError(DaemonError):
    """The engine refused to hand the connection over."""

    def __init__(self, status: int) -> None:
        super().__init__(status, "")
        self.message = f"unable to upgrade to tcp, received {status}"


def daemon_error(status: int, head: ResponseHead, body: bytes, url: str) -> DaemonError:
    """The error in an answer, in the words of Docker's client."""
    if not body:
        error = DaemonError(status, "")
        error.message = (
            f"request returned {status} {head.reason} for API route and version {url}, "
            "check if the server supports the requested API version"
        )
        return error
    if head.headers.get("content-type", "").partition(";")[0] == "application/json":
        try:
            message = loads(body).get("message") or ""
        except (ValueError, AttributeError):
            message = body.decode("utf-8", "replace")
        no_message = f"API returned a {status} ({head.reason}) but provided no error-message"
        return DaemonError(status, message.strip() or no_message)
    return DaemonError(status, body.decode("utf-8", "replace").strip())


def connect(endpoint: Endpoint) -> _socket.socket:
    """A connected stream socket. Raises OSError."""
    if endpoint.scheme == "unix":
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            sock.connect(endpoint.path)
        except OSError:
            sock.close()
            raise
        return sock
    if endpoint.scheme == "ssh":
        from scow.api.client.ssh import connect_by_ssh

        return connect_by_ssh(endpoint)
    import socket

    sock = socket.create_connection((endpoint.host, endpoint.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if endpoint.tls is not None:
        from scow.api.client.tls import tunnel

        return tunnel(sock, endpoint.tls, endpoint.host)
    return sock


def version_key(version: str) -> tuple[int, ...]:
    """An API version as numbers, so that 1.9 is older than 1.24."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def object_path(kind: str, ref: str, *rest: str) -> str:
    """``/containers/<ref>/start``. Raises InvalidArgumentError for an empty reference, in Docker's words."""
    ref = ref.strip()
    if not ref:
        raise InvalidArgumentError(f"invalid {kind} name or ID: value is empty")
    # Names come with a slash from inspect; a server redirects a path with two of them.
    ref = ref.removeprefix("/") if kind == "container" else ref
    return "/".join(("", kind + "s", ref, *rest))
