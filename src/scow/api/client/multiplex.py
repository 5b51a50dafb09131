"""Taking apart the framed stream of attach, exec and logs: ``[stream, 0, 0, 0, length:4]`` and the bytes.

Frames of one stream that lie next to each other come out joined, so that a million short lines cost a few
thousand writes.
"""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN, STDOUT, STDERR, SYSTEM_ERROR = range(4)
_HEADER = struct.Struct(">BxxxI")


class Demultiplexer:
    """Feed it blocks as they come; partial frames are passed on at once, only split headers wait."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = STDOUT
        self._remaining = 0

    def feed(self, block: bytes) -> "Iterator[tuple[int, bytes]]":
        """The (stream, bytes) runs in ``block``. Raises ValueError for a header that is none."""
        data = self._header + block
        view = memoryview(data)
        position, size = 0, len(data)
        unpack = _HEADER.unpack_from
        current, remaining = self._stream, self._remaining
        parts: list[memoryview] = []
        while True:
            if remaining:
                end = position + remaining
                if end > size:
                    parts.append(view[position:])
                    remaining = end - size
                    position = size
                    break
                parts.append(view[position:end])
                position = end
            if size - position < 8:
                remaining = 0
                break
            stream, remaining = unpack(data, position)
            position += 8
            if stream != current:
                if parts:
                    yield current, b"".join(parts)
                    parts = []
                if stream > SYSTEM_ERROR:
                    raise ValueError(f"Unrecognized input header: {stream}")
                current = stream
        self._stream, self._remaining = current, remaining
        self._header = data[position:]
        if parts:
            yield current, b"".join(parts)
