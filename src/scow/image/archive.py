"""An image archive on its way in: put on disk as one unlinked file, then read by member name.

Archives come as a stream, with the manifest usually last. Spooling the stream to a file without a name
costs one sequential write, needs no bookkeeping after a crash, and lets the layers be unpacked in
whatever order the manifest says.
"""

import os
import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scow import tasks
from scow.errors import InvalidArgumentError, ScowError
from scow.image.archive_region import RegionReader
from scow.image.decompress import codec_of, decompressed
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import TarReader

# Enough to make a trip to a worker thread cheap beside the writing.
_BATCH_BYTES = 1 << 20
_INDEX_BUFFER_BYTES = 16 << 10
_MAX_MEMBERS = 100_000
_MAX_LINKS = 32


@dataclass(frozen=True, slots=True)
class _Member:
    """Where the content of a file lies in the archive."""

    offset: int
    size: int


class Archive:
    """The members of a spooled tar, by name."""

    def __init__(self, fd: int, size: int) -> None:
        """Reads all headers. Raises InvalidArgumentError if this is no tar, or not a whole one."""
        self._fd = fd
        self._members: dict[str, _Member] = {}
        self._links: dict[str, str] = {}
        for entry in TarReader(RegionReader(fd, 0, size), buffer_bytes=_INDEX_BUFFER_BYTES):
            name = _member_name(entry.name)
            if entry.kind == tar_reader.REGULAR:
                self._members[name] = _Member(entry.offset, entry.size)
            elif entry.kind == tar_reader.SYMLINK:
                self._links[name] = _member_name(posixpath.join(posixpath.dirname(name), entry.link))
            elif entry.kind == tar_reader.HARD_LINK:
                self._links[name] = _member_name(entry.link)
            if len(self._members) + len(self._links) > _MAX_MEMBERS:
                raise InvalidArgumentError(f"invalid archive: more than {_MAX_MEMBERS} members")

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def open(self, name: str) -> RegionReader:
        """The content of member ``name``, through links. Raises InvalidArgumentError if there is none."""
        member = self._find(name)
        if member is None:
            raise InvalidArgumentError(f"invalid archive: {name} is missing")
        return RegionReader(self._fd, member.offset, member.size)

    def read(self, name: str, max_bytes: int) -> bytes:
        """The whole of a small member. Raises InvalidArgumentError if it is missing or larger."""
        reader = self.open(name)
        if reader.size > max_bytes:
            raise InvalidArgumentError(f"invalid archive: {name} is larger than {max_bytes} bytes")
        return reader.read(reader.size)

    def _find(self, name: str) -> _Member | None:
        name = posixpath.normpath(name)
        for _ in range(_MAX_LINKS):
            if name not in self._links:
                return self._members.get(name)
            name = self._links[name]
        return None


@asynccontextmanager
async def spooled(chunks: AsyncIterator[bytes], folder: str) -> AsyncIterator[tuple[int, int]]:
    """Write a stream, decompressed if need be, to a file in ``folder``; gives descriptor and size.

    The file has no name: nothing is left of it after the block, or after a kill.
    """
    received = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    plain = -1
    try:
        await _write_all(chunks, received)
        size = os.fstat(received).st_size
        if codec_of(os.pread(received, 6, 0)):
            plain = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
            size = await _decompress(RegionReader(received, 0, size), plain)
        yield (received if plain < 0 else plain), size
    finally:
        os.close(received)
        if plain >= 0:
            os.close(plain)


async def _write_all(chunks: AsyncIterator[bytes], fd: int) -> None:
    batch: list[bytes] = []
    size = 0
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= _BATCH_BYTES:
            await tasks.run_blocking(_write, fd, batch)
            batch, size = [], 0
    await tasks.run_blocking(_write, fd, batch)


def _write(fd: int, batch: list[bytes]) -> None:
    try:
        for chunk in batch:
            view = memoryview(chunk)
            while view:
                view = view[os.write(fd, view) :]
    except OSError as exc:
        raise ScowError(f"failed to store the archive: {exc.strerror}") from exc


async def _decompress(source: RegionReader, target: int) -> int:
    def work() -> int:
        reader = decompressed(source)
        while chunk := reader.read(_BATCH_BYTES):
            _write(target, [chunk])
        return os.fstat(target).st_size

    return await tasks.run_blocking(work)


def _member_name(name: str) -> str:
    """``./a//b/`` is ``a/b``. Raises InvalidArgumentError for what leads out of the archive."""
    clean = posixpath.normpath(name)
    if clean.startswith(("/", "../")) or clean == "..":
        raise InvalidArgumentError(f'invalid archive: "{name}" leads out of it')
    return clean
