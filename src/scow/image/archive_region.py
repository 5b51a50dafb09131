"""Part of a file as a stream."""

import os

from scow.errors import InvalidArgumentError


class RegionReader:
    """``size`` bytes at ``offset`` of file ``fd``; ``position`` may be read from any thread."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self.fd = fd
        self.offset = offset
        self.size = size
        self.position = 0

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, ``b""`` at the end."""
        data = os.pread(self.fd, min(size, self.size - self.position), self.offset + self.position)
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """Move on without reading. Raises InvalidArgumentError beyond the end."""
        self.position += size
        if self.position > self.size:
            raise InvalidArgumentError("unexpected EOF")
