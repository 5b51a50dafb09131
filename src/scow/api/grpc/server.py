"""Calls that come in: each path has a handler, and each call ends with a status."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from scow.api.grpc.calls import CONTENT_TYPE, Messages, encode_binary
from scow.api.grpc.http2 import ByteStream, Connection, Stream, StreamClosedError
from scow.api.grpc.status import CallError, Code, encode_message
from scow.spec.protobuf import Message, WireError

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)


class IncomingCall:
    """One call: what its client says, and what it is told."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._messages = Messages(stream)
        self._begun = False
        self.metadata: dict[str, str] = stream.headers or {}

    async def receive(self, kind: type[M]) -> M | None:
        """The next message, None after the last. Raises CallError for what is none."""
        data = await self._messages.receive()
        if data is None:
            return None
        try:
            return kind.decode(data)
        except WireError as exc:
            raise CallError(Code.INTERNAL, f"grpc: error unmarshalling request: {exc}") from exc

    async def send(self, message: Message) -> None:
        self.begin()
        await self._messages.send(message.encode())

    def begin(self, metadata: Mapping[str, str] | None = None) -> None:
        """Send the head of the answer now, before there is a message."""
        if not self._begun:
            self._begun = True
            lines = [(":status", "200"), ("content-type", CONTENT_TYPE), *(metadata or {}).items()]
            self._stream.send_headers(lines)

    def end(self, error: CallError | None) -> None:
        """Send the status; nothing goes after it."""
        self.begin()
        trailers = [("grpc-status", str(int(error.code) if error else 0))]
        if error is not None:
            trailers.append(("grpc-message", encode_message(error.message)))
            if error.details:
                trailers.append(("grpc-status-details-bin", encode_binary(error.status().encode())))
        self._stream.send_headers(trailers, end=True)


Handler = Callable[[IncomingCall], Awaitable[None]]


def unary(kind: type[M], function: Callable[[M, IncomingCall], Awaitable[Message]]) -> Handler:
    """A handler of calls with one message each way."""

    async def handle(call: IncomingCall) -> None:
        request = await call.receive(kind)
        if request is None:
            raise CallError(Code.INTERNAL, "the call has no message")
        await call.send(await function(request, call))

    return handle


async def serve(
    below: ByteStream, handlers: Mapping[str, Handler], *, as_error: Callable[[Exception], CallError]
) -> None:
    """Answer calls on a connection until it ends. ``as_error`` words what a handler raises."""

    async def accept(stream: Stream) -> None:
        call = IncomingCall(stream)
        path = call.metadata.get(":path", "")
        handler = handlers.get(path)
        error: CallError | None = None
        try:
            if handler is None:
                raise CallError(Code.UNIMPLEMENTED, f"unknown service or method {path}")
            await handler(call)
        except (StreamClosedError, asyncio.CancelledError):
            raise
        except CallError as exc:
            error = exc
        except Exception as exc:
            error = as_error(exc)
        call.end(error)

    await Connection(below, client=False, accept=accept).run()
