"""What is in an archive that is kept, and where: written beside it, with a checksum of its own."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

import msgspec

from scow.build.trees.file_table import FileTable, TableColumns, table_of
from scow.build.trees.spooled import SpooledTree
from scow.spec.bulk_digest import bulk_sha256

_CHECK_BYTES = 32


class ArchiveIndex:
    """``files`` are the rows of ``table`` in the order in which they came, ``ends`` where each ended.

    ``is_plain``: the files before any end are what they are without what comes after it.
    """

    def __init__(self, table: FileTable, ends: "array[int]", *, is_plain: bool) -> None:
        self.table = table
        self.ends = ends
        self.is_plain = is_plain

    def before(self, offset: int) -> int:
        """How many files are whole in the first ``offset`` bytes."""
        return bisect_right(self.ends, offset) if self.is_plain else 0

    def add_to(self, tree: SpooledTree, count: int) -> None:
        """The first ``count`` files. Raises InvalidArgumentError if there are too many."""
        for row in range(count):
            tree.add(self.table.node(row), self.table.place(row))


class _Written(msgspec.Struct, array_like=True, frozen=True):
    is_plain: bool
    columns: TableColumns
    ends: bytes


def index_of(tree: SpooledTree, ends: Iterable[tuple[str, int]], *, is_plain: bool) -> ArchiveIndex:
    """``ends``: the paths of its files in the order in which they came, and where each ended."""
    last = dict(ends)
    table = FileTable()
    kept = array("q")
    for path, end in last.items():
        node = tree.node(path)
        if node is None:
            continue  # a later file was put in the place of its folder
        table.add(node, tree.place_of(path))
        kept.append(end)
    return ArchiveIndex(table, kept, is_plain=is_plain and tree.is_plain)


def read_index(path: Path) -> ArchiveIndex | None:
    """``None`` if there is none that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    check = bulk_sha256()
    check.update(data[_CHECK_BYTES:])
    if check.digest() != data[:_CHECK_BYTES]:
        return None
    try:
        written = msgspec.msgpack.decode(data[_CHECK_BYTES:], type=_Written)
    except msgspec.ValidationError:
        return None  # an older engine's
    ends = array("q")
    ends.frombytes(written.ends)
    return ArchiveIndex(table_of(written.columns), ends, is_plain=written.is_plain)


def write_index(path: Path, index: ArchiveIndex) -> None:
    """Raises ``OSError``."""
    data = msgspec.msgpack.encode(_Written(index.is_plain, index.table.columns(), index.ends.tobytes()))
    check = bulk_sha256()
    check.update(data)
    path.write_bytes(check.digest() + data)
