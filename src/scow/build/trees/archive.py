"""A context that came as a tar: indexed while it arrives, contents in one file without a name.

No file of the context is ever made on disk: COPY reads the contents from where they lie. One pass gives the
digest of every file, too. After a kill nothing is left.
"""

import asyncio
import os
import posixpath
import stat
import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass

from scow import tasks
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError, ScowError
from scow.image import tar_reader
from scow.image.decompress import decompressed
from scow.image.inlet import Inlet
from scow.image.tar_reader import Entry, TarReader
from scow.spec.bulk_digest import bulk_sha256

_READ_BYTES = 1 << 20
_MAX_ENTRIES = 2_000_000
_KINDS = {
    tar_reader.REGULAR: stat.S_IFREG,
    tar_reader.DIRECTORY: stat.S_IFDIR,
    tar_reader.SYMLINK: stat.S_IFLNK,
    tar_reader.FIFO: stat.S_IFIFO,
    tar_reader.CHARACTER_DEVICE: stat.S_IFCHR,
    tar_reader.BLOCK_DEVICE: stat.S_IFBLK,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file's content lies, and what it digests to."""

    offset: int
    digest: bytes


class ArchiveTree:
    """Made by ``receive_archive``."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._nodes: dict[str, Node] = {"": Node("", stat.S_IFDIR | 0o755)}
        self._places: dict[str, _Place] = {}
        self._names: dict[str, set[str]] = {"": set()}
        self._end = 0

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

    def index(self, archive: TarReader) -> None:
        """Take everything in. Raises InvalidArgumentError, ``OSError``."""
        for entry in archive:
            if len(self._nodes) > _MAX_ENTRIES:
                raise InvalidArgumentError(f"build context has more than {_MAX_ENTRIES} entries")
            path = _path_of(entry)
            if not path:
                continue
            if entry.kind == tar_reader.HARD_LINK:
                self._add_link(entry, path)
                continue
            self._add(path, _node_of(entry, path))
            if entry.kind == tar_reader.REGULAR:
                self._places[path] = self._take_content(archive, entry)

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

    def _add_link(self, entry: Entry, path: str) -> None:
        target = self._nodes.get(_clean(entry.link))
        if target is None or not target.is_file:
            raise InvalidArgumentError(f'invalid hardlink "{entry.name}" -> "{entry.link}"')
        node = Node(path, target.mode, size=target.size, mtime_ns=target.mtime_ns)
        self._places[path] = self._places[target.path]
        self._add(path, node)

    def _take_content(self, archive: TarReader, entry: Entry) -> _Place:
        digest = bulk_sha256()
        offset = self._end
        while piece := archive.read(_READ_BYTES):
            digest.update(piece)
            while piece:
                piece = piece[os.write(self._fd, piece) :]
        self._end += entry.size
        return _Place(offset, digest.digest())


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


async def receive_archive(chunks: AsyncIterable[bytes], folder: str) -> ArchiveTree:
    """The tree of a tar, compressed or not, that arrives in ``chunks``; its contents lie in ``folder``.

    Raises InvalidArgumentError for what is no whole tar, ScowError where the disk refuses.
    """
    inlet = Inlet()
    # Gathered, it is a task whose failure is for us alone to tell.
    work = asyncio.gather(tasks.run_in_own_thread(_receive, inlet, folder), return_exceptions=True)
    # A thread that has given up takes nothing any more: whoever waits for room must not wait for ever.
    work.add_done_callback(lambda _: inlet.end())
    try:
        async for chunk in chunks:
            if work.done():
                break
            await inlet.put(chunk)
    except BaseException:
        inlet.fail(ScowError("the build context did not arrive"))
        (result,) = await work
        if isinstance(result, ArchiveTree):
            result.close()
        raise
    inlet.end()
    (result,) = await work
    if isinstance(result, BaseException):
        raise result
    return result


def _receive(inlet: Inlet, folder: str) -> ArchiveTree:
    tree = ArchiveTree(_unnamed_file(folder))
    try:
        archive = TarReader(decompressed(inlet))
        tree.index(archive)
        archive.drain()
    except OSError as exc:
        tree.close()
        raise ScowError(f"build context cannot be stored: {exc.strerror or exc}") from exc
    except BaseException:
        tree.close()
        raise
    return tree


def _unnamed_file(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:  # not on every file system
        fd, path = tempfile.mkstemp(dir=folder)
        os.unlink(path)
        return fd


def _node_of(entry: Entry, path: str) -> Node:
    """As a context's files are: root's, whoever sent them."""
    return Node(
        path,
        _KINDS[entry.kind] | entry.mode,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        link=entry.link,
        device=entry.device,
    )


def _path_of(entry: Entry) -> str:
    if ".." in entry.name.split("/"):
        raise InvalidArgumentError(f'invalid tar entry: "{entry.name}" leads out of the build context')
    return _clean(entry.name)


def _clean(name: str) -> str:
    return posixpath.normpath("/" + name).lstrip("/")
