"""How to make a layer's tar again, byte for byte, out of the directory it was unpacked into.

A layer is known by the digest of its tar, and no tar made afresh from a directory is the same tar: order,
padding, header dialect and the bytes after the end are the first writer's choice. So everything of the
tar that is not the content of a file is kept while it is unpacked, and contents are found again in the
snapshot. That is what Docker's tar-split keeps too; a second copy of the layer is not needed.

    <folder>/recipe      compressed records, in the order of the tar:
                             R <u32 length> <bytes>               as they stood in the tar
                             F <u64 size> <u16 length> <path>     the content of a file of the snapshot
                             E                                    the end
    <folder>/<n>         content of the n-th F record, when a later entry of the tar took its path
"""

import importlib
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing

from scow.errors import IntegrityError
from scow.linux.rootpath import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_RAW = struct.Struct("<cI")
_FILE = struct.Struct("<cQH")
_END = b"E"
_NAME = "recipe"
# Headers of neighbouring entries differ in a few bytes: the quickest level leaves a tenth of them, and isal
# takes a sixth of zlib's time for it.
_LEVEL = 1
_PIECE_BYTES = 1 << 20
# Of records of some forty bytes each; a call of the compressor for each would cost more than compressing.
_GATHER_BYTES = 128 << 10


def load_compressor() -> None:
    """Import now what writes recipes, for a process that soon will see no more files."""
    importlib.import_module("isal.isal_zlib")


class RecipeWriter:
    """Takes down one tar while it is read. Blocks; use on one thread, in a ``with`` block.

    The recipe is whole if the block ends without an exception; what it leaves otherwise is the caller's to
    remove, and flushing to disk is the caller's too, with the snapshot's own.
    """

    def __init__(self, folder: str) -> None:
        """``folder`` is an empty directory."""
        from isal import isal_zlib

        self._folder = folder
        self._file: BinaryIO = open(f"{folder}/{_NAME}", "wb", buffering=_PIECE_BYTES)
        self._compressor = isal_zlib.compressobj(_LEVEL)
        self._raw = bytearray()
        self._pending = bytearray()
        self._paths: dict[str, int] = {}
        self.count = 0
        """How many contents have been told."""

    def __enter__(self) -> "RecipeWriter":
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        with self._file:
            if kind is None:
                self._flush()
                self._pending += _END
                self._compress()
                self._file.write(self._compressor.flush())

    def raw(self, data: bytes) -> None:
        """``data`` stood in the tar and is no file's content."""
        self._raw += data
        if len(self._raw) >= _PIECE_BYTES:
            self._flush()

    def knows(self, path: str) -> bool:
        """Whether ``path`` has been told to have content."""
        return path in self._paths

    def content(self, path: str, size: int) -> None:
        """``size`` bytes of content that are in the snapshot at ``path``, now or soon, stood here."""
        self._flush()
        name = os.fsencode(path)
        self._pending += _FILE.pack(b"F", size, len(name))
        self._pending += name
        self._paths[path] = self.count
        self.count += 1

    def replaced(self, path: str, root_fd: int, before: int | None = None) -> None:
        """``path`` is about to be removed from the snapshot at ``root_fd``: keep what is known by it.

        ``before`` is ``count`` as it was when something was told that is not there yet.
        """
        inside = f"{path}/"
        end = self.count if before is None else before
        for known in [
            it for it, at in self._paths.items() if at < end and (it == path or it.startswith(inside))
        ]:
            number = self._paths.pop(known)
            with open(f"{self._folder}/{number}", "wb") as kept:
                for piece in _read_file(root_fd, known):
                    kept.write(piece)

    def _flush(self) -> None:
        if self._raw:
            self._pending += _RAW.pack(b"R", len(self._raw))
            self._pending += self._raw
            self._raw.clear()
        if len(self._pending) >= _GATHER_BYTES:
            self._compress()

    def _compress(self) -> None:
        self._file.write(self._compressor.compress(self._pending))
        self._pending.clear()


def tar_size(folder: str) -> int:
    """Bytes of the tar that ``folder`` tells of. Blocks; reads no content. Raises IntegrityError."""
    with open(f"{folder}/{_NAME}", "rb") as file:
        return sum(size for _, size in _steps(_Records(file)))


def rebuild(folder: str, root: str) -> Iterator[bytes]:
    """The tar that ``folder`` tells of, its contents taken from the snapshot directory ``root``. Blocks.

    Pieces are of about a megabyte, so that files of a few bytes cost no hand-over each. Raises
    IntegrityError where the snapshot or the recipe is not what it was; that all bytes are right is for the
    caller to see by their digest.
    """
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        gathered = bytearray()
        for piece in _pieces(folder, root_fd):
            if len(gathered) + len(piece) > _PIECE_BYTES and gathered:
                yield bytes(gathered)
                gathered.clear()
            if len(piece) >= _PIECE_BYTES:
                yield piece
            else:
                gathered += piece
        if gathered:
            yield bytes(gathered)
    except (OSError, zlib.error, struct.error) as exc:
        raise IntegrityError(f"layer cannot be read again: {exc}") from exc
    finally:
        os.close(root_fd)


def _pieces(folder: str, root_fd: int) -> Iterator[bytes]:
    kept = set(os.listdir(folder)) - {_NAME}
    with open(f"{folder}/{_NAME}", "rb") as file, closing(_Contents(root_fd)) as contents:
        number = 0
        for found, size in _steps(_Records(file)):
            if isinstance(found, bytes):
                yield found
                continue
            name = str(number)
            number += 1
            if kept and name in kept:
                fd = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            else:
                fd = contents.open(found)
            try:
                yield from _read(fd, size, found)
            finally:
                os.close(fd)


def _read(fd: int, size: int, path: str) -> Iterator[bytes]:
    """Just ``size`` bytes; whether they are the right ones is seen by the digest of the whole."""
    there = os.fstat(fd).st_size
    if there != size:
        raise IntegrityError(f"layer cannot be read again: {path} has {there} bytes, not {size}")
    left = size
    while left and (piece := os.read(fd, min(left, _PIECE_BYTES))):
        left -= len(piece)
        yield piece


class _Contents:
    """Files of a snapshot, most of which come one after the other out of one directory."""

    def __init__(self, root_fd: int) -> None:
        self._root_fd = root_fd
        self._folder = ""
        self._folder_fd = os.dup(root_fd)

    def open(self, path: str) -> int:
        """A descriptor of a file, never of one outside the snapshot. Raises ``OSError``."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            fd = open_in_root(self._root_fd, folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            os.close(self._folder_fd)
            self._folder, self._folder_fd = folder, fd
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder_fd)

    def close(self) -> None:
        os.close(self._folder_fd)


def _steps(records: "_Records") -> Iterator[tuple[bytes | str, int]]:
    """Raw bytes, or the path of a file; and how many bytes of tar that is."""
    take, number = records.take, int.from_bytes
    while (kind := take(1)) != _END:
        if kind == b"R":
            raw = take(number(take(4), "little"))
            yield raw, len(raw)
        else:
            head = take(10)
            yield os.fsdecode(take(number(head[8:], "little"))), number(head[:8], "little")


class _Records:
    """The decompressed records."""

    def __init__(self, file: "BinaryIO") -> None:
        self._file = file
        self._decompressor = zlib.decompressobj()
        self._buffer = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        if len(self._buffer) - self._at < size:
            self._fill(size)
        data = self._buffer[self._at : self._at + size]
        self._at += size
        return data

    def _fill(self, size: int) -> None:
        parts = [self._buffer[self._at :]]
        have = len(parts[0])
        while have < size:
            packed = self._decompressor.unconsumed_tail or self._file.read(_PIECE_BYTES)
            if not packed:
                raise IntegrityError("layer cannot be read again: its recipe is cut off")
            parts.append(self._decompressor.decompress(packed, _PIECE_BYTES))
            have += len(parts[-1])
        self._buffer, self._at = b"".join(parts), 0


def _read_file(root_fd: int, path: str) -> Iterator[bytes]:
    fd = open_in_root(root_fd, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while piece := os.read(fd, _PIECE_BYTES):
            yield piece
    finally:
        os.close(fd)
