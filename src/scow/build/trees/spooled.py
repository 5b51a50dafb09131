"""A tree whose files arrive one after the other, with the contents of all of them in one file.

No file of it is ever made on disk: COPY reads the contents from where they lie. One pass gives the digest of
every file, too. The file has no name, so that nothing is left after a kill, or is kept (``kept_archives``).
"""

import errno
import os
import stat
import tempfile
from dataclasses import replace

from scow.build.trees.file_table import File, FileTable, Place
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.sent_files import SentFile

_MAX_ENTRIES = 2_000_000
_MAX_DEPTH = 400  # as many folders as are made where a context is copied to (scow.image.tree_maker)
# A call for each of many small files would cost more than what it writes.
_GATHER_BYTES = 1 << 20
_ROOT = Node("", stat.S_IFDIR | 0o755)


class SpooledTree:
    """See ``Tree``. ``fd`` holds the contents, and is closed with the tree."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._table = FileTable()
        self._rows: dict[str, int] = {}
        self._inside: dict[str, list[int]] = {"": []}
        """The rows of what is in each folder."""
        self.is_plain = True
        """Every node was told of once, and after its folder."""

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        if not path:
            return _ROOT
        row = self._rows.get(path)
        return None if row is None else self._table.node(row)

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        rows = sorted(self._inside[path], key=self._table.paths.__getitem__)
        return [self._table.node(row) for row in rows]

    def open(self, node: Node) -> "Region":
        """See ``Tree``."""
        return Region(self._fd, self._place(node).offset, node.size)

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return self._place(node).digest

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return True

    def identity(self, node: Node) -> int:
        """See ``Tree``. A link's content is where that of the file is, and an empty file's is anywhere."""
        return self._place(node).offset + 1 if node.size else 0

    def close(self) -> None:
        """See ``Tree``."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, file: File, place: Place | None = None) -> None:
        """One more file, later ones in place of earlier ones; a regular one has its place.

        Raises InvalidArgumentError for too many, one that is in too many folders, and what is no path.
        """
        if "\0" in file.path:
            raise InvalidArgumentError(f"invalid path: {file.path!r} has a NUL in it")
        if file.path.count("/") > _MAX_DEPTH:
            raise InvalidArgumentError(f"build context has a file in more than {_MAX_DEPTH} folders")
        self._put(file, place)

    def add_link(self, path: str, target_path: str) -> bool:
        """Another name of an earlier file; False if that is none. Raises as ``add`` does."""
        target = self.node(target_path)
        if target is None or not target.is_file:
            return False
        self.add(replace(target, path=path), self._place(target))
        return True

    def move(self, path: str, place: Place) -> None:
        """The content of a regular file lies elsewhere, if the file is still there."""
        if self.place_of(path) is not None:
            self._table.move(self._rows[path], place)

    def lie_in(self, fd: int) -> None:
        """The contents are all in ``fd``, which is taken over."""
        self.close()
        self._fd = fd

    def paths(self) -> list[str]:
        """Of all that was added."""
        return list(self._rows)

    def place_of(self, path: str) -> Place | None:
        """Where its content lies, if it is a regular file."""
        row = self._rows.get(path)
        return None if row is None else self._table.place(row)

    def _place(self, node: Node) -> Place:
        place = self._table.place(self._rows[node.path])
        assert place is not None, node.path
        return place

    def _put(self, file: File, place: Place | None) -> None:
        path = file.path
        parent = path.rpartition("/")[0]
        if parent not in self._inside:
            self.is_plain = False
            self._put(Node(parent, stat.S_IFDIR | 0o755), None)
        row = self._rows.get(path)
        if row is not None:
            self.is_plain = False
            self._table.put(row, file, place)
        elif len(self._rows) >= _MAX_ENTRIES:
            raise InvalidArgumentError(f"build context has more than {_MAX_ENTRIES} entries")
        else:
            row = self._rows[path] = self._table.add(file, place)
            self._inside[parent].append(row)
        if stat.S_ISDIR(file.mode):
            self._inside.setdefault(path, [])
        elif path in self._inside:
            self._remove_folder(path)

    def _remove_folder(self, path: str) -> None:
        """A later entry makes something else of a folder."""
        for row in self._inside.pop(path):
            inner = self._table.paths[row]
            if inner in self._inside:
                self._remove_folder(inner)
            del self._rows[inner]


class Spool:
    """Contents that come one after the other, put at the end of a file that is ``tree``'s."""

    def __init__(self, tree: SpooledTree, fd: int) -> None:
        self._tree = tree
        self._fd = fd
        self._end = 0
        self._gathered = bytearray()
        self._file: SentFile | None = None
        self._size = 0
        self._digest = bulk_sha256()

    @property
    def end(self) -> int:
        """How many bytes have come, of files that are whole."""
        return self._end

    def begin(self, file: SentFile) -> None:
        """A regular file, whose content comes now."""
        self._file = file
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
        if self._file is None:
            return
        # Somebody may be writing to it: what came counts.
        self._tree.add(self._file._replace(size=self._size), Place(self._end, self._digest.digest()))
        self._end += self._size
        self._file = None

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
