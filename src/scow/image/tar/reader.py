"""Reading tar: v7, ustar, pax and GNU headers, as a stream of entries (POSIX.1 pax, GNU tar manual).

Nothing here touches a file system, and nothing in a header is believed further than its own bounds: sizes
are counted down against what arrives, names and extension records have a largest length, and numbers
outside what the kernel can store are refused. Sparse files are for readers that say so (``sparse``).
"""

import os
from collections.abc import Callable, Iterator, Mapping

from scow.errors import InvalidArgumentError
from scow.image.decompress import ByteReader
from scow.image.tar import sparse as tar_sparse
from scow.image.tar.fields import (
    HEADER,
    checked_name,
    device_number,
    extended_number,
    header_name,
    mtime_ns,
    number,
    parse_pax_records,
    until_zero,
    verify_checksum,
)
from scow.image.tar.sparse import SparseFile

BLOCK = 512
_ZERO_BLOCK = bytes(BLOCK)
_BUFFER_BYTES = 1 << 20
# Extension records hold names and extended attributes: Linux allows 64 KiB an attribute.
_MAX_EXTENSION_BYTES = 1 << 20
_MAX_ID = (1 << 32) - 2  # (uid_t)-1 means "leave alone" to chown(2)
_MAX_SIZE = (1 << 63) - 1

_XATTR = "SCHILY.xattr."

REGULAR = b"0"
HARD_LINK = b"1"
SYMLINK = b"2"
CHARACTER_DEVICE = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"
_SPARSE = b"S"
_ZEROS = memoryview(bytes(1 << 16))
_KINDS = {
    b"0": REGULAR,
    _SPARSE: REGULAR,
    b"\0": REGULAR,
    b"7": REGULAR,  # "contiguous file", treated as regular by everybody
    b"1": HARD_LINK,
    b"2": SYMLINK,
    b"3": CHARACTER_DEVICE,
    b"4": BLOCK_DEVICE,
    b"5": DIRECTORY,
    b"6": FIFO,
}


_NO_XATTRS: Mapping[str, bytes] = {}


class Entry:
    """One member. Undecodable bytes in names are surrogates; ``offset`` is where the content starts.

    Of a sparse file (``is_sparse``) not all of ``size`` is in the archive.
    """

    __slots__ = (
        "device",
        "gid",
        "is_sparse",
        "kind",
        "link",
        "mode",
        "mtime_ns",
        "name",
        "offset",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(
        self,
        *,
        name: str,
        kind: bytes,
        mode: int,
        uid: int,
        gid: int,
        size: int,
        mtime_ns: int,
        link: str,
        device: int,
        offset: int,
        xattrs: Mapping[str, bytes] = _NO_XATTRS,
    ) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.mtime_ns = mtime_ns
        self.link = link
        self.device = device
        self.offset = offset
        self.xattrs = xattrs
        self.is_sparse = False


class TarReader:
    """The entries of one archive. Content of the current entry is read with ``read`` before moving on."""

    def __init__(
        self,
        source: ByteReader,
        *,
        buffer_bytes: int = _BUFFER_BYTES,
        on_raw: Callable[[bytes], None] | None = None,
        sparse: bool = False,
    ) -> None:
        """``on_raw`` gets all bytes, in order, that ``read`` does not return: headers, padding, the end.

        It gets the content of sparse files too, which are refused unless ``sparse``.
        """
        self._source = source
        self._buffer_bytes = buffer_bytes
        self._on_raw = on_raw
        self._buffer = b""
        self._at = 0
        self._position = 0
        self._left = 0
        self._padding = 0
        self._defaults: dict[str, bytes] = {}
        self._takes_sparse = sparse
        self._sparse: SparseFile | None = None

    def __iter__(self) -> Iterator[Entry]:
        """Raises InvalidArgumentError where the archive is cut off or not a tar."""
        while (entry := self._next()) is not None:
            yield entry

    def read(self, size: int) -> memoryview:
        """The next bytes of the current entry's content: at most ``size``, empty at its end."""
        return self._read_sparse(size) if self._sparse is not None else self._read_stored(size)

    def pass_hole(self) -> int:
        """How many zeros came next that are not in the archive; they are read now."""
        hole = self._sparse.hole if self._sparse is not None else 0
        if self._sparse is not None:
            self._sparse.pass_over(hole)
        return hole

    def _read_sparse(self, size: int) -> memoryview:
        assert self._sparse is not None
        if hole := self._sparse.hole:
            piece = _ZEROS[: min(size, hole)]
        else:
            piece = self._read_stored(min(size, self._sparse.data))
            if self._on_raw is not None:
                self._on_raw(bytes(piece))
        self._sparse.pass_over(len(piece))
        return piece

    def _read_stored(self, size: int) -> memoryview:
        size = min(size, self._left)
        if not size:
            return memoryview(b"")
        if self._at == len(self._buffer) and not self._fill():
            raise InvalidArgumentError("unexpected EOF in archive")
        piece = memoryview(self._buffer)[self._at : self._at + size]
        self._at += len(piece)
        self._position += len(piece)
        self._left -= len(piece)
        return piece

    @property
    def has_defaults(self) -> bool:
        """Whether something was said of all members at once (pax, type ``g``)."""
        return bool(self._defaults)

    def drain(self) -> None:
        """Read to the end of the source: a digest over the stream covers what follows the last entry too."""
        rest = self._buffer[self._at :]
        self._at = 0
        self._buffer = b""
        while rest or (rest := self._source.read(self._buffer_bytes)):
            if self._on_raw is not None:
                self._on_raw(rest)
            rest = b""

    def _next(self) -> Entry | None:
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        self._sparse = None
        extensions: dict[str, bytes] = dict(self._defaults)
        while True:
            block = self._take(BLOCK, at_boundary=not extensions)
            if not block or block == _ZERO_BLOCK:
                return None  # the second zero block, if it is there, is padding like all that follows
            fields = HEADER.unpack(block)
            verify_checksum(block, fields[6])
            kind = fields[7]
            if kind in b"xXgLK":
                self._extend(kind, fields, extensions)
                continue
            return self._entry(kind, fields, extensions, block)

    def _extend(self, kind: bytes, fields: tuple[bytes, ...], extensions: dict[str, bytes]) -> None:
        size = number(fields[4])
        if not 0 <= size <= _MAX_EXTENSION_BYTES:
            raise InvalidArgumentError(f"archive extension header of {size} bytes")
        data = self._take(size)
        self._skip(-size % BLOCK)
        if kind == b"L":
            extensions["path"] = data.rstrip(b"\0")
        elif kind == b"K":
            extensions["linkpath"] = data.rstrip(b"\0")
        elif kind == b"g":
            self._defaults.update(parse_pax_records(data))
            extensions.update(self._defaults)
        else:
            extensions.update(parse_pax_records(data))

    def _entry(
        self, kind: bytes, fields: tuple[bytes, ...], extensions: dict[str, bytes], block: bytes
    ) -> Entry:
        name = (extensions and extensions.get("path")) or header_name(fields)
        is_sparse = kind == _SPARSE or bool(extensions and tar_sparse.is_sparse(extensions))
        if is_sparse:
            name = tar_sparse.real_name(extensions) or name
            if not self._takes_sparse:
                raise InvalidArgumentError(f"{os.fsdecode(name)}: sparse files in archives are not supported")
        if kind not in _KINDS:
            raise InvalidArgumentError(f"{os.fsdecode(name)}: unhandled tar header type {kind!r}")
        kind = _KINDS[kind]
        if kind == REGULAR and name.endswith(b"/"):
            kind = DIRECTORY  # v7 has no type for it
        # Only files have content; a size on anything else is ignored by every other reader too.
        size = extended_number(extensions, "size", fields[4]) if kind == REGULAR else 0
        if not 0 <= size <= _MAX_SIZE:
            raise InvalidArgumentError(f"{os.fsdecode(name)}: impossible size {size} in archive")
        self._left, self._padding = size, -size % BLOCK
        if is_sparse and kind == REGULAR:
            size = self._begin_sparse(fields[7] == _SPARSE, block, extensions)
        entry = Entry(
            name=checked_name(name),
            kind=kind,
            mode=number(fields[1]) & 0o7777,
            uid=extended_number(extensions, "uid", fields[2]),
            gid=extended_number(extensions, "gid", fields[3]),
            size=size,
            mtime_ns=mtime_ns(extensions.get("mtime"), fields[5]),
            link=checked_name(extensions.get("linkpath") or until_zero(fields[8])),
            device=0,
            offset=self._position,
        )
        if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
            raise InvalidArgumentError(f"{entry.name}: owner {entry.uid}:{entry.gid} is out of range")
        if kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
            entry.device = device_number(fields)
        entry.is_sparse = self._sparse is not None
        if extensions:
            entry.xattrs = {k[len(_XATTR) :]: v for k, v in extensions.items() if k.startswith(_XATTR)}
        return entry

    def _begin_sparse(self, is_old: bool, block: bytes, extensions: dict[str, bytes]) -> int:
        """Read the map of a file whose stored content begins next; its size."""
        if is_old:
            self._sparse = tar_sparse.of_old_header(block, self._left, lambda: self._take(BLOCK), number)
        else:
            self._sparse = tar_sparse.of_records(extensions, self._left, self._take_of_content)
        return self._sparse.size

    def _take_of_content(self) -> bytes:
        self._left -= BLOCK
        return self._take(BLOCK)

    def _fill(self) -> bool:
        self._buffer = self._source.read(self._buffer_bytes)
        self._at = 0
        return bool(self._buffer)

    def _take(self, size: int, *, at_boundary: bool = False) -> bytes:
        """Exactly ``size`` bytes; ``b""`` if the source ends here and ``at_boundary`` allows it."""
        data = self._take_exactly(size, at_boundary=at_boundary)
        if self._on_raw is not None:
            self._on_raw(data)
        return data

    def _take_exactly(self, size: int, *, at_boundary: bool) -> bytes:
        end = self._at + size
        if end <= len(self._buffer):
            piece = self._buffer[self._at : end]
            self._at = end
            self._position += size
            return piece
        data = bytearray()
        while len(data) < size:
            if self._at == len(self._buffer) and not self._fill():
                if at_boundary and not data:
                    return b""
                raise InvalidArgumentError("unexpected EOF in archive")
            piece = self._buffer[self._at : self._at + size - len(data)]
            self._at += len(piece)
            data += piece
        self._position += size
        return bytes(data)

    def _skip(self, size: int) -> None:
        self._position += size
        while size:
            if self._at == len(self._buffer):
                seek = getattr(self._source, "skip", None)
                if seek is not None and self._on_raw is None and size > self._buffer_bytes:
                    seek(size)
                    return
                if not self._fill():
                    if size <= self._padding:
                        return  # Docker's client ends a context so, right behind the last content
                    raise InvalidArgumentError("unexpected EOF in archive")
            step = min(size, len(self._buffer) - self._at)
            if self._on_raw is not None:
                self._on_raw(self._buffer[self._at : self._at + step])
            self._at += step
            size -= step
