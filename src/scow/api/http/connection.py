"""One client's connection: requests one after the other, each answered before the next is read.

    HEAD      idle, or part of a head is here
    BUSY      a handler runs; bytes go to its body, what follows the body waits for the next turn
    HIJACKED  bytes go to the taker of the connection
    LINGER    answered, our side shut down; what still comes is dropped until the client ends too
    CLOSED    gone

A client that goes away cancels its handler at once, unless the handler must finish. Works over any
``asyncio.Transport``; only half-close and keepalive look at the socket below, if there is one.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from scow.api.http.answer import (
    CONTINUE,
    LAST_CHUNK,
    Answer,
    DateLine,
    Full,
    Hijack,
    Stream,
    encode_chunk,
    encode_head,
    end_items,
)
from scow.api.http.body import Body
from scow.api.http.body_framing import BadBodyError, BodyDecoder, ChunkedDecoder, LengthDecoder
from scow.api.http.duplex import Duplex
from scow.api.http.hangups import HangupWatcher, has_hung_up
from scow.api.http.head import MAX_HEAD_BYTES, Head, RefusedError, parse_head
from scow.api.http.inflow import HIGH_BYTES, Inflow
from scow.api.http.request import Request
from scow.tasks import TaskOwner

WRITE_HIGH_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 30.0
"""For a head from its first byte to its last; an idle connection has no limit."""
LINGER_S = 2.0
"""How long a client may take to notice that it has been answered, and end its side."""

_log = logging.getLogger(__name__)


class App(Protocol):
    """What answers requests. ``headers`` go with every answer, refusals included.

    Called once a request; must not raise but for cancellation. ``refuse`` words an error that HTTP itself
    found.
    """

    @property
    def headers(self) -> dict[str, str]: ...

    async def __call__(self, request: Request) -> Answer: ...

    def refuse(self, error: RefusedError) -> Full: ...


class Shared:
    """What the connections of one server have in common."""

    def __init__(self, app: App, tasks: TaskOwner, on_activity: Callable[[bool], None]) -> None:
        self.app = app
        self.tasks = tasks
        self.hangups = HangupWatcher()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.header_lines = "".join(f"{name}: {value}\r\n" for name, value in app.headers.items())
        self.date_line = DateLine()
        self._on_activity = on_activity
        self._in_progress = 0

    @property
    def in_progress(self) -> int:
        """Requests being handled, hijacked connections included."""
        return self._in_progress

    def begin(self) -> None:
        self._in_progress += 1
        if self._in_progress == 1:
            self._on_activity(True)

    def end(self) -> None:
        self._in_progress -= 1
        if self._in_progress == 0:
            self._on_activity(False)


class _State(Enum):
    HEAD = 1
    BUSY = 2
    HIJACKED = 3
    LINGER = 4
    CLOSED = 5


class Connection(asyncio.Protocol):
    """The server's end of one client's connection."""

    __slots__ = (
        "_buffer", "_decoder", "_duplex", "_eof", "_fd", "_inflow", "_request", "_shared", "_state", "_task",
        "_timer", "_transport", "_writable", "long_lived",
    )  # fmt: skip

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._state = _State.HEAD
        self._buffer = bytearray()
        self._decoder: BodyDecoder | None = None
        self._inflow: Inflow | None = None
        self._duplex: Duplex | None = None
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None
        self._eof = False
        self._fd = -1
        self.long_lived = False
        """Whether a stream or a hijacked connection is being served: it has no end of its own."""

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            self._fd = sock.fileno()
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                # asyncio does so only for sockets made with the protocol's number, which accept(2) does not.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._shared.connections.add(self)

    def data_received(self, data: bytes) -> None:
        match self._state:
            case _State.HEAD:
                self._read_head(data)
            case _State.BUSY:
                self._read_body(data)
            case _State.HIJACKED if self._inflow is not None:
                self._inflow.feed(data)

    def eof_received(self) -> bool:
        """True keeps our sending side open."""
        self._eof = True
        match self._state:
            case _State.HIJACKED if self._inflow is not None:
                self._inflow.end()
                self._watch_hangup()
                return True
            case _State.BUSY:
                return self._eof_while_busy()
        return False

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _State.CLOSED
        self._stop_timer()
        self._shared.connections.discard(self)
        if self._fd >= 0:
            self._shared.hangups.forget(self._fd)
        self.resume_writing()
        if self._inflow is not None:
            self._inflow.end(BadBodyError("unexpected EOF"))
        if self._duplex is not None:
            self._duplex.mark_closed()
        self._cancel_handler()

    # Reading requests

    def _read_head(self, data: bytes) -> None:
        """Take one head out of what is here; the rest belongs to whoever comes next."""
        if self._buffer:
            searched = max(len(self._buffer) - 3, 0)
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n", searched)
            if end < 0:
                return self._await_head(len(self._buffer))
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            # RFC 9112, 2.2: empty lines before a request are to be ignored.
            data = data.lstrip(b"\r\n") if data[:1] in (b"\r", b"\n") else data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer += data
                return self._await_head(len(data))
        self._stop_timer()
        end += 4
        try:
            if end > MAX_HEAD_BYTES:
                raise RefusedError(431, "request header fields too large")
            head = parse_head(data[:end])
        except RefusedError as exc:
            return self._refuse(exc)
        self._begin(head, data[end:])
        return None

    def _await_head(self, size: int) -> None:
        if size > MAX_HEAD_BYTES:
            self._refuse(RefusedError(431, "request header fields too large"))
        elif size and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HEAD_TIMEOUT_S, self._head_timed_out)

    def _head_timed_out(self) -> None:
        self._refuse(RefusedError(408, f"no complete request head within {HEAD_TIMEOUT_S:g} s"))

    def _begin(self, head: Head, rest: bytes) -> None:
        self._state = _State.BUSY
        body = self._prepare_body(head)
        request = self._request = Request(head, body)
        self._shared.begin()
        if rest:
            self._read_body(rest)
        self._task = self._shared.tasks.start(self._serve(request), name=head.method)

    def _prepare_body(self, head: Head) -> Body:
        length = head.content_length
        if length == 0:
            self._decoder = self._inflow = None
            return Body(None)
        self._decoder = ChunkedDecoder() if length is None else LengthDecoder(length)
        self._inflow = Inflow(self._transport)
        return Body(
            self._inflow,
            length=length,
            coding=head.headers.get("content-encoding", ""),
            on_first_read=self._send_continue if head.expects_continue and head.is_http_1_1 else None,
        )

    def _read_body(self, data: bytes) -> None:
        decoder, inflow = self._decoder, self._inflow
        if decoder is None or inflow is None or decoder.done:
            self._keep_for_later(data)
            return
        try:
            for piece in decoder.feed(data):
                inflow.feed(piece)
        except BadBodyError as exc:
            inflow.end(exc)
            self._decoder = None
            return
        if decoder.done:
            inflow.end()
            if decoder.rest:
                self._keep_for_later(decoder.rest)

    def _keep_for_later(self, data: bytes) -> None:
        """Bytes after the request: the next one, or the first of a connection about to be hijacked."""
        self._buffer += data
        if len(self._buffer) > HIGH_BYTES:
            self._transport.pause_reading()

    def _send_continue(self) -> None:
        if self._inflow is not None and not self._inflow.ended:
            self._transport.write(CONTINUE)

    # Clients that leave

    def _eof_while_busy(self) -> bool:
        """A client that has only shut down its sending side still waits for the answer.

        On TCP that cannot be told from one that is gone. As in Go's server, what may be cancelled is.
        """
        if self._inflow is not None:
            self._inflow.end(BadBodyError("unexpected EOF"))
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is None or sock.family != socket.AF_UNIX:
            self._cancel_handler()
            return True
        if has_hung_up(self._fd):
            self._transport.abort()
            return False
        self._watch_hangup()
        return True

    def _watch_hangup(self) -> None:
        if self._fd >= 0:
            self._shared.hangups.watch(self._fd, self._transport.abort)

    def _cancel_handler(self) -> None:
        if self._task is not None and self._request is not None and not self._request.must_finish:
            self._task.cancel()

    # Answering

    async def _serve(self, request: Request) -> None:
        started_s = time.perf_counter()
        status = 0
        try:
            answer = await self._shared.app(request)
            match answer:
                case Full():
                    status = answer.status
                    await self._send_full(request, answer)
                case Stream():
                    status = answer.status
                    await self._send_stream(request, answer)
                case Hijack():
                    status = 101 if request.head.upgrade else 200
                    await self._hand_over(request, answer)
        except ConnectionError:
            # Nobody is left to be answered, which connection_lost has dealt with.
            pass
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        finally:
            self._task = self._request = None
            self.long_lived = False
            self._shared.end()
            if _log.isEnabledFor(logging.DEBUG):
                spent_ms = (time.perf_counter() - started_s) * 1e3
                _log.debug("%s %s %d %.1f ms", request.method, request.head.target, status, spent_ms)

    def _may_keep(self, request: Request) -> bool:
        return request.head.keep_alive and request.body.complete and not (self._eof or self._shared.stopping)

    def _head_lines(self) -> str:
        return self._shared.header_lines + self._shared.date_line()

    async def _send_full(self, request: Request, answer: Full) -> None:
        keep = self._may_keep(request)
        fields = dict(answer.headers)
        body = answer.body
        if answer.status in (204, 304):
            body = b""
        else:
            if answer.content_type:
                fields["Content-Type"] = answer.content_type
            fields["Content-Length"] = str(len(body))
        _set_connection(fields, request, keep)
        head = encode_head(answer.status, self._head_lines(), fields)
        self._transport.write(head if request.method == "HEAD" else head + body)
        if self._writable is not None:
            await self._drain()
        self._finish(keep)

    async def _send_stream(self, request: Request, answer: Stream) -> None:
        chunked = request.head.is_http_1_1
        fields = {**answer.headers, "Content-Type": answer.content_type}
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
        keep = chunked and self._may_keep(request)
        _set_connection(fields, request, keep)
        self._transport.write(encode_head(answer.status, self._head_lines(), fields))
        self.long_lived = True
        items = aiter(answer.items)
        try:
            if request.method != "HEAD":
                async for item in items:
                    if item:
                        await self._write(encode_chunk(item) if chunked else item)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            _log.exception("%s %s failed in mid-answer", request.method, request.head.target)
            self._finish(False)
            return
        finally:
            await end_items(items)
        if chunked and request.method != "HEAD":
            self._transport.write(LAST_CHUNK)
        await self._drain()
        self._finish(keep and self._may_keep(request))

    async def _hand_over(self, request: Request, answer: Hijack) -> None:
        """What came after the head, or after the body if there was one, is the first input of the taker."""
        request.must_finish = False
        if request.head.upgrade:
            fields = {"Content-Type": answer.upgrade_type, "Connection": "Upgrade", "Upgrade": "tcp"}
        else:
            fields = {"Content-Type": answer.plain_type}
        inflow = self._inflow = Inflow(self._transport)
        duplex = self._duplex = Duplex(inflow, self._write)
        self._decoder = None
        self._state = _State.HIJACKED if self._state is _State.BUSY else self._state
        self._transport.resume_reading()
        inflow.feed(bytes(self._buffer))
        self._buffer.clear()
        if self._eof:
            inflow.end()
        self._transport.write(encode_head(101 if request.head.upgrade else 200, self._head_lines(), fields))
        self.long_lived = True
        await self._flush()
        await answer.run(duplex)
        await self._drain()
        self._finish(False)

    async def _write(self, data: bytes) -> None:
        """Send; waits while the client does not take it. Raises ConnectionError when it is gone."""
        if self._state is _State.CLOSED or self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)
        if self._writable is not None:
            await self._drain()

    async def _drain(self) -> None:
        if self._writable is not None:
            await self._writable
        if self._state is _State.CLOSED:
            raise ConnectionResetError("the client is gone")

    async def _flush(self) -> None:
        """Until the last byte has been given to the kernel."""
        if not self._transport.get_write_buffer_size():
            return
        self._transport.set_write_buffer_limits(high=0)
        await self._drain()
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)

    # Between answers

    def _finish(self, keep: bool) -> None:
        """The answer is out: go on to the next request, or end the connection."""
        if self._state is _State.CLOSED:
            return
        if keep:
            self._state = _State.HEAD
            self._decoder = self._inflow = None
            self._transport.resume_reading()
            if self._buffer:
                waiting = bytes(self._buffer)
                self._buffer.clear()
                self._read_head(waiting)
            return
        if self._eof or not self._transport.can_write_eof():
            self._transport.close()
            return
        # Closing now would reset the connection under a client that is still sending, and the end of the
        # answer could be lost to it.
        self._state = _State.LINGER
        self._inflow = None
        self._buffer.clear()
        self._transport.resume_reading()
        self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)

    def _refuse(self, error: RefusedError) -> None:
        """Answer without the application, and hang up."""
        self._stop_timer()
        answer = self._shared.app.refuse(error)
        fields = {
            **answer.headers,
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
        }
        self._transport.write(encode_head(answer.status, self._head_lines(), fields) + answer.body)
        _log.debug("refused a request: %d %s", error.status, error.message)
        self._finish(False)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """The server stops: end now if idle or endless, otherwise after the answer."""
        if self._state in (_State.HEAD, _State.LINGER):
            self._transport.close()
        elif self.long_lived:
            self._cancel_handler()

    def abort(self) -> None:
        """End now, whatever is going on; ``must_finish`` handlers too."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()


def _set_connection(fields: dict[str, str], request: Request, keep: bool) -> None:
    """Say what differs from the client's version's habit."""
    if request.head.is_http_1_1:
        if not keep:
            fields["Connection"] = "close"
    elif keep:
        fields["Connection"] = "keep-alive"
