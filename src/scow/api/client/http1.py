"""HTTP/1.1 framing by hand: request heads out, response heads and bodies in.

A ``Connection`` owns one socket and what was read from it beyond the last answer. Bodies are generators
of byte blocks; when one is exhausted the connection is at the start of the next answer.
"""

from scow.api.client.chunked import ChunkDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Iterator, Mapping

_READ_SIZE = 256 * 1024
_HEAD_LIMIT = 1 << 20
"""Bytes of a response head; Go's default limit for servers is the same."""


class ProtocolError(OSError):
    """The other side does not speak HTTP, or stopped in the middle of it."""


class ResponseHead:
    """Status line and headers; header names are lower case, the last of equal ones counts."""

    __slots__ = ("headers", "reason", "status")

    def __init__(self, status: int, reason: str, headers: dict[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers


def encode_request_head(method: str, target: str, headers: "Mapping[str, str]") -> bytes:
    """The request line and headers with the empty line that ends them."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def parse_response_head(text: str) -> ResponseHead:
    """Read a head without its final empty line. Raises ProtocolError."""
    status_line, *lines = text.split("\r\n")
    protocol, _, rest = status_line.partition(" ")
    code, _, reason = rest.partition(" ")
    if not protocol.startswith("HTTP/1.") or not code.isdecimal():
        raise ProtocolError(f"malformed HTTP response {status_line[:60]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return ResponseHead(int(code), reason, headers)


class Connection:
    """A socket with a read buffer."""

    def __init__(self, sock: "_socket.socket") -> None:
        self.sock = sock
        self._buffer = b""

    def read_head(self) -> ResponseHead:
        """The next response head; interim 1xx answers other than 101 are skipped."""
        while True:
            head = parse_response_head(self._read_until(b"\r\n\r\n").decode("latin-1"))
            if head.status >= 200 or head.status == 101:
                return head

    def read_some(self, limit: int = _READ_SIZE) -> bytes:
        """Up to ``limit`` bytes, b"" at the end; blocks only when nothing is buffered."""
        if self._buffer:
            data, self._buffer = self._buffer[:limit], self._buffer[limit:]
            return data
        return self.sock.recv(limit)

    def take_buffer(self) -> bytes:
        """Bytes that came behind the head, for a connection that is hijacked."""
        data, self._buffer = self._buffer, b""
        return data

    def close(self) -> None:
        self.sock.close()

    def body(self, head: ResponseHead, method: str) -> "Iterator[bytes]":
        """The blocks of the answer's body."""
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            return iter(())
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked_body()
        length = head.headers.get("content-length")
        return self._body_to_end() if length is None else self._counted_body(int(length))

    def _read_until(self, mark: bytes) -> bytes:
        buffer = self._buffer
        while (end := buffer.find(mark)) < 0:
            if len(buffer) > _HEAD_LIMIT:
                raise ProtocolError("the response head is too long")
            more = self.sock.recv(_READ_SIZE)
            if not more:
                raise ProtocolError("unexpected EOF" if buffer else "EOF")
            buffer += more
        self._buffer = buffer[end + len(mark) :]
        return buffer[:end]

    def _counted_body(self, remaining: int) -> "Iterator[bytes]":
        while remaining:
            data = self.read_some(min(remaining, _READ_SIZE))
            if not data:
                raise ProtocolError("unexpected EOF")
            remaining -= len(data)
            yield data

    def _body_to_end(self) -> "Iterator[bytes]":
        while data := self.read_some():
            yield data

    def _chunked_body(self) -> "Iterator[bytes]":
        decoder = ChunkDecoder()
        while not decoder.done:
            data = self.read_some()
            if not data:
                raise ProtocolError("unexpected EOF")
            try:
                content = decoder.feed(data)
            except ValueError:
                raise ProtocolError("malformed chunked encoding") from None
            if decoder.done:  # before the caller gets the last block, and may start another request
                self._buffer = decoder.rest + self._buffer
            if content:
                yield content
