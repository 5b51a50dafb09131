"""Sparse files in archives of GNU tar (``tar -S``): where their data is, in each of its four formats.

    old GNU    type S: pairs of offset and length in the header, and in blocks behind it
    pax 0.0    records GNU.sparse.offset and GNU.sparse.numbytes, again and again
    pax 0.1    one record GNU.sparse.map: offset,length,offset,length,…
    pax 1.0    the map as decimal lines in the first blocks of the content

(GNU tar manual, "Storing Sparse Files".) Pure. What a map says is believed only where it is in order, within
the file, and as long as the content that is there.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from scow.errors import InvalidArgumentError

BLOCK = 512
MAP = "GNU.sparse.map"
_OFFSET, _LENGTH = "GNU.sparse.offset", "GNU.sparse.numbytes"
_MAX_SEGMENTS = 100_000
_MAX_SIZE = (1 << 63) - 1
_PAIR = struct.Struct("12s12s")
_OLD_MAP = slice(386, 482)
_OLD_IS_EXTENDED, _OLD_SIZE = 482, slice(483, 495)
_EXTENSION_MAP, _EXTENSION_IS_EXTENDED = slice(0, 504), 504
_MAX_DIGITS = 20

Segment = tuple[int, int]
"""Offset and length of what is data."""


class SparseFile:
    """A file of ``size`` bytes, of which ``segments`` are in the archive; and how far it has been read."""

    __slots__ = ("_at", "_next", "_segments", "size")

    def __init__(self, segments: Sequence[Segment], size: int, stored: int) -> None:
        """``stored`` bytes are in the archive. Raises InvalidArgumentError for a map that cannot be."""
        at = total = 0
        for offset, length in segments:
            if offset < at or length < 0 or offset + length > size:
                raise damaged()
            at, total = offset + length, total + length
        if total != stored or not 0 <= size <= _MAX_SIZE:
            raise damaged()
        self.size = size
        self._segments = [segment for segment in segments if segment[1]]
        self._next = 0
        self._at = 0

    @property
    def hole(self) -> int:
        """How many zeros come next that are not in the archive."""
        while self._next < len(self._segments) and self._at >= sum(self._segments[self._next]):
            self._next += 1
        end = self._segments[self._next][0] if self._next < len(self._segments) else self.size
        return max(0, end - self._at)

    @property
    def data(self) -> int:
        """How many bytes come next that are in the archive, where there is no hole."""
        return sum(self._segments[self._next]) - self._at if self._next < len(self._segments) else 0

    def pass_over(self, size: int) -> None:
        """So much more has been read."""
        self._at += size


def damaged() -> InvalidArgumentError:
    """The complaint about a map that makes no sense, in Go's words."""
    return InvalidArgumentError("archive/tar: invalid tar header")


def join_pairs(records: dict[str, bytes], key: str, value: bytes) -> bool:
    """Format 0.0, whose keys come again: collect them as 0.1 has them. Whether ``key`` is one of them."""
    if key not in (_OFFSET, _LENGTH):
        return False
    before = records.get(MAP)
    records[MAP] = value if before is None else before + b"," + value
    return True


def is_sparse(records: Mapping[str, bytes]) -> bool:
    """Whether extended headers tell of a sparse file."""
    return MAP in records or records.get("GNU.sparse.major") is not None or "GNU.sparse.size" in records


def real_name(records: Mapping[str, bytes]) -> bytes | None:
    """The file's; the header has one for readers that know nothing of all this."""
    return records.get("GNU.sparse.name")


def of_records(records: Mapping[str, bytes], stored: int, take: Callable[[], bytes]) -> SparseFile:
    """By extended headers; ``take`` gives the next block of the content, of ``stored`` bytes.

    Raises InvalidArgumentError.
    """
    if MAP in records or records.get("GNU.sparse.numblocks") == b"0":
        numbers = records.get(MAP, b"").split(b",") if records.get(MAP) else []
        size = _number(records.get("GNU.sparse.size") or records.get("GNU.sparse.realsize") or b"")
        return SparseFile(_pairs([_number(it) for it in numbers]), size, stored)
    if (records.get("GNU.sparse.major"), records.get("GNU.sparse.minor")) != (b"1", b"0"):
        raise InvalidArgumentError("archive/tar: sparse file of an unknown format")
    segments, read = _leading_map(stored, take)
    return SparseFile(segments, _number(records.get("GNU.sparse.realsize", b"")), stored - read)


def of_old_header(
    header: bytes, stored: int, take: Callable[[], bytes], number: Callable[[bytes], int]
) -> SparseFile:
    """By a header of type S; ``take`` gives the next block behind it, ``number`` reads a field.

    Raises InvalidArgumentError.
    """
    fields = [field for pair in _PAIR.iter_unpack(header[_OLD_MAP]) for field in pair]
    more = header[_OLD_IS_EXTENDED]
    while more:
        block = take()
        fields += [field for pair in _PAIR.iter_unpack(block[_EXTENSION_MAP]) for field in pair]
        more = block[_EXTENSION_IS_EXTENDED]
        if len(fields) > 2 * _MAX_SEGMENTS:
            raise damaged()
    used = []
    for offset, length in zip(fields[::2], fields[1::2], strict=True):
        if not offset.strip(b"\0 ") and not length.strip(b"\0 "):
            break
        used += [number(offset), number(length)]
    return SparseFile(_pairs(used), number(header[_OLD_SIZE]), stored)


def _leading_map(stored: int, take: Callable[[], bytes]) -> tuple[list[Segment], int]:
    """Format 1.0: the segments, and how many bytes of the content told of them."""
    text, read = b"", 0
    wanted = 1
    lines: list[bytes] = []
    while len(lines) < wanted:
        if read + BLOCK > stored:
            raise damaged()
        text += take()
        read += BLOCK
        *found, text = text.split(b"\n")
        lines += found
        if lines and wanted == 1:
            count = _number(lines[0])
            if count > _MAX_SEGMENTS:
                raise damaged()
            wanted = 1 + 2 * count
        if len(text) > BLOCK:
            raise damaged()
    return _pairs([_number(line) for line in lines[1:wanted]]), read


def _pairs(numbers: Sequence[int]) -> list[Segment]:
    if len(numbers) % 2 or len(numbers) > 2 * _MAX_SEGMENTS:
        raise damaged()
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise damaged()
    return int(text)
