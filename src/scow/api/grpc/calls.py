"""Messages on a stream: each behind five bytes that say its length (gRPC over HTTP/2).

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import base64
import binascii
import struct
from collections import deque

from scow.api.grpc.http2 import Stream
from scow.api.grpc.status import CallError, Code

MAX_MESSAGE_BYTES = 16 << 20
"""What BuildKit's own ends accept."""
_PREFIX = struct.Struct(">BI")
"""Whether a message is compressed, and its length."""
CONTENT_TYPE = "application/grpc"


class Messages:
    """Both directions of one call, in whole messages."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._wanted = _PREFIX.size
        """So many bytes have to be there for one more message."""
        self._whole: deque[bytes] = deque()

    async def send(self, *messages: bytes) -> None:
        """One after the other. Raises StreamClosedError."""
        await self._stream.send(b"".join(_PREFIX.pack(0, len(it)) + it for it in messages))

    async def receive(self) -> bytes | None:
        """The next message, None after the last. Raises CallError for what is none, StreamClosedError."""
        if not self._whole:
            self._whole.extend(await self.receive_some())
        return self._whole.popleft() if self._whole else None

    async def receive_some(self) -> list[bytes]:
        """All messages that are here now, one at least; none after the last. Raises what ``receive`` does."""
        if self._whole:
            found = list(self._whole)
            self._whole.clear()
            return found
        while not (found := self._take()):
            piece = await self._stream.receive()
            if not piece:
                if self._buffer:
                    raise CallError(Code.INTERNAL, "the stream ended in the middle of a message")
                return []
            self._buffer += piece
        return found

    def _take(self) -> list[bytes]:
        """The whole messages that the buffer begins with. Raises CallError if the first is none."""
        found: list[bytes] = []
        position, end = 0, len(self._buffer)
        if end < self._wanted:
            return found
        self._wanted = _PREFIX.size
        with memoryview(self._buffer) as view:
            while (begin := position + _PREFIX.size) <= end:
                compressed, size = _PREFIX.unpack_from(view, position)
                if compressed or size > MAX_MESSAGE_BYTES:
                    if not found:
                        raise _refusal(compressed, size)
                    break
                if end < begin + size:
                    self._wanted = _PREFIX.size + size
                    break
                found.append(bytes(view[begin : begin + size]))
                position = begin + size
        del self._buffer[:position]
        return found


def _refusal(compressed: int, size: int) -> CallError:
    if compressed:
        return CallError(Code.UNIMPLEMENTED, "compressed messages are not supported")
    return CallError(
        Code.RESOURCE_EXHAUSTED, f"received message larger than max ({size} vs. {MAX_MESSAGE_BYTES})"
    )


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
