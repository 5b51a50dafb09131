"""A context that comes as a tar: written down as it is, and indexed while it arrives."""

import asyncio
import posixpath
import stat
from collections.abc import AsyncIterable
from contextlib import closing
from io import BytesIO

from scow import tasks
from scow.build.trees.archive_index import ArchiveIndex, index_of
from scow.build.trees.file_table import Place
from scow.build.trees.kept_archives import Earlier, KeptArchives
from scow.build.trees.spooled import SpooledTree, unnamed_file, write_whole
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError, ScowError
from scow.image.decompress import ByteReader, decompressed
from scow.image.inlet import Inlet
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry, TarReader
from scow.spec.bulk_digest import bulk_sha256

_READ_BYTES = 1 << 20
_KINDS = {
    tar_reader.REGULAR: stat.S_IFREG,
    tar_reader.DIRECTORY: stat.S_IFDIR,
    tar_reader.SYMLINK: stat.S_IFLNK,
    tar_reader.FIFO: stat.S_IFIFO,
    tar_reader.CHARACTER_DEVICE: stat.S_IFCHR,
    tar_reader.BLOCK_DEVICE: stat.S_IFBLK,
}


async def receive_archive(
    chunks: AsyncIterable[bytes], folder: str, kept: KeptArchives | None = None
) -> SpooledTree:
    """The tree of a tar, compressed or not, that arrives in ``chunks``; its contents lie in ``folder``.

    With ``kept`` it is compared with those, and is one of them afterwards.

    Raises InvalidArgumentError for what is no whole tar, ScowError where the disk refuses.
    """
    inlet = Inlet()
    # Gathered, it is a task whose failure is for us alone to tell.
    work = asyncio.gather(tasks.run_in_own_thread(_receive, inlet, folder, kept), return_exceptions=True)
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
        if isinstance(result, SpooledTree):
            result.close()
        raise
    inlet.end()
    (result,) = await work
    if isinstance(result, BaseException):
        raise result
    return result


def _receive(inlet: Inlet, folder: str, kept: KeptArchives | None) -> SpooledTree:
    try:
        source = decompressed(inlet)
        if kept is None:
            return _read(source, unnamed_file(folder))
        return _compared(source, kept)
    except OSError as exc:
        raise ScowError(f"build context cannot be stored: {exc.strerror or exc}") from exc


def _compared(source: ByteReader, kept: KeptArchives) -> SpooledTree:
    """The tree of the archive, or of the kept one that is the same."""
    first = source.read(_READ_BYTES)
    earlier = kept.earlier(first)
    if earlier is None:
        return _taken_in(_Joined(BytesIO(first), source), kept, None, 0)
    with closing(earlier):
        same, piece = earlier.compare(first, source)
        if not piece and same == earlier.size:
            tree = SpooledTree(earlier.lend())
            earlier.index.add_to(tree, len(earlier.index.ends))
            return tree
        return _taken_in(_Joined(BytesIO(piece), source), kept, earlier, same)


def _taken_in(source: ByteReader, kept: KeptArchives, earlier: Earlier | None, same: int) -> SpooledTree:
    """The tree of an archive, which is kept. Its first ``same`` bytes are those of ``earlier``."""
    fd, path = kept.new()
    try:
        count = earlier.index.before(same) if earlier is not None else 0
        begin = earlier.index.ends[count - 1] if earlier is not None and count else 0
        if earlier is not None:
            earlier.copy_to(fd, begin)
            source = _Joined(earlier.region(begin, same), source)
        arrival = _Arrival(SpooledTree(fd), begin)
        if earlier is not None:
            arrival.know(earlier.index, count)
        arrival.read(_Recording(source, fd))
    except BaseException:
        kept.drop(path)
        raise
    kept.keep(path, arrival.index(), earlier.path if earlier is not None else None)
    return arrival.tree


def _read(source: ByteReader, fd: int) -> SpooledTree:
    arrival = _Arrival(SpooledTree(fd))
    arrival.read(_Recording(source, fd))
    return arrival.tree


class _Recording:
    """A stream that is written down as it is read."""

    def __init__(self, inner: ByteReader, fd: int) -> None:
        self._inner = inner
        self._fd = fd

    def read(self, size: int, /) -> bytes:
        data = self._inner.read(size)
        if data:
            write_whole(self._fd, data)
        return data


class _Joined:
    """A stream, then another."""

    def __init__(self, first: ByteReader, rest: ByteReader) -> None:
        self._first: ByteReader | None = first
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if self._first is not None:
            if data := self._first.read(size):
                return data
            self._first = None
        return self._rest.read(size)


class _Arrival:
    """Makes a tree of an archive, the first ``begin`` bytes of which are known."""

    def __init__(self, tree: SpooledTree, begin: int = 0) -> None:
        """Takes over ``tree``."""
        self.tree = tree
        self._ends: dict[str, int] = {}
        self._begin = begin
        self._is_plain = True

    def know(self, index: ArchiveIndex, count: int) -> None:
        """The first files of it are the first ``count`` of ``index``."""
        index.add_to(self.tree, count)
        self._ends.update(zip(index.table.paths, index.ends[:count], strict=False))

    def read(self, source: ByteReader) -> None:
        """Raises InvalidArgumentError, ``OSError``; then the tree is closed."""
        try:
            archive = TarReader(source)
            for entry in archive:
                self._take(entry, archive)
            archive.drain()
            # What is said of all files at once is said before them.
            self._is_plain = not archive.has_defaults
        except BaseException:
            self.tree.close()
            raise

    def index(self) -> ArchiveIndex:
        """What is in it, to be kept."""
        return index_of(self.tree, self._ends.items(), is_plain=self._is_plain)

    def _take(self, entry: Entry, archive: TarReader) -> None:
        path = _path_of(entry)
        if not path:
            return
        offset = self._begin + entry.offset
        if entry.kind == tar_reader.HARD_LINK:
            if not self.tree.add_link(path, _clean(entry.link)):
                raise InvalidArgumentError(f'invalid hardlink "{entry.name}" -> "{entry.link}"')
        elif entry.kind == tar_reader.REGULAR:
            digest = bulk_sha256()
            while piece := archive.read(_READ_BYTES):
                digest.update(piece)
            self.tree.add(_node_of(entry, path), Place(offset, digest.digest()))
        else:
            self.tree.add(_node_of(entry, path))
        self._ends[path] = offset + entry.size + -entry.size % tar_reader.BLOCK


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
