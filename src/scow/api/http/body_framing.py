"""Where a request body ends: by length, or by chunks. Bytes in, bytes out; no I/O."""

import re
from enum import Enum
from typing import Protocol

from scow.errors import InvalidArgumentError

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_MAX_LINE_BYTES = 4096
_MAX_TRAILER_BYTES = 16 * 1024


class BadBodyError(InvalidArgumentError):
    """The body breaks its own framing or coding; nothing after it can be understood."""


class BodyDecoder(Protocol):
    """Cuts a body out of the bytes that follow a head."""

    done: bool
    """Whether the body is complete."""
    rest: bytes
    """When done: what follows the body."""

    def feed(self, data: bytes) -> bytes:
        """What ``data`` has of the body. Raises BadBodyError. Not to be called when done."""


class LengthDecoder:
    """A body of ``length`` bytes, at least one."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        if len(data) < self._left:
            self._left -= len(data)
            return data
        self.done = True
        self.rest = data[self._left :]
        return data[: self._left]


class _State(Enum):
    SIZE = "chunk size"
    DATA = "chunk"
    DATA_END = "end of chunk"
    TRAILER = "trailer"


class ChunkedDecoder:
    """A chunked body (RFC 9112, 7.1). Extensions and trailers are checked, bounded and dropped."""

    def __init__(self) -> None:
        self._state = _State.SIZE
        self._left = 0
        self._partial_line = b""
        self._trailer_bytes = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        if self._state is _State.DATA and len(data) <= self._left:
            self._left -= len(data)
            if not self._left:
                self._state = _State.DATA_END
            return data
        data = self._partial_line + data
        self._partial_line = b""
        # Views: `docker cp` sends chunks for every small file, and what they hold is copied once, together.
        view = memoryview(data)
        return b"".join(self._pieces(data, view))

    def _pieces(self, data: bytes, view: memoryview) -> list[memoryview]:
        pieces: list[memoryview] = []
        position = 0
        while not self.done:
            if self._state is _State.DATA:
                piece = view[position : position + self._left]
                if not piece:
                    return pieces
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if self._left:
                    return pieces
                # Nearly always so; other ends of a chunk are judged as lines.
                ended = data.startswith(b"\r\n", position)
                self._state = _State.SIZE if ended else _State.DATA_END
                position += 2 if ended else 0
            end = data.find(b"\r\n", position)
            if end < 0:
                self._keep(data[position:])
                return pieces
            self._take_line(data[position:end])
            position = end + 2
        self.rest = data[position:]
        return pieces

    def _keep(self, partial: bytes) -> None:
        # After a chunk only CR LF may stand, so there is nothing to wait for when two bytes are here.
        limit = 1 if self._state is _State.DATA_END else _MAX_LINE_BYTES
        if len(partial) > limit:
            raise BadBodyError(f"malformed chunked encoding: bad {self._state.value}")
        self._partial_line = partial

    def _take_line(self, line: bytes) -> None:
        match self._state:
            case _State.SIZE:
                found = _SIZE.fullmatch(line) if len(line) <= _MAX_LINE_BYTES else None
                if found is None:
                    raise BadBodyError("malformed chunked encoding: bad chunk size")
                self._left = int(found[1], 16)
                self._state = _State.DATA if self._left else _State.TRAILER
            case _State.DATA_END:
                if line:
                    raise BadBodyError("malformed chunked encoding: bad end of chunk")
                self._state = _State.SIZE
            case _:
                self._trailer_bytes += len(line)
                if self._trailer_bytes > _MAX_TRAILER_BYTES:
                    raise BadBodyError("malformed chunked encoding: trailer too long")
                self.done = not line
