"""A volume as a tar: its data from ``./`` on, with owners, modes, times, attributes and links.

Reads and writes by descriptors only; neither the archive nor a container that has the volume mounted can lead
out of it.
"""

import os
import stat
from collections.abc import Generator, Iterator

from scow.image.decompress import ByteReader, decompressed
from scow.image.layer_tar import is_content
from scow.image.placing import place
from scow.image.snapshots.probe import in_user_namespace
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry, TarReader
from scow.image.tar.writer import Member, pack, walk
from scow.image.tree_maker import TreeMaker, components
from scow.image.trees import remove_tree

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def pack_volume(path: str) -> Generator[bytes, None, None]:
    """The tar of directory ``path``, in pieces. Blocks. Raises ``OSError``."""
    fd = os.open(path, _DIRECTORY)
    try:
        yield from pack(_members(fd), is_content)
    finally:
        os.close(fd)


def _members(fd: int) -> Iterator[Member]:
    yield Member(fd, b".", os.fstat(fd))
    yield from walk(fd, b"./")


def unpack_volume(content: ByteReader, path: str) -> None:
    """Unpack a tar, compressed or not, into the empty directory ``path``. Blocks.

    A later entry replaces an earlier one of the same name. Raises InvalidArgumentError, ScowError; what is
    unpacked then, stays.
    """
    root = os.open(path, _DIRECTORY)
    maker = TreeMaker(os.dup(root), may_make_devices=not in_user_namespace())
    own: Entry | None = None
    try:
        archive = TarReader(decompressed(content), sparse=True)
        for entry in archive:
            if components(entry.name):
                place(entry, archive, maker, _clear)
            elif entry.kind == tar_reader.DIRECTORY:
                own = entry
        maker.settle()
        if own is not None:
            _describe(root, own)
    finally:
        maker.close()
        os.close(root)


def _clear(folder_fd: int, _path: str, name: str) -> None:
    remove_tree(folder_fd, name)


def _describe(root: int, entry: Entry) -> None:
    """What the archive says of the volume itself."""
    os.fchown(root, entry.uid, entry.gid)
    os.fchmod(root, stat.S_IMODE(entry.mode))
    os.utime(root, ns=(entry.mtime_ns, entry.mtime_ns))
