"""Everything that a result is made of, by digest; layers are packed once, into files without names."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scow.build.export.compression import Compression
from scow.build.export.documents import Described, MediaTypes
from scow.errors import ScowError
from scow.image.layers import LayerTar
from scow.image.threads import run_to_end, run_to_open
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.digest import sha256_of

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """``read`` gives the bytes in pieces, blocking, from the start each time."""

    described: Described
    read: Callable[[], Iterator[bytes]]


def document(data: bytes, described: Described) -> Blob:
    """One that is in memory."""
    return Blob(described, lambda: iter((data,)))


def described(data: bytes, media_type: str) -> Described:
    """The descriptor of a document."""
    return Described(media_type, sha256_of(data), len(data))


@dataclass(frozen=True, slots=True)
class Spooled:
    """Bytes in a file without a name."""

    fd: int
    digest: str
    size: int

    def read(self) -> Iterator[bytes]:
        """All of it, in pieces. Blocks."""
        offset = 0
        while piece := os.pread(self.fd, _PIECE_BYTES, offset):
            offset += len(piece)
            yield piece

    def close(self) -> None:
        """It is gone."""
        os.close(self.fd)


class Spool:
    """Makes such files in ``folder``, and closes them. Changed on the event loop only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[tuple[str, Compression], Spooled] = {}
        self._locks: dict[tuple[str, Compression], asyncio.Lock] = {}
        self._fds: list[int] = []

    async def keep(self, pieces: Callable[[], Iterable[bytes]]) -> Spooled:
        """Until ``close``. Raises ScowError where the disk refuses, and what ``pieces`` raises."""
        found = await run_to_open(Spooled.close, _spooled, str(self.folder), pieces)
        self._fds.append(found.fd)
        return found

    async def layer(self, tar: LayerTar, compression: Compression, types: MediaTypes) -> Blob:
        """A layer, packed. Raises IntegrityError, ScowError."""
        media_type = types.layer[compression.kind]
        if compression.kind == "uncompressed":
            size = await run_to_end(lambda: tar.size)
            return Blob(Described(media_type, tar.diff_id, size), tar.read)
        key = tar.diff_id, compression
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._files:
                self._files[key] = await self.keep(lambda: compression.pack(tar.read()))
        packed = self._files[key]
        return Blob(Described(media_type, packed.digest, packed.size), packed.read)

    def close(self) -> None:
        """The files are gone."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self._files.clear()


def _spooled(folder: str, pieces: Callable[[], Iterable[bytes]]) -> Spooled:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    digest, size = bulk_sha256(), 0
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for piece in pieces():
                digest.update(piece)
                size += len(piece)
                file.write(piece)
            file.flush()
            return Spooled(os.dup(file.fileno()), f"sha256:{digest.hexdigest()}", size)
    except OSError as exc:
        raise ScowError(f"the result cannot be written: {exc.strerror or exc}") from exc
