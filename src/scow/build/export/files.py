"""A result as files: a tar, or a folder that is sent file by file; a folder each for several platforms."""

import os
import posixpath
import stat
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Node, Tree, walk
from scow.image.tar.headers import encode_header, padding
from scow.image.tar.reader import REGULAR
from scow.image.tar.writer import Member, pack
from scow.image.tar.writer import walk as tar_members
from scow.image.threads import run_to_end
from scow.spec.sent_files import SentFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PIECE_BYTES = 1 << 20
_NANOSECONDS = 1_000_000_000


class View(Protocol):
    """A tree of mounts to read."""

    @property
    def root(self) -> int: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The files of one platform. ``folder`` is what they are put in, "" for none; ``added`` are more files
    by name. No time is later than ``epoch_s``.
    """

    view: View | None
    folder: str = ""
    added: Mapping[str, bytes] = field(default_factory=dict)
    epoch_s: int | None = None

    def members(self) -> Iterator[Member]:
        """For a tar. Blocks."""
        if self.view is None:
            return
        prefix = f"{self.folder}/".encode() if self.folder else b""
        for member in tar_members(self.view.root, prefix):
            if self.epoch_s is not None and member.status.st_mtime_ns > self.epoch_s * _NANOSECONDS:
                member.status = _at(member.status, self.epoch_s)
            yield member


def tar_of(results: Sequence[ResultFiles]) -> Generator[bytes, None, None]:
    """All of it as one archive. Blocks."""
    for result in results:
        for name, data in sorted(result.added.items()):
            path = posixpath.join(result.folder, name)
            mtime_s = result.epoch_s or 0
            yield encode_header(path.encode(), REGULAR, mode=0o600, size=len(data), mtime_s=mtime_s)
            yield data + padding(len(data))
    yield from pack(chain.from_iterable(it.members() for it in results), lambda _name: True)


class FolderOfResults:
    """See ``scow.spec.sent_files.SentFolder``. ``tell`` hears of bytes sent. To be closed."""

    def __init__(self, results: Sequence[ResultFiles], tell: Callable[[int], None]) -> None:
        self._trees: list[tuple[str, Tree, int | None]] = []
        for it in results:
            if it.view is not None:
                root = os.open(f"/proc/self/fd/{it.view.root}", _FOLDER)
                self._trees.append((it.folder, FolderTree(root, with_owners=True), it.epoch_s))
            if it.added:
                self._trees.append((it.folder, MemoryTree(dict(it.added), mode=0o600), it.epoch_s))
        self._places: dict[str, tuple[Tree, Node]] = {}
        self._tell = tell
        self.sent = 0

    def close(self) -> None:
        """No more files are asked for."""
        for _, tree, _ in self._trees:
            tree.close()

    async def files(self) -> AsyncIterator[SentFile]:
        for file in await run_to_end(self._all):
            yield file

    async def content(self, file: SentFile) -> AsyncIterator[bytes]:
        tree, node = self._places[file.path]
        content = await run_to_end(tree.open, node)
        try:
            while piece := await run_to_end(content.read, _PIECE_BYTES):
                self.sent += len(piece)
                self._tell(self.sent)
                yield bytes(piece)
        finally:
            content.close()

    def _all(self) -> list[SentFile]:
        """In the order of a walk: a folder's files stand behind it, sorted by the parts of their paths."""
        found: dict[str, SentFile] = {}
        for folder, tree, epoch_s in self._trees:
            if folder:
                found.setdefault(folder, SentFile(folder, stat.S_IFDIR | 0o755, mtime_ns=_clamp(0, epoch_s)))
            top = tree.node("")
            for node in walk(tree, top) if top is not None else ():
                file = _sent(node, posixpath.join(folder, node.path), epoch_s)
                found[file.path] = file
                self._places[file.path] = (tree, node)
        return [found[path] for path in sorted(found, key=lambda it: it.split("/"))]


def _sent(node: Node, path: str, epoch_s: int | None) -> SentFile:
    return SentFile(
        path,
        node.mode,
        node.uid,
        node.gid,
        0 if node.is_symlink or node.is_folder else node.size,
        _clamp(node.mtime_ns, epoch_s),
        node.link,
        node.device,
        node.xattrs,
    )


def _clamp(mtime_ns: int, epoch_s: int | None) -> int:
    return mtime_ns if epoch_s is None else min(mtime_ns, epoch_s * _NANOSECONDS)


def _at(status: os.stat_result, epoch_s: int) -> os.stat_result:
    """The same file at another time."""
    fields = list(status)
    fields[stat.ST_MTIME] = epoch_s
    named = {
        name: getattr(status, name)
        for name in ("st_rdev", "st_blksize", "st_blocks", "st_atime_ns", "st_ctime_ns")
    }
    return os.stat_result(fields, {**named, "st_mtime_ns": epoch_s * _NANOSECONDS})
