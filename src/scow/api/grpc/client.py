"""Calls that go out, over a connection whose other end serves them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from scow.api.grpc.calls import CONTENT_TYPE, Messages, decode_binary, encode_metadata
from scow.api.grpc.http2 import Connection, Stream, StreamClosedError
from scow.api.grpc.status import CallError, Code, StatusMessage, decode_message
from scow.spec.protobuf import Message, WireError

T = TypeVar("T")
M = TypeVar("M", bound=Message)

Metadata = dict[str, str | tuple[str, ...]]


class OutgoingCall:
    """One call: what its server is told, and what it says."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._messages = Messages(stream)

    async def send(self, *messages: Message) -> None:
        """One after the other. Raises CallError if the server has ended the call already, or is gone."""
        try:
            await self._messages.send(*(it.encode() for it in messages))
        except StreamClosedError as exc:
            raise await self._ending(exc) from exc

    async def metadata(self) -> dict[str, str]:
        """What the answer begins with. Raises CallError."""
        try:
            return await self._stream.wait_headers()
        except StreamClosedError as exc:
            raise await self._ending(exc) from exc

    def end(self) -> None:
        """Nothing more will be sent."""
        self._stream.end()

    def cancel(self) -> None:
        """Give the call up; no error if it has ended."""
        self._stream.reset()

    async def receive(self, kind: type[M]) -> M | None:
        """The next message, None when the call has ended well. Raises CallError when it has not."""
        data = await self._received(self._messages.receive)
        if data is None:
            self._check_status()
            return None
        return self.decoded(kind, data)

    async def receive_some(self) -> list[bytes]:
        """All messages that are here, one at least; none when the call has ended well. Raises CallError."""
        found = await self._received(self._messages.receive_some)
        if not found:
            self._check_status()
        return found

    async def _received(self, receive: Callable[[], Awaitable[T]]) -> T:
        try:
            headers = await self._stream.wait_headers()
            if "grpc-status" in headers:  # only a status, no messages
                self._stream.trailers = headers
            return await receive()
        except StreamClosedError as exc:
            raise await self._ending(exc) from exc

    def _check_status(self) -> None:
        if error := _error_of(self._stream.trailers):
            raise error

    def decoded(self, kind: type[M], data: bytes) -> M:
        """What a message says. Raises CallError, and gives the call up, if it says nothing of that kind."""
        try:
            return kind.decode(data)
        except WireError as exc:
            self.cancel()
            raise CallError(Code.INTERNAL, f"grpc: error unmarshalling response: {exc}") from exc

    async def _ending(self, closed: StreamClosedError) -> CallError:
        return _error_of(self._stream.trailers) or CallError(Code.UNAVAILABLE, str(closed))


class Channel:
    """The client's end of a connection. ``run`` of the connection must be running."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def is_closed(self) -> bool:
        return self._connection.closed.is_set()

    async def wait_closed(self) -> None:
        """Until the connection is gone."""
        await self._connection.closed.wait()

    def call(self, path: str, metadata: Metadata | None = None) -> OutgoingCall:
        """Begin a call of ``/service/method``. Raises CallError when the connection is gone."""
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", CONTENT_TYPE),
            *encode_metadata(metadata or {}),
        ]
        try:
            return OutgoingCall(self._connection.open(headers))
        except StreamClosedError as exc:
            raise CallError(Code.UNAVAILABLE, str(exc)) from exc

    async def ask(self, path: str, request: Message, kind: type[M], metadata: Metadata | None = None) -> M:
        """A call with one message each way. Raises CallError."""
        call = self.call(path, metadata)
        try:
            await call.send(request)
            call.end()
            answer = await call.receive(kind)
            if answer is None:
                raise CallError(Code.INTERNAL, f"{path} ended without an answer")
            await call.receive(kind)  # the status
        except BaseException:
            call.cancel()
            raise
        return answer


def _error_of(trailers: dict[str, str]) -> CallError | None:
    """What the status says; without any, the server has broken off."""
    status = trailers.get("grpc-status", "")
    if status == "0":
        return None
    code = int(status) if status.isdigit() else int(Code.UNKNOWN)
    message = decode_message(trailers.get("grpc-message", "the call ended without a status"))
    try:
        details = StatusMessage.decode(decode_binary(trailers.get("grpc-status-details-bin", ""))).details
    except WireError:
        details = ()
    return CallError(code, message, details)
