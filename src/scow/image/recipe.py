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

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scow.errors import IntegrityError
from scow.linux.rootpath import open_in_root

_RAW = struct.Struct("<cI")
_FILE = struct.Struct("<cQH")
_END = b"E"
_NAME = "recipe"
# Headers of neighbouring entries differ in a few bytes: the quickest level leaves a tenth of them.
_LEVEL = 1
_PIECE_BYTES = 1 << 20


class RecipeWriter:
    """Takes down one tar while it is read. Blocks; use on one thread, in a ``with`` block.

    The recipe is whole if the block ends without an exception; what it leaves otherwise is the caller's to
    remove, and flushing to disk is the caller's too, with the snapshot's own.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` is made and must not be there yet."""
        folder.mkdir(mode=0o700, parents=True)
        self._folder = folder
        self._file: BinaryIO = open(folder / _NAME, "wb", buffering=_PIECE_BYTES)
        self._compressor = zlib.compressobj(_LEVEL)
        self._raw = bytearray()
        self._paths: dict[str, int] = {}
        self._count = 0

    def __enter__(self) -> "RecipeWriter":
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        with self._file:
            if kind is None:
                self._flush()
                self._write(_END)
                self._file.write(self._compressor.flush())

    def raw(self, data: bytes) -> None:
        """``data`` stood in the tar and is no file's content."""
        self._raw += data
        if len(self._raw) >= _PIECE_BYTES:
            self._flush()

    def content(self, path: str, size: int) -> None:
        """``size`` bytes of content that are in the snapshot at ``path`` now stood here."""
        self._flush()
        name = os.fsencode(path)
        self._write(_FILE.pack(b"F", size, len(name)) + name)
        self._paths[path] = self._count
        self._count += 1

    def replaced(self, path: str, root_fd: int) -> None:
        """``path`` is about to be removed from the snapshot at ``root_fd``: keep what is known by it."""
        inside = f"{path}/"
        for known in [it for it in self._paths if it == path or it.startswith(inside)]:
            number = self._paths.pop(known)
            with open(self._folder / str(number), "wb") as kept:
                for piece in _read_file(root_fd, known):
                    kept.write(piece)

    def _flush(self) -> None:
        if self._raw:
            self._write(_RAW.pack(b"R", len(self._raw)) + bytes(self._raw))
            self._raw.clear()

    def _write(self, data: bytes) -> None:
        self._file.write(self._compressor.compress(data))


def tar_size(folder: Path) -> int:
    """Bytes of the tar that ``folder`` tells of. Blocks; reads no content. Raises IntegrityError."""
    with open(folder / _NAME, "rb") as file:
        return sum(size for _, size in _steps(_Records(file)))


def rebuild(folder: Path, root: str) -> Iterator[bytes]:
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


def _pieces(folder: Path, root_fd: int) -> Iterator[bytes]:
    with open(folder / _NAME, "rb") as file:
        number = 0
        for found, size in _steps(_Records(file)):
            if isinstance(found, bytes):
                yield found
                continue
            kept = folder / str(number)
            number += 1
            read = 0
            for piece in _read_kept(kept) if kept.exists() else _read_file(root_fd, found):
                read += len(piece)
                yield piece
            if read != size:
                raise IntegrityError(f"layer cannot be read again: {found} has {read} bytes, not {size}")


def _steps(records: "_Records") -> Iterator[tuple[bytes | str, int]]:
    """Raw bytes, or the path of a file; and how many bytes of tar that is."""
    while (kind := records.take(1)) != _END:
        if kind == b"R":
            raw = records.take(int.from_bytes(records.take(4), "little"))
            yield raw, len(raw)
        else:
            size = int.from_bytes(records.take(8), "little")
            yield os.fsdecode(records.take(int.from_bytes(records.take(2), "little"))), size


class _Records:
    """The decompressed records."""

    def __init__(self, file: BinaryIO) -> None:
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


def _read_kept(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
