"""HTTP/2 on a connection that was given away, as server or as client: streams with flow control.

h2 knows the protocol (RFC 9113) and does no I/O; here bytes are moved, and whoever reads or writes a stream
waits for the other side. What a peer may send ahead is bounded by the windows that it is given; what waits
for one that does not read is bounded whatever windows it gives.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from scow.api.grpc.joined_frames import FrameJoiner
from scow.tasks import TaskOwner

# It tells every header twice over at this level, and writes bytes out in hexadecimal for it.
logging.getLogger("hpack").setLevel(logging.WARNING)

STREAM_WINDOW_BYTES = 1 << 20
"""How much of a stream may lie here unread."""
_CONNECTION_WINDOW_BYTES = 8 << 20
_FRAME_BYTES = 256 * 1024
_MAX_UNSENT_BYTES = 1 << 20
"""How much of all streams may wait for the connection below."""
_MAX_UNANSWERED_BYTES = 2 * _CONNECTION_WINDOW_BYTES
"""How much is read while nothing goes out. A peer that keeps to its windows sends less."""
_MAX_STREAMS = 256
_PREFACE_BYTES = 24
"""What a client begins with; RFC 9113, section 3.4."""

_SETTINGS: dict[h2.settings.SettingCodes | int, int] = {
    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
    h2.settings.SettingCodes.MAX_FRAME_SIZE: _FRAME_BYTES,
    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: _MAX_STREAMS,
}

Headers = Iterable[tuple[str, str]]


class ByteStream(Protocol):
    """The connection below."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class StreamClosedError(ConnectionError):
    """The peer has given the stream up, or is gone."""


class Stream:
    """One stream; for one reader and one writer at a time."""

    def __init__(self, connection: "Connection", number: int) -> None:
        self._connection = connection
        self._number = number
        self._pieces: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._error: StreamClosedError | None = None
        self.window = asyncio.Event()
        self.headers: dict[str, str] | None = None
        self.trailers: dict[str, str] = {}
        self.on_reset: Callable[[], object] | None = None

    async def wait_headers(self) -> dict[str, str]:
        """What the peer answered with. Raises StreamClosedError."""
        while self.headers is None:
            await self._wait()
        return self.headers

    async def receive(self) -> bytes:
        """The next bytes, b"" after the last. Raises StreamClosedError."""
        while not self._pieces:
            if self._ended:
                return b""
            await self._wait()
        piece = self._pieces.popleft()
        self._connection.taken(self._number, len(piece))
        return piece

    async def send(self, data: bytes) -> None:
        """Send all of ``data``, as the peer's windows allow. Raises StreamClosedError."""
        view = memoryview(data)
        while view:
            self._check()
            size = self._connection.may_send(self._number)
            if size <= 0:
                self.window.clear()
                await self.window.wait()
                continue
            if not self._connection.has_room:
                await self._connection.wait_room()
                continue
            self._connection.send_data(self._number, view[:size].tobytes())
            view = view[size:]

    def send_headers(self, headers: Headers, *, end: bool = False) -> None:
        """Headers, or trailers with ``end``. Raises StreamClosedError."""
        self._check()
        self._connection.send_headers(self._number, headers, end=end)

    def end(self) -> None:
        """Nothing more will be sent. No error if the stream is gone."""
        self._connection.end_stream(self._number)

    def reset(self) -> None:
        """Give the stream up. No error if it is gone."""
        self._connection.reset_stream(self._number)
        self.fail(StreamClosedError("the stream was given up"))

    # What the connection tells

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self._changed.set()

    def set_headers(self, headers: dict[str, str]) -> None:
        if self.headers is None:
            self.headers = headers
        else:
            self.trailers = headers
        self._changed.set()

    def finish(self) -> None:
        self._ended = True
        self._changed.set()

    def fail(self, error: StreamClosedError) -> None:
        if self._error is None:
            self._error = error
            self._changed.set()
            self.window.set()
            if self.on_reset is not None:
                self.on_reset()

    async def _wait(self) -> None:
        self._check()
        self._changed.clear()
        await self._changed.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


class Connection:
    """One end of an HTTP/2 connection. ``run`` must be running for anything to happen.

    ``accept`` is called as a task of its own for each stream that the peer opens; only clients open streams.
    """

    def __init__(
        self,
        below: ByteStream,
        *,
        client: bool,
        accept: Callable[[Stream], Awaitable[None]] | None = None,
    ) -> None:
        self._below = below
        self._accept = accept
        config = h2.config.H2Configuration(client_side=client, header_encoding="utf-8")
        self._protocol = h2.connection.H2Connection(config)
        self._joiner = FrameJoiner(0 if client else _PREFACE_BYTES)
        self._streams: dict[int, Stream] = {}
        self._unsent = asyncio.Event()
        self._unsent_bytes = 0
        """Of streams' data: what is being written below, and what comes after it."""
        self._unanswered_bytes = 0
        self._room = asyncio.Event()
        """Set at the end of each writing."""
        self._begin()
        self._closed = False
        self.closed = asyncio.Event()

    def _begin(self) -> None:
        """What comes before every stream."""
        self._protocol.initiate_connection()
        self._protocol.update_settings(_SETTINGS)
        self._protocol.increment_flow_control_window(_CONNECTION_WINDOW_BYTES)
        self._unsent.set()

    async def run(self) -> None:
        """Serve the connection until either side ends it. Streams that are open then fail."""
        try:
            async with TaskOwner("http2") as tasks:
                writer = tasks.start(self._write(), name="writer")
                await self._read(tasks)
                writer.cancel()
        finally:
            self._fail_all()

    def open(self, headers: Headers) -> Stream:
        """A new stream that begins with ``headers``. For a client. Raises StreamClosedError."""
        if self._closed:
            raise StreamClosedError("the connection is closed")
        try:
            number = self._protocol.get_next_available_stream_id()
            self._protocol.send_headers(number, list(headers))
        except h2.exceptions.H2Error as exc:
            raise StreamClosedError(str(exc)) from exc
        stream = self._streams[number] = Stream(self, number)
        self._unsent.set()
        return stream

    # For streams

    def may_send(self, number: int) -> int:
        """How many bytes the peer takes now. Raises StreamClosedError."""
        try:
            window = self._protocol.local_flow_control_window(number)
        except h2.exceptions.H2Error as exc:
            raise StreamClosedError(str(exc)) from exc
        return min(window, self._protocol.max_outbound_frame_size)

    @property
    def has_room(self) -> bool:
        """Whether more may be given to the connection now."""
        return self._unsent_bytes < _MAX_UNSENT_BYTES

    async def wait_room(self) -> None:
        """Until what waits has gone out. Raises StreamClosedError if the connection is closed."""
        if self._closed:
            raise StreamClosedError("the connection is closed")
        self._room.clear()
        await self._room.wait()

    def send_data(self, number: int, data: bytes) -> None:
        self._protocol.send_data(number, data)
        self._unsent_bytes += len(data)
        self._unsent.set()

    def send_headers(self, number: int, headers: Headers, *, end: bool) -> None:
        try:
            self._protocol.send_headers(number, list(headers), end_stream=end)
        except h2.exceptions.H2Error as exc:
            raise StreamClosedError(str(exc)) from exc
        self._unsent.set()

    def end_stream(self, number: int) -> None:
        try:
            self._protocol.end_stream(number)
        except h2.exceptions.H2Error:
            return
        self._unsent.set()

    def reset_stream(self, number: int) -> None:
        try:
            self._protocol.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.H2Error:
            return
        self._unsent.set()

    def taken(self, number: int, size: int) -> None:
        """The reader of a stream has taken so much: the peer may send as much again."""
        try:
            self._protocol.acknowledge_received_data(size, number)
        except h2.exceptions.H2Error:
            return
        self._unsent.set()

    # Bytes

    async def _read(self, tasks: TaskOwner) -> None:
        while data := await self._below.read():
            frames = self._joiner.join(data, self._protocol.max_inbound_frame_size)
            try:
                events = self._protocol.receive_data(frames)
            except h2.exceptions.H2Error:
                self._unsent.set()
                return
            for event in events:
                self._handle(event, tasks)
            self._unsent.set()
            self._unanswered_bytes += len(data)
            while self._unanswered_bytes > _MAX_UNANSWERED_BYTES and not self._closed:
                await self.wait_room()

    async def _write(self) -> None:
        while True:
            await self._unsent.wait()
            self._unsent.clear()
            self._unanswered_bytes = 0
            if data := self._protocol.data_to_send():
                going_bytes = self._unsent_bytes
                try:
                    await self._below.write(data)
                except ConnectionError:
                    self._fail_all()
                    return
                self._unsent_bytes -= going_bytes
            self._room.set()

    def _handle(self, event: h2.events.Event, tasks: TaskOwner) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=number, headers=headers):
                self._accepted(number, headers, tasks)
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                if stream := self._streams.get(event.stream_id):
                    stream.set_headers(_as_dict(event.headers))
            case h2.events.DataReceived():
                self._received(event)
            case h2.events.StreamEnded():
                if stream := self._streams.get(event.stream_id):
                    stream.finish()
            case h2.events.StreamReset():
                if stream := self._streams.pop(event.stream_id, None):
                    stream.fail(StreamClosedError("the peer has given the stream up"))
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                for stream in self._streams.values():
                    stream.window.set()
            case h2.events.ConnectionTerminated():
                self._fail_all()

    def _received(self, event: h2.events.DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        padding = event.flow_controlled_length - len(event.data)
        if stream is None:
            self.taken(event.stream_id, event.flow_controlled_length)
            return
        if padding:
            self.taken(event.stream_id, padding)
        if event.data:
            stream.feed(event.data)

    def _accepted(self, number: int, headers: Iterable[Any], tasks: TaskOwner) -> None:
        stream = self._streams[number] = Stream(self, number)
        stream.headers = _as_dict(headers)
        if self._accept is None:
            stream.reset()
            return
        task = tasks.start(self._serve(stream, self._accept), name=stream.headers.get(":path", ""))
        stream.on_reset = task.cancel

    async def _serve(self, stream: Stream, accept: Callable[[Stream], Awaitable[None]]) -> None:
        try:
            await accept(stream)
        except StreamClosedError:
            pass  # the peer does not want the answer any more
        finally:
            stream.on_reset = None
            self._streams.pop(stream._number, None)

    def _fail_all(self) -> None:
        self._closed = True
        self.closed.set()
        self._room.set()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(StreamClosedError("the connection is closed"))


def _as_dict(headers: Iterable[Any]) -> dict[str, str]:
    """Values of one name are joined, as HTTP joins them."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
