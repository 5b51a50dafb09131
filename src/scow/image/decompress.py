"""Compressed streams: recognised by their first bytes, read in bounded pieces.

Whatever a stream expands to, one ``read`` gives at most what was asked for: ten megabytes of gzip that
hold ten gigabytes of zeros cost no memory.
"""

import importlib
import io
from collections.abc import Callable

from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from _typeshed import WriteableBuffer as Buffer
else:
    Protocol = object  # an unpacker is started for a moment: it does without typing


class ByteReader(Protocol):
    """A stream of bytes. ``read`` gives at most ``size`` bytes, and ``b""`` only at the end."""

    def read(self, size: int, /) -> bytes: ...


# ``Any``: the codecs' stubs ask for more of a file object than the codecs use.
_Opener = Callable[["Any"], ByteReader]
# zstd keeps a window of the output in memory; more than this is refused, as by ``zstd -d``.
_ZSTD_MAX_WINDOW = 128 << 20


def decompressed(raw: ByteReader) -> ByteReader:
    """What is in ``raw`` if it is gzip, zstd, bzip2 or xz, else its own bytes.

    Reads the first bytes at once. Reads of the result raise InvalidArgumentError if the stream is broken.
    """
    return opened(*recognised(raw))


def recognised(raw: ByteReader) -> tuple[str, ByteReader]:
    """The format of ``raw``, "" for none of them, and all of its bytes. Reads the first of them at once."""
    head = _read_full(raw, 6)
    return codec_of(head), _Prefixed(head, raw)


def opened(codec: str, stream: ByteReader) -> ByteReader:
    """What is in a ``stream`` that ``recognised`` gave."""
    for name, _, opener in _FORMATS:
        if name == codec:
            return _Checked(name, opener(_Prefixed(b"", stream)))
    return stream


class _Prefixed(io.RawIOBase):
    """Bytes that were read ahead, then the rest. A ``RawIOBase``: the gzip codec reads into buffers."""

    def __init__(self, head: bytes, rest: ByteReader) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._rest.read(size)

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer)
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)


class _Checked:
    """Turns each codec's own exceptions into one."""

    def __init__(self, name: str, inner: ByteReader) -> None:
        self._name = name
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        try:
            return self._inner.read(size)
        except _codec_errors() as exc:
            raise InvalidArgumentError(f"{self._name} stream is damaged: {exc}") from exc


def _read_full(raw: ByteReader, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := raw.read(size - len(data))):
        data += piece
    return data


def codec_of(head: bytes) -> str:
    """The format of a stream that begins with ``head``, in six bytes; "" for none of them."""
    return next((name for name, magic, _ in _FORMATS if head.startswith(magic)), "")


def load_codec(name: str) -> None:
    """Import what reads format ``name`` now: for a process that soon will see no more files."""
    for module in _MODULES[name]:
        importlib.import_module(module)


# The codecs cost two megabytes together and an idle engine needs none of them: each is imported on first use.
def _open_gzip(raw: "Any") -> ByteReader:
    from isal import igzip

    opened: ByteReader = igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]  # isal has no types
    return opened


def _open_zstd(raw: "Any") -> ByteReader:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_MAX_WINDOW)
    opened: ByteReader = decompressor.stream_reader(raw, read_across_frames=True)
    return opened


def _open_bzip2(raw: "Any") -> ByteReader:
    import bz2

    return bz2.BZ2File(raw)


def _open_xz(raw: "Any") -> ByteReader:
    import lzma

    return lzma.LZMAFile(raw)


def _codec_errors() -> tuple[type[Exception], ...]:
    import sys
    import zlib

    errors: list[type[Exception]] = [EOFError, OSError, zlib.error]
    for module, attribute in (("lzma", "LZMAError"), ("zstandard", "ZstdError"), ("isal.isal_zlib", "error")):
        if module in sys.modules:
            errors.append(getattr(sys.modules[module], attribute))
    return tuple(errors)


_FORMATS: tuple[tuple[str, bytes, _Opener], ...] = (
    ("gzip", b"\x1f\x8b", _open_gzip),
    ("zstd", b"\x28\xb5\x2f\xfd", _open_zstd),
    ("bzip2", b"BZh", _open_bzip2),
    ("xz", b"\xfd7zXZ\x00", _open_xz),
)
_MODULES = {
    "": (),
    "gzip": ("isal.igzip",),
    "zstd": ("zstandard",),
    "bzip2": ("bz2",),
    "xz": ("lzma",),
}
