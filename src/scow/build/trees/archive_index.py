"""What is in an archive that is kept, and where: written beside it, with a checksum of its own."""

import os
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

import msgspec

from scow.build.trees.spooled import Place, SpooledTree
from scow.build.trees.tree import Node
from scow.spec.bulk_digest import bulk_sha256

_CHECK_BYTES = 32


class FileEntry(msgspec.Struct, array_like=True, frozen=True):
    """A node. ``path`` and ``link`` are bytes, for they may be any; ``end`` is where the next header is.

    ``offset`` and ``digest`` are of the content of a regular file.
    """

    path: bytes
    mode: int
    size: int
    mtime_ns: int
    link: bytes
    device: int
    offset: int
    digest: bytes
    end: int

    def add_to(self, tree: SpooledTree) -> None:
        """Raises InvalidArgumentError if there are too many."""
        node = Node(
            os.fsdecode(self.path),
            self.mode,
            size=self.size,
            mtime_ns=self.mtime_ns,
            link=os.fsdecode(self.link),
            device=self.device,
        )
        tree.add(node, Place(self.offset, self.digest) if self.digest else None)


class ArchiveIndex(msgspec.Struct, array_like=True, frozen=True):
    """``is_plain``: the files before any ``end`` are what they are without what comes after it."""

    is_plain: bool
    files: list[FileEntry]

    def before(self, offset: int) -> list[FileEntry]:
        """The files that are whole in the first ``offset`` bytes."""
        if not self.is_plain:
            return []
        return self.files[: bisect_right(self.files, offset, key=lambda file: file.end)]


def index_of(tree: SpooledTree, ends: Iterable[tuple[str, int]], *, is_plain: bool) -> ArchiveIndex:
    """``ends``: the paths of its files in the order in which they came, and where each ended."""
    files: dict[str, FileEntry] = {}
    for path, end in ends:
        node, place = tree.node(path), tree.place_of(path)
        if node is None:
            continue  # a later file was put in the place of its folder
        is_file = node.is_file and place is not None
        files[path] = FileEntry(
            os.fsencode(path),
            node.mode,
            node.size,
            node.mtime_ns,
            os.fsencode(node.link),
            node.device,
            place.offset if is_file and place is not None else 0,
            place.digest if is_file and place is not None else b"",
            end,
        )
    return ArchiveIndex(is_plain and tree.is_plain, list(files.values()))


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
    return msgspec.msgpack.decode(data[_CHECK_BYTES:], type=ArchiveIndex)


def write_index(path: Path, index: ArchiveIndex) -> None:
    """Raises ``OSError``."""
    data = msgspec.msgpack.encode(index)
    check = bulk_sha256()
    check.update(data)
    path.write_bytes(check.digest() + data)
