"""Files as columns: what was put in comes out, after being written down too, and it takes little memory."""

import os
import stat
import tracemalloc
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from scow.build.trees.file_table import FileTable, Place, TableColumns, table_of
from scow.build.trees.spooled import SpooledTree, unnamed_file
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError
from scow.spec.sent_files import SentFile

_FILE, _LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
_DIGEST = bytes(range(32))
_NODES = {
    Node("a", _FILE, size=(1 << 63) - 1, mtime_ns=-1): Place(7, _DIGEST),
    Node("d", stat.S_IFDIR | 0o1777): None,
    Node("d/l\udcff", _LINK, link="to \udce2"): None,
    Node("d/\udce2", stat.S_IFCHR | 0o600, device=os.makedev(5, 1)): None,
    Node("empty", _FILE): Place(0, _DIGEST[::-1]),
}


def test_what_was_put_in_comes_out_and_does_so_when_it_was_written_down() -> None:
    table = FileTable()
    for node, place in _NODES.items():
        table.add(node, place)
    written = msgspec.msgpack.encode(table.columns())
    for found in (table, table_of(msgspec.msgpack.decode(written, type=TableColumns))):
        rows = range(len(found))
        assert {found.node(row): found.place(row) for row in rows} == _NODES


def test_a_table_without_files_comes_back_without_files() -> None:
    assert len(table_of(FileTable().columns())) == 0


def test_a_row_that_is_put_anew_keeps_nothing_of_what_it_said() -> None:
    table = FileTable()
    row = table.add(Node("a", _LINK, link="b", device=3), None)
    file = Node("a", _FILE, size=4, mtime_ns=9)
    table.put(row, file, Place(1, _DIGEST))
    assert (table.node(row), table.place(row)) == (file, Place(1, _DIGEST))
    table.put(row, Node("a", _LINK, link="b"), None)
    assert (table.node(row).link, table.place(row)) == ("b", None)


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with (
        closing(SpooledTree(unnamed_file(str(tmp_path)))) as tree,
        pytest.raises(InvalidArgumentError, match="NUL"),
    ):
        tree.add(SentFile("a\0b", _FILE), Place(0, _DIGEST))


def test_a_file_of_a_context_takes_some_three_hundred_bytes(tmp_path: Path) -> None:
    count = 5_000
    with closing(SpooledTree(unnamed_file(str(tmp_path)))) as tree:
        tracemalloc.start()
        try:
            for number in range(count):
                path = f"some/folder/of/{number // 100}/file-{number:06}.txt"
                tree.add(SentFile(path, _FILE, size=1000 + number, mtime_ns=number), Place(number, _DIGEST))
            each = tracemalloc.get_traced_memory()[0] / count
        finally:
            tracemalloc.stop()
    # Its path is 90 of them; as objects it was 700.
    assert each < 330, each
