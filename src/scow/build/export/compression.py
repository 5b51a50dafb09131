"""A layer's tar as it goes out: as it is, or packed. The same tar gives the same bytes every time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from scow.errors import InvalidArgumentError

_GZIP_LEVELS = range(-1, 10)
_ZSTD_LEVELS = range(-7, 23)
_DEFAULT_GZIP_LEVEL = 1
_DEFAULT_ZSTD_LEVEL = 3
_PIECE_BYTES = 1 << 20


class _Packer(Protocol):
    """What the libraries have in common."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Compression:
    """``kind`` is "gzip", "zstd" or "uncompressed"; ``level`` is the kind's own, ``None`` for its default.

    ``forced``: also of layers that a registry has in another form already.
    """

    kind: str = "gzip"
    level: int | None = None
    forced: bool = False

    def pack(self, tar: Iterable[bytes]) -> Iterator[bytes]:
        """Blocks."""
        if self.kind == "gzip":
            return _gzip(tar, _DEFAULT_GZIP_LEVEL if self.level is None else self.level)
        if self.kind == "zstd":
            return _zstd(tar, _DEFAULT_ZSTD_LEVEL if self.level is None else self.level)
        return iter(tar)


def read_compression(kind: str, level: str, *, forced: bool) -> Compression:
    """Of an exporter's attributes. Raises InvalidArgumentError."""
    kind = kind or "gzip"
    if kind == "estargz":
        raise InvalidArgumentError("unsupported layer compression type: estargz")
    if kind not in ("gzip", "zstd", "uncompressed"):
        raise InvalidArgumentError(f"unsupported layer compression type: {kind}")
    if not level:
        return Compression(kind, None, forced)
    try:
        number = int(level)
    except ValueError as exc:
        raise InvalidArgumentError(f"non-integer value {level} specified for compression-level") from exc
    allowed = _ZSTD_LEVELS if kind == "zstd" else _GZIP_LEVELS
    if number not in allowed:
        raise InvalidArgumentError(f"invalid compression-level {number} for {kind}")
    return Compression(kind, number, forced)


def _gzip(tar: Iterable[bytes], level: int) -> Iterator[bytes]:
    """Without a time in the header. ISA-L has levels up to 3: what asks for more gets zlib's."""
    packer = _isal_packer(level) if 0 <= level <= 3 else _zlib_packer(level)
    for piece in tar:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _isal_packer(level: int) -> _Packer:
    from isal import isal_zlib

    packer: _Packer = isal_zlib.compressobj(level, isal_zlib.DEFLATED, 31)
    return packer


def _zlib_packer(level: int) -> _Packer:
    import zlib

    return zlib.compressobj(level, zlib.DEFLATED, 31)


def _zstd(tar: Iterable[bytes], level: int) -> Iterator[bytes]:
    import zstandard

    packer = zstandard.ZstdCompressor(level=level).compressobj()
    for piece in tar:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
