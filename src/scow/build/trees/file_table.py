"""What is known of the files of a tree: a column for each property, a row for each file.

A context has 20,000 files and more. As objects they are a kilobyte each, scattered over a heap that does not
shrink again as long as one small object lives on each megabyte; as columns they are a few large pieces.
"""

import os
from array import array
from typing import NamedTuple, Protocol

import msgspec

from scow.build.trees.tree import Node

_DIGEST_BYTES = 32
_NOWHERE = -1


class Place(NamedTuple):
    """Where a file's content lies, and what it digests to."""

    offset: int
    digest: bytes


class File(Protocol):
    """What a table keeps of one: see ``Node``. Its owner is not kept, for files of a context are root's."""

    @property
    def path(self) -> str: ...

    @property
    def mode(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def mtime_ns(self) -> int: ...

    @property
    def link(self) -> str: ...

    @property
    def device(self) -> int: ...


class TableColumns(msgspec.Struct, array_like=True, frozen=True):
    """A table as it is written down; numbers as this machine has them. Paths may be any bytes but NUL."""

    paths: bytes
    modes: bytes
    sizes: bytes
    mtimes_ns: bytes
    offsets: bytes
    digests: bytes
    links: dict[int, bytes]
    devices: dict[int, int]


class FileTable:
    """Rows are numbered as they were added, and stay."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._modes = array("I")
        self._sizes = array("q")
        self._mtimes_ns = array("q")
        self._offsets = array("q")
        self._digests = bytearray()
        # Few have these.
        self._links: dict[int, str] = {}
        self._devices: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def add(self, file: File, place: Place | None) -> int:
        """The new row. A regular file has its place."""
        row = len(self.paths)
        self.paths.append(file.path)
        self._modes.append(file.mode)
        self._sizes.append(file.size)
        self._mtimes_ns.append(file.mtime_ns)
        self._offsets.append(_NOWHERE if place is None else place.offset)
        self._digests += _padded(place)
        self._set_rare(row, file)
        return row

    def put(self, row: int, file: File, place: Place | None) -> None:
        """``file`` is what the row says from now on; it has the same path."""
        self._modes[row] = file.mode
        self._sizes[row] = file.size
        self._mtimes_ns[row] = file.mtime_ns
        self.move(row, place)
        self._links.pop(row, None)
        self._devices.pop(row, None)
        self._set_rare(row, file)

    def move(self, row: int, place: Place | None) -> None:
        """The content lies there."""
        self._offsets[row] = _NOWHERE if place is None else place.offset
        self._digests[row * _DIGEST_BYTES : (row + 1) * _DIGEST_BYTES] = _padded(place)

    def node(self, row: int) -> Node:
        """The file."""
        return Node(
            self.paths[row],
            self._modes[row],
            size=self._sizes[row],
            mtime_ns=self._mtimes_ns[row],
            link=self._links.get(row, ""),
            device=self._devices.get(row, 0),
        )

    def is_version_of(self, row: int, file: File) -> bool:
        """Whether it has the size and the time of ``file``."""
        return self._sizes[row] == file.size and self._mtimes_ns[row] == file.mtime_ns

    def place(self, row: int) -> Place | None:
        """Of its content, if it is a regular file."""
        offset = self._offsets[row]
        if offset == _NOWHERE:
            return None
        return Place(offset, bytes(self._digests[row * _DIGEST_BYTES : (row + 1) * _DIGEST_BYTES]))

    def size(self, row: int) -> int:
        """See ``Node``."""
        return self._sizes[row]

    def columns(self) -> TableColumns:
        """To be written down."""
        return TableColumns(
            os.fsencode("\0".join(self.paths)),
            self._modes.tobytes(),
            self._sizes.tobytes(),
            self._mtimes_ns.tobytes(),
            self._offsets.tobytes(),
            bytes(self._digests),
            {row: os.fsencode(link) for row, link in self._links.items()},
            self._devices,
        )

    def _set_rare(self, row: int, file: File) -> None:
        if file.link:
            self._links[row] = file.link
        if file.device:
            self._devices[row] = file.device


def table_of(columns: TableColumns) -> FileTable:
    """What was written down."""
    table = FileTable()
    if columns.paths:
        table.paths = os.fsdecode(columns.paths).split("\0")
    table._modes.frombytes(columns.modes)
    table._sizes.frombytes(columns.sizes)
    table._mtimes_ns.frombytes(columns.mtimes_ns)
    table._offsets.frombytes(columns.offsets)
    table._digests += columns.digests
    table._links = {row: os.fsdecode(link) for row, link in columns.links.items()}
    table._devices = columns.devices
    return table


def _padded(place: Place | None) -> bytes:
    return (b"" if place is None else place.digest).ljust(_DIGEST_BYTES, b"\0")
