"""Frames of the WebSocket protocol (RFC 6455), as a server reads and writes them. Pure.

Payload is passed on as it comes, so that a frame of any length costs no memory; only control frames, which
have 125 bytes at most, are collected.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

NORMAL, PROTOCOL_ERROR = 1000, 1002
"""Status codes of a close frame (section 7.4.1)."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_MOST_CONTROL_BYTES = 125
_LONGEST_HEADER = 14


class FrameError(Exception):
    """The peer does not speak the protocol: answer with a close frame of PROTOCOL_ERROR."""


def accept_key(key: str) -> str:
    """The server's proof that it has read the client's ``Sec-WebSocket-Key``."""
    return base64.b64encode(hashlib.sha1(key.encode("latin-1", "replace") + _GUID).digest()).decode()


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame of a server's, which are never masked."""
    size = len(payload)
    first = bytes((_FINAL | opcode,))
    if size < 126:
        return b"%b%c%b" % (first, size, payload)
    if size < 1 << 16:
        return b"%b\x7e%b%b" % (first, size.to_bytes(2), payload)
    return b"%b\x7f%b%b" % (first, size.to_bytes(8), payload)


def encode_close(code: int) -> bytes:
    """A close frame with a status code."""
    return encode_frame(CLOSE, code.to_bytes(2))


@dataclass(frozen=True, slots=True)
class _Header:
    """The beginning of a frame (RFC 6455, section 5.2)."""

    opcode: int
    is_final: bool
    size: int
    mask: bytes
    header_size: int


class FrameDecoder:
    """Reads a client's frames from pieces of a stream."""

    def __init__(self) -> None:
        self._buffer = b""  # the beginning of a header, or of a control frame
        self._mask = b""
        self._left = 0  # of the payload of a data frame that has begun
        self._is_in_message = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Pieces of messages (``BINARY``, be they text or not) and whole control frames, in order.

        Raises ``FrameError``.
        """
        data = self._buffer + data
        self._buffer = b""
        position = 0
        while position < len(data):
            if self._left:
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                yield BINARY, self._unmask(piece)
                continue
            header = _parse_header(data[position : position + _LONGEST_HEADER])
            if header is None or (_is_control(header) and len(data) - position < _whole_size(header)):
                self._buffer = data[position:]
                return
            self._check_order(header)
            position += header.header_size
            self._mask = header.mask
            if _is_control(header):
                payload = data[position : position + header.size]
                position += header.size
                yield header.opcode, self._unmask(payload)
            else:
                self._left = header.size

    def _check_order(self, header: _Header) -> None:
        if _is_control(header):
            return
        if self._is_in_message is not (header.opcode == CONTINUATION):
            raise FrameError("a message begins inside another, or goes on without a beginning")
        self._is_in_message = not header.is_final

    def _unmask(self, piece: bytes) -> bytes:
        size = len(piece)
        key = (self._mask * (size // 4 + 1))[:size]
        turn = size % 4
        self._mask = self._mask[turn:] + self._mask[:turn]
        return (int.from_bytes(piece) ^ int.from_bytes(key)).to_bytes(size)


def _is_control(header: _Header) -> bool:
    return header.opcode >= CLOSE


def _whole_size(header: _Header) -> int:
    return header.header_size + header.size


def _parse_header(data: bytes) -> _Header | None:
    """``None``: more of it is needed. Raises ``FrameError``."""
    if len(data) < 2:
        return None
    opcode, is_final = data[0] & _OPCODE, bool(data[0] & _FINAL)
    size, extra = data[1] & _LENGTH, {126: 2, 127: 8}.get(data[1] & _LENGTH, 0)
    if data[0] & _RESERVED or opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise FrameError("a frame of an unknown kind")
    if not data[1] & _MASKED:
        raise FrameError("a client's frame is not masked")
    if opcode >= CLOSE and (size > _MOST_CONTROL_BYTES or not is_final):
        raise FrameError("a control frame is too long, or in parts")
    header_size = 2 + extra + 4
    if len(data) < header_size:
        return None
    if extra:
        size = int.from_bytes(data[2 : 2 + extra])
        if size >= 1 << 63:
            raise FrameError("the length of a frame is negative")
    return _Header(opcode, is_final, size, data[2 + extra : header_size], header_size)
