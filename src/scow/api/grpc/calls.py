"""Messages on a stream: each behind five bytes that say its length (gRPC over HTTP/2).

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import base64
import binascii

from scow.api.grpc.http2 import Stream
from scow.api.grpc.status import CallError, Code

MAX_MESSAGE_BYTES = 16 << 20
"""What BuildKit's own ends accept."""
_PREFIX_BYTES = 5
CONTENT_TYPE = "application/grpc"


class Messages:
    """Both directions of one call, in whole messages."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def send(self, message: bytes) -> None:
        """Raises StreamClosedError."""
        await self._stream.send(b"\0" + len(message).to_bytes(4, "big") + message)

    async def receive(self) -> bytes | None:
        """The next message, None after the last. Raises CallError for what is none, StreamClosedError."""
        if not await self._fill(_PREFIX_BYTES):
            return None
        if self._buffer[0]:
            raise CallError(Code.UNIMPLEMENTED, "compressed messages are not supported")
        size = int.from_bytes(self._buffer[1:_PREFIX_BYTES], "big")
        if size > MAX_MESSAGE_BYTES:
            raise CallError(
                Code.RESOURCE_EXHAUSTED,
                f"received message larger than max ({size} vs. {MAX_MESSAGE_BYTES})",
            )
        if not await self._fill(_PREFIX_BYTES + size):
            raise CallError(Code.INTERNAL, "the stream ended in the middle of a message")
        message = bytes(self._buffer[_PREFIX_BYTES : _PREFIX_BYTES + size])
        del self._buffer[: _PREFIX_BYTES + size]
        return message

    async def _fill(self, size: int) -> bool:
        """Have at least ``size`` bytes in the buffer; whether there are so many."""
        while len(self._buffer) < size:
            piece = await self._stream.receive()
            if not piece:
                return False
            self._buffer += piece
        return True


def encode_metadata(metadata: dict[str, str | tuple[str, ...]]) -> list[tuple[str, str]]:
    """Header lines; of a name with several values there are several lines."""
    lines: list[tuple[str, str]] = []
    for name, value in metadata.items():
        lines += [(name, one) for one in ((value,) if isinstance(value, str) else value)]
    return lines


def encode_binary(value: bytes) -> str:
    """The value of a header whose name ends with ``-bin``."""
    return base64.b64encode(value).decode().rstrip("=")


def decode_binary(value: str) -> bytes:
    """The other way round; b"" for what is none."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return b""
