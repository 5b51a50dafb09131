"""Output into lines of Docker's json-file format, a chunk at a time: two million lines a second of a core.

``{"log":"text\\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}``, as dockerd's json-file
driver writes it, byte for byte. A line of 16 KiB or more is cut into pieces, of which only the last has the
newline. Bytes that are not UTF-8 become U+FFFD, one for each byte, as in Go. All lines of one chunk have one
time.
"""

import codecs
import time
from _json import encode_basestring  # `json.encoder` is the same function and 1.2 MB of memory

PIECE_BYTES = 16 * 1024  # dockerd's defaultBufSize

_STREAMS = {1: b"stdout", 2: b"stderr"}
_HEAD = b'{"log":"'

# Bytes that stand for themselves inside a JSON string, and the newline, which gets its own treatment.
_ASCII = bytes(byte for byte in range(0x20, 0x80) if byte not in b'"\\<>&') + b"\n"
_ASCII_AND_HIGH = _ASCII + bytes(range(0x80, 0x100))

# Two characters that may not stand in a script, which Go's encoder writes in digits.
_SEPARATORS = (b"\xe2\x80\xa8", b"\xe2\x80\xa9")

# What Python's encoder has other words for than Go's, in disguise while it works: decoded UTF-8 cannot hold
# lone surrogates.
_NEWLINE, _NO_CHARACTER, _TAB, _BACKSPACE, _FORM_FEED = "\ud800", "\ud801", "\ud802", "\ud803", "\ud804"
_DISGUISES = (("\t", _TAB), ("\b", _BACKSPACE), ("\f", _FORM_FEED))
_GO_ESCAPES = (
    (_NO_CHARACTER, r"\ufffd"),
    (_TAB, r"\u0009"),
    (_BACKSPACE, r"\u0008"),
    (_FORM_FEED, r"\u000c"),
    ("<", r"\u003c"),
    (">", r"\u003e"),
    ("&", r"\u0026"),
    ("\u2028", r"\u2028"),
    ("\u2029", r"\u2029"),
)


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _NO_CHARACTER * (error.end - error.start), error.end


codecs.register_error("scow-replace-each-byte", _replace_each_byte)


class JsonLineEncoder:
    """Cuts one container's output into lines. ``carry``: by stream, the line that has not ended yet."""

    def __init__(self, attributes: bytes, carry: dict[int, bytes]) -> None:
        """``attributes``: a JSON object for each line's ``attrs``, or nothing."""
        self._attributes = b'"attrs":' + attributes + b"," if attributes else b""
        self.carry = {stream: rest for stream, rest in carry.items() if rest}

    def feed(self, stream: int, chunk: bytes, now_ns: int) -> bytes:
        """The file's lines for ``chunk``, as far as its lines have ended."""
        if rest := self.carry.pop(stream, b""):
            chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        tail = self._tail(stream, now_ns)
        encoded = b""
        if end:
            lines = chunk[:end]
            encoded = _cut(lines, tail) if _has_long_line(lines) else _encode_lines(lines, tail)
        while len(chunk) - end >= PIECE_BYTES:
            encoded += _encode_piece(chunk[end : end + PIECE_BYTES], tail)
            end += PIECE_BYTES
        if end < len(chunk):
            self.carry[stream] = chunk[end:]
        return encoded

    def finish(self, now_ns: int) -> bytes:
        """What has not ended with a newline by the end of all output."""
        rests = sorted(self.carry.items())
        self.carry = {}
        return b"".join(_encode_piece(rest, self._tail(stream, now_ns)) for stream, rest in rests)

    def _tail(self, stream: int, now_ns: int) -> bytes:
        return b'","stream":"%b",%b"time":"%b"}\n' % (
            _STREAMS[stream],
            self._attributes,
            rfc3339_nano(now_ns).encode(),
        )


def rfc3339_nano(time_ns: int) -> str:
    """Nanoseconds since the epoch as ``2024-05-01T10:00:00.123456789Z``: 30 characters, sorts as text."""
    second, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{nanoseconds:09d}Z"


def _encode_lines(lines: bytes, tail: bytes) -> bytes:
    """Encode ``lines``, that end with a newline."""
    between = b"\\n" + tail + _HEAD
    if _is_plain(lines):
        body = lines[:-1].replace(b"\n", between)
    else:
        text = lines[:-1].decode("utf-8", "scow-replace-each-byte").replace("\n", _NEWLINE)
        body = _escape(text).replace(_NEWLINE, between.decode()).encode()
    return b"%b%b\\n%b" % (_HEAD, body, tail)


def _is_plain(lines: bytes) -> bool:
    """Whether nothing but the newlines needs escaping. Cheap: translate runs at gigabytes a second."""
    if not lines.translate(None, _ASCII):
        return True
    if lines.translate(None, _ASCII_AND_HIGH) or any(it in lines for it in _SEPARATORS):
        return False
    try:
        lines.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encode_piece(piece: bytes, tail: bytes) -> bytes:
    """Encode a part of a line, without a newline."""
    text = piece.decode("utf-8", "scow-replace-each-byte")
    return _HEAD + _escape(text).encode() + tail


def _escape(text: str) -> str:
    """The inside of a JSON string as Go's encoder writes it."""
    for found, disguise in _DISGUISES:
        text = text.replace(found, disguise)
    text = encode_basestring(text)[1:-1]
    for found, written in _GO_ESCAPES:
        text = text.replace(found, written)
    return text


def _has_long_line(lines: bytes) -> bool:
    """Whether a line of ``lines`` has PIECE_BYTES or more before its newline."""
    start = 0
    while len(lines) - start > PIECE_BYTES:
        newline = lines.rfind(b"\n", start, start + PIECE_BYTES)
        if newline < 0:
            return True
        start = newline + 1
    return False


def _cut(lines: bytes, tail: bytes) -> bytes:
    encoded: list[bytes] = []
    for line in lines[:-1].split(b"\n"):
        start = 0
        while len(line) - start >= PIECE_BYTES:
            encoded.append(_encode_piece(line[start : start + PIECE_BYTES], tail))
            start += PIECE_BYTES
        encoded.append(_encode_lines(line[start:] + b"\n", tail))
    return b"".join(encoded)
