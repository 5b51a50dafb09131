"""A tree whose files arrive one after the other, with the contents of all of them in one file.

No file of it is ever made on disk: COPY reads the contents from where they lie. One pass gives the digest of
every file, too. The file has no name, so that nothing is left after a kill, or is kept (``kept_archives``).
"""

import errno
import os
import stat
import tempfile
from dataclasses import replace
from typing import NamedTuple

from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError
from scow.spec.bulk_digest import bulk_sha256

_MAX_ENTRIES = 2_000_000
_MAX_DEPTH = 400  # as many folders as are made where a context is copied to (scow.image.tree_maker)
# A call for each of many small files would cost more than what it writes.
_GATHER_BYTES = 1 << 20


class Place(NamedTuple):
    """Where a file's content lies, and what it digests to."""

    offset: int
    digest: bytes


class SpooledTree:
    """See ``Tree``. ``fd`` holds the contents, and is closed with the tree."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._nodes: dict[str, Node] = {"": Node("", stat.S_IFDIR | 0o755)}
        self._places: dict[str, Place] = {}
        self._names: dict[str, set[str]] = {"": set()}
        self.is_plain = True
        """Every node was told of once, and after its folder."""

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        return self._nodes.get(path)

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        prefix = f"{path}/" if path else ""
        return [self._nodes[prefix + name] for name in sorted(self._names[path])]

    def open(self, node: Node) -> "Region":
        """See ``Tree``."""
        return Region(self._fd, self._places[node.path].offset, node.size)

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return self._places[node.path].digest

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return True

    def identity(self, node: Node) -> int:
        """See ``Tree``. A link's content is where that of the file is, and an empty file's is anywhere."""
        return self._places[node.path].offset + 1 if node.size else 0

    def close(self) -> None:
        """See ``Tree``."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, node: Node, place: Place | None = None) -> None:
        """One more file, later ones in place of earlier ones; a regular one has its place.

        Raises InvalidArgumentError for too many, and for one that is in too many folders.
        """
        self._add(node.path, node)
        if place is not None:
            self._places[node.path] = place

    def add_link(self, path: str, target_path: str) -> bool:
        """Another name of an earlier file; False if that is none. Raises as ``add`` does."""
        target = self._nodes.get(target_path)
        if target is None or not target.is_file:
            return False
        place = self._places[target.path]
        self._add(path, replace(target, path=path))
        self._places[path] = place
        return True

    def move(self, path: str, place: Place) -> None:
        """The content of a regular file lies elsewhere, if the file is still there."""
        if path in self._places:
            self._places[path] = place

    def lie_in(self, fd: int) -> None:
        """The contents are all in ``fd``, which is taken over."""
        self.close()
        self._fd = fd

    def paths(self) -> list[str]:
        """Of all that was added."""
        return [path for path in self._nodes if path]

    def place_of(self, path: str) -> Place | None:
        """Where its content lies, if it is a regular file."""
        return self._places.get(path)

    def _add(self, path: str, node: Node) -> None:
        if path.count("/") > _MAX_DEPTH:
            raise InvalidArgumentError(f"build context has a file in more than {_MAX_DEPTH} folders")
        self._put(path, node)

    def _put(self, path: str, node: Node) -> None:
        parent, _, name = path.rpartition("/")
        if parent not in self._names:
            self.is_plain = False
            self._put(parent, Node(parent, stat.S_IFDIR | 0o755))
        if path in self._nodes:
            self.is_plain = False
        elif len(self._nodes) > _MAX_ENTRIES:
            raise InvalidArgumentError(f"build context has more than {_MAX_ENTRIES} entries")
        self._names[parent].add(name)
        if node.is_folder:
            self._names.setdefault(path, set())
        elif path in self._names:
            self._remove_folder(path)
        self._nodes[path] = node

    def _remove_folder(self, path: str) -> None:
        """A later entry makes something else of a folder."""
        for name in self._names.pop(path):
            inner = f"{path}/{name}"
            if inner in self._names:
                self._remove_folder(inner)
            del self._nodes[inner]


class Spool:
    """Contents that come one after the other, put at the end of a file that is ``tree``'s."""

    def __init__(self, tree: SpooledTree, fd: int) -> None:
        self._tree = tree
        self._fd = fd
        self._end = 0
        self._gathered = bytearray()
        self._node: Node | None = None
        self._size = 0
        self._digest = bulk_sha256()

    @property
    def end(self) -> int:
        """How many bytes have come, of files that are whole."""
        return self._end

    def begin(self, node: Node) -> None:
        """A regular file, whose content comes now."""
        self._node = node
        self._size = 0
        self._digest = bulk_sha256()

    def write(self, data: bytes) -> None:
        """The next piece. Raises ``OSError``."""
        self._digest.update(data)
        self._size += len(data)
        self._gathered += data
        if len(self._gathered) >= _GATHER_BYTES:
            self.flush()

    def finish(self) -> None:
        """That was all of the file, if one was begun. Raises InvalidArgumentError."""
        if self._node is None:
            return
        node = replace(self._node, size=self._size)
        self._tree.add(node, Place(self._end, self._digest.digest()))
        self._end += self._size
        self._node = None

    def flush(self) -> None:
        """What has come can be read from now on. Raises ``OSError``."""
        write_whole(self._fd, self._gathered)
        self._gathered.clear()


def write_whole(fd: int, data: bytes | bytearray) -> None:
    """All of ``data``. Raises ``OSError``."""
    written = os.write(fd, data)
    while written < len(data):
        with memoryview(data) as view:
            written += os.write(fd, view[written:])


class Region:
    """Part of a file that others read from, too. See ``Content``."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd = fd
        self._at = offset
        self._end = offset + size

    def read(self, size: int, /) -> bytes:
        size = min(size, self._end - self._at)
        if not size:
            return b""
        data = os.pread(self._fd, size, self._at)
        if not data:  # what was kept may have lost its end with the machine's power
            raise OSError(errno.EIO, "the file is shorter than it was")
        self._at += len(data)
        return data

    def close(self) -> None:
        self._at = self._end


def unnamed_file(folder: str) -> int:
    """A descriptor of a new file without a name, on the file system of ``folder``. Raises ``OSError``."""
    try:
        return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:  # not on every file system
        fd, path = tempfile.mkstemp(dir=folder)
        os.unlink(path)
        return fd
