"""Taking the chunked transfer coding apart (RFC 9112, 7.1), many chunks at a time.

Engines send a chunk for each line of a log, so what counts is the cost of a small chunk.
"""


class ChunkDecoder:
    """Feed it what was received; ``done`` after the last chunk and trailer, ``rest`` is what came behind."""

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._pending = b""
        self._remaining = 0
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """The content in ``data``. Raises ValueError when it is not chunked."""
        data = self._pending + data
        parts: list[bytes] = []
        position = self._take(data, 0, parts)
        find = data.find
        while not self._in_trailer and not self._remaining:
            end = find(b"\r\n", position)
            if end < 0:
                break
            if end > position:  # else the line break behind a chunk's data
                self._remaining = _size(data[position:end])
                self._in_trailer = not self._remaining
            position = self._take(data, end + 2, parts)
        if self._in_trailer:
            position = self._skip_trailer(data, position)
        self._pending = b"" if self.done else data[position:]
        return b"".join(parts)

    def _take(self, data: bytes, position: int, parts: list[bytes]) -> int:
        """Move up to ``_remaining`` bytes of content to ``parts``."""
        if self._remaining:
            part = data[position : position + self._remaining]
            parts.append(part)
            self._remaining -= len(part)
            position += len(part)
        return position

    def _skip_trailer(self, data: bytes, position: int) -> int:
        while (end := data.find(b"\r\n", position)) >= 0:
            if end == position:
                self.done = True
                self.rest = data[end + 2 :]
                break
            position = end + 2
        return position


def _size(line: bytes) -> int:
    """The number in front of a chunk; what may follow it is nothing to us."""
    digits = line.partition(b";")[0].rstrip()
    if not digits.isalnum():  # int() takes signs and underscores, too
        raise ValueError("malformed chunked encoding")
    return int(digits, 16)
