"""A tree whose files arrive one after the other, with the contents in one file without a name.

No file of it is ever made on disk: COPY reads the contents from where they lie. One pass gives the digest of
every file, too. After a kill nothing is left.
"""

import os
import stat
import tempfile
from dataclasses import dataclass, replace

from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError
from scow.spec.bulk_digest import bulk_sha256

_MAX_ENTRIES = 2_000_000
# A call for each of many small files would cost more than what it writes.
_GATHER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file's content lies, and what it digests to."""

    offset: int
    digest: bytes


class SpooledTree:
    """See ``Tree``. ``folder`` is on the file system that is to hold the contents."""

    def __init__(self, folder: str) -> None:
        """Raises ``OSError``."""
        self._fd = _unnamed_file(folder)
        self._nodes: dict[str, Node] = {"": Node("", stat.S_IFDIR | 0o755)}
        self._places: dict[str, _Place] = {}
        self._names: dict[str, set[str]] = {"": set()}
        self._end = 0
        self._gathered = bytearray()

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        return self._nodes.get(path)

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        prefix = f"{path}/" if path else ""
        return [self._nodes[prefix + name] for name in sorted(self._names[path])]

    def open(self, node: Node) -> "_RegionContent":
        """See ``Tree``."""
        return _RegionContent(self._fd, self._places[node.path].offset, node.size)

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return self._places[node.path].digest

    def close(self) -> None:
        """See ``Tree``."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, node: Node) -> None:
        """Anything but a regular file, which ``begin_file`` is for. Raises InvalidArgumentError."""
        if len(self._nodes) > _MAX_ENTRIES:
            raise InvalidArgumentError(f"build context has more than {_MAX_ENTRIES} entries")
        self._add(node.path, node)

    def begin_file(self, node: Node) -> "Spool":
        """A regular file, whose content comes now. Raises InvalidArgumentError."""
        self.add(node)
        return Spool(self, node.path)

    def add_link(self, path: str, target_path: str) -> bool:
        """Another name of an earlier file; False if that is none."""
        target = self._nodes.get(target_path)
        if target is None or not target.is_file:
            return False
        self._places[path] = self._places[target.path]
        self._add(path, replace(target, path=path))
        return True

    def _add(self, path: str, node: Node) -> None:
        parent, _, name = path.rpartition("/")
        if parent not in self._names:
            self._add(parent, Node(parent, stat.S_IFDIR | 0o755))
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

    def write(self, data: bytes | memoryview) -> None:
        """For ``Spool``: content at the end of what is here. Raises ``OSError``."""
        self._gathered += data
        if len(self._gathered) >= _GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """All has come: from now on contents can be read. Raises ``OSError``."""
        written = 0
        while written < len(self._gathered):
            written += os.write(self._fd, memoryview(self._gathered)[written:])
        self._gathered.clear()

    def place(self, path: str, size: int, digest: bytes) -> None:
        """For ``Spool``: the last ``size`` bytes are the content of the file at ``path``."""
        self._places[path] = _Place(self._end, digest)
        self._nodes[path] = replace(self._nodes[path], size=size)
        self._end += size


class Spool:
    """The content of one file, while it comes."""

    def __init__(self, tree: SpooledTree, path: str) -> None:
        self._tree = tree
        self._path = path
        self._digest = bulk_sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """The next piece. Raises ``OSError``."""
        self._digest.update(data)
        self._size += len(data)
        self._tree.write(data)

    def end(self) -> None:
        """That was all of it."""
        self._tree.place(self._path, self._size, self._digest.digest())


class _RegionContent:
    """Part of a file that others read from, too."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd = fd
        self._at = offset
        self._end = offset + size

    def read(self, size: int, /) -> bytes:
        data = os.pread(self._fd, min(size, self._end - self._at), self._at)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._at = self._end


def _unnamed_file(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:  # not on every file system
        fd, path = tempfile.mkstemp(dir=folder)
        os.unlink(path)
        return fd
