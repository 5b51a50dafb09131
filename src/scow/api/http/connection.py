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
from enum import Enum

from scow.api.http.answer import Answer, Full, Hijack, Stream
from scow.api.http.application import Shared
from scow.api.http.body import Body
from scow.api.http.body_framing import BadBodyError, BodyDecoder, ChunkedDecoder, LengthDecoder
from scow.api.http.detached_body import DetachedBody
from scow.api.http.duplex import Duplex
from scow.api.http.hangups import has_hung_up
from scow.api.http.head import (
    HTTP_2_PREFACE,
    MAX_HEAD_BYTES,
    Head,
    RefusedError,
    http_2_head,
    parse_head,
)
from scow.api.http.inflow import HIGH_BYTES, Inflow
from scow.api.http.outflow import Outflow
from scow.api.http.query import loggable_target
from scow.api.http.request import Request

HEAD_TIMEOUT_S = 30.0
"""For a head from its first byte to its last; an idle connection has no limit."""
LAST_INPUT_S = 1.0
"""How long the taker of a connection may read on what the client sent before it left."""
LINGER_S = 2.0
"""How long a client may take to notice that it has been answered, and end its side."""

_log = logging.getLogger(__name__)


class _State(Enum):
    HEAD = 1
    BUSY = 2
    HIJACKED = 3
    LINGER = 4
    CLOSED = 5


class Connection(asyncio.Protocol):
    """The server's end of one client's connection: its state, its reading half, and when it ends."""

    __slots__ = (
        "_buffer", "_decoder", "_duplex", "_eof", "_fd", "_inflow", "_outflow", "_request", "_shared",
        "_state", "_task", "_timer", "_transport", "long_lived",
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
        self._eof = False
        self._fd = -1
        self.long_lived = False
        """Whether a stream or a hijacked connection is being served: it has no end of its own."""

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outflow = Outflow(transport, self._shared.head_lines)
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
        self._outflow.pause()

    def resume_writing(self) -> None:
        self._outflow.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _State.CLOSED
        self._stop_timer()
        self._shared.connections.discard(self)
        if self._fd >= 0:
            self._shared.hangups.forget(self._fd)
        self._outflow.close()
        if self._duplex is None:
            if self._inflow is not None:
                self._inflow.end(BadBodyError("unexpected EOF"))
            self._cancel_handler()
        else:
            self._end_takeover(self._duplex)

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
        if data.startswith(HTTP_2_PREFACE):
            return self._begin(http_2_head(), data)
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
            detach=self._detach_body,
        )

    def _detach_body(self) -> DetachedBody | None:
        """Of a unix socket: what it has is the body as it is, and never encrypted."""
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        decoder, inflow = self._decoder, self._inflow
        if decoder is None or inflow is None or sock is None or sock.family != socket.AF_UNIX:
            return None
        if self._transport.is_closing():
            return None

        def give_back() -> None:
            if decoder.done:
                inflow.end()
                if decoder.rest:
                    self._keep_for_later(decoder.rest)
            self._transport.resume_reading()

        self._transport.pause_reading()
        return DetachedBody(sock.dup(), decoder, inflow.take(), give_back)

    def _read_body(self, data: bytes) -> None:
        decoder, inflow = self._decoder, self._inflow
        if decoder is None or inflow is None or decoder.done:
            self._keep_for_later(data)
            return
        try:
            inflow.feed(decoder.feed(data))
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
            self._outflow.send_continue()

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

    def _end_takeover(self, duplex: Duplex) -> None:
        """What the client sent before it left is still meant: the taker may read that, but not for long."""

        def gone() -> None:
            self._stop_timer()
            duplex.mark_closed()
            self._cancel_handler()

        if duplex.end_input(gone):
            self._timer = asyncio.get_running_loop().call_later(LAST_INPUT_S, gone)
        else:
            gone()

    def _cancel_handler(self) -> None:
        if self._task is not None and self._request is not None and not self._request.must_finish:
            self._task.cancel()

    # Answering

    async def _serve(self, request: Request) -> None:
        # Not in _begin: a task that is cancelled before its first step never gets to its finally.
        self._shared.begin()
        started_s = time.perf_counter()
        status, keep = 0, False
        try:
            answer = await self._shared.app(request)
            status = 101 if isinstance(answer, Hijack) else answer.status
            keep = await self._send(request, answer)
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        except Exception:
            _log.exception("%s %s failed in mid-answer", request.method, loggable_target(request.head.target))
        finally:
            self._task = self._request = self._duplex = None
            self.long_lived = False
            self._stop_timer()
            self._shared.end()
            if _log.isEnabledFor(logging.DEBUG):
                spent_ms = (time.perf_counter() - started_s) * 1e3
                target = loggable_target(request.head.target)
                _log.debug("%s %s %d %.1f ms", request.method, target, status, spent_ms)
        self._finish(keep)

    async def _send(self, request: Request, answer: Answer) -> bool:
        """Send ``answer`` to its end. Whether the connection can take another request then."""
        match answer:
            case Full():
                keep = self._may_keep(request)
                await self._outflow.send_full(request, answer, keep=keep)
            case Stream():
                self.long_lived = True
                keep = self._may_keep(request) and request.head.is_http_1_1
                await self._outflow.send_stream(request, answer, keep=keep)
            case Hijack():
                self.long_lived = True
                keep = False
                await self._hand_over(request, answer)
        return keep and self._may_keep(request)

    def _may_keep(self, request: Request) -> bool:
        return request.head.keep_alive and request.body.complete and not (self._eof or self._shared.stopping)

    async def _hand_over(self, request: Request, answer: Hijack) -> None:
        """What came after the head, or after the body if there was one, is the first input of the taker."""
        request.must_finish = False
        inflow = self._inflow = Inflow(self._transport)
        duplex = self._duplex = Duplex(inflow, self._outflow.write)
        self._decoder = None
        inflow.feed(bytes(self._buffer))
        self._buffer.clear()
        if self._state is _State.CLOSED:
            duplex.mark_closed()
        else:
            self._state = _State.HIJACKED
            self._transport.resume_reading()
        if self._eof:
            inflow.end()
        if not request.head.is_http_2:
            await self._outflow.send_hijack_head(request, answer)
        await answer.run(duplex)
        await self._outflow.drain()

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
        self._outflow.send_refusal(self._shared.app.refuse(error))
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
