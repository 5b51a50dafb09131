"""Request heads: one block of bytes up to and with the empty line becomes a value, or a refusal.

llhttp judges the grammar (strictly: no folded lines, no bare line feeds, no conflicting lengths). A head
is given to it alone, never with the bytes that follow: those may be a body, the next request, or, when
the connection is hijacked, none of HTTP's business.
"""

from dataclasses import dataclass, field

import httptools

from scow.errors import ScowError

MAX_HEAD_BYTES = 256 * 1024
"""Room for a target and a few registry credentials; Go's server takes 1 MiB."""
MAX_TARGET_BYTES = 128 * 1024
"""Classic builds carry their arguments and labels in the query."""
MAX_HEADERS = 256


HTTP_2_PREFACE = b"PRI * HTTP/2.0\r\n\r\n"
"""How a client begins that speaks HTTP/2 without having asked (RFC 9113, 3.3): as BuildKit's do."""


class RefusedError(ScowError):
    """A request that cannot be handed to the application; answered with ``status``, then hung up."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Head:
    """A request without its body. Header names are in lower case; repeated ones are joined by commas."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_http_1_1: bool = True
    is_http_2: bool = False
    """The client speaks HTTP/2 already: it waits for no answer to this."""

    @property
    def chunked(self) -> bool:
        return "transfer-encoding" in self.headers

    @property
    def content_length(self) -> int | None:
        """Bytes of the body, None when that is not known beforehand."""
        if self.chunked:
            return None
        return int(self.headers.get("content-length") or 0)

    @property
    def upgrade(self) -> str:
        """The protocol that the client wants to change to, or nothing."""
        return self.headers.get("upgrade", "")

    @property
    def keep_alive(self) -> bool:
        wanted = self.headers.get("connection", "").lower()
        return "close" not in wanted if self.is_http_1_1 else "keep-alive" in wanted

    @property
    def expects_continue(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"


class _Collector:
    """Callbacks of one parse."""

    __slots__ = ("count", "head", "parser", "target")

    def __init__(self) -> None:
        self.head = Head()
        self.target = b""
        self.count = 0

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count += 1
        if self.count > MAX_HEADERS:
            raise RefusedError(431, "too many header fields")
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        headers = self.head.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text


def http_2_head() -> Head:
    """What a client that begins with HTTP/2 means: the one service that is spoken so here."""
    return Head("POST", "/grpc", {"connection": "upgrade", "upgrade": "h2c"}, is_http_2=True)


def parse_head(data: bytes) -> Head:
    """Read ``data``, which ends with the empty line. Raises RefusedError."""
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserCallbackError as exc:
        if isinstance(exc.__context__, RefusedError):
            raise exc.__context__ from None
        raise RefusedError(400, f"malformed HTTP request: {exc}") from exc
    except httptools.HttpParserError as exc:
        raise RefusedError(400, f"malformed HTTP request: {exc}") from exc
    head = collector.head
    if not collector.target:
        raise RefusedError(400, "malformed HTTP request: incomplete head")
    if len(collector.target) > MAX_TARGET_BYTES:
        raise RefusedError(414, "request target too long")
    head.method = parser.get_method().decode("ascii")
    head.target = collector.target.decode("latin-1")
    version = parser.get_http_version()
    if version not in ("1.0", "1.1"):
        raise RefusedError(505, f"unsupported version: HTTP/{version}")
    head.is_http_1_1 = version == "1.1"
    _check_framing(head)
    return head


def _check_framing(head: Head) -> None:
    coding = head.headers.get("transfer-encoding")
    if coding is not None and (coding.lower() != "chunked" or not head.is_http_1_1):
        raise RefusedError(501, f'unsupported transfer encoding: "{coding}"')
    length = head.headers.get("content-length")
    if length and not (length.isascii() and length.isdecimal()):
        raise RefusedError(400, f'bad Content-Length "{length}"')
    expectation = head.headers.get("expect", "")
    if expectation and not head.expects_continue:
        raise RefusedError(417, f'unsupported expectation: "{expectation}"')
