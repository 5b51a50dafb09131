"""Files of a result, as a client's front end looks at them."""

import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Node, Tree, follow
from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.leases import Lease
from scow.spec.ignore_rules import ignore_rules
from scow.spec.sent_files import SentFile
from scow.tasks import run_blocking

T = TypeVar("T")

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# As much as BuildKit's clients take in one message.
_MAX_BYTES = 16 << 20


class StackFiles:
    """See ``scow.spec.frontend_build.ResultFiles``: of a stack that ``lease`` holds."""

    def __init__(self, lease: Lease, chain_id: str | None) -> None:
        self._lease = lease
        self._chain_id = chain_id

    async def read(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        if offset < 0 or length < 0:
            raise InvalidArgumentError(f"invalid range {offset}, {length} of {path}")
        return await self._with_tree(lambda tree: _read(tree, path, offset, length))

    async def entries(self, path: str, pattern: str = "") -> list[SentFile]:
        return await self._with_tree(lambda tree: _entries(tree, path, pattern))

    async def about(self, path: str) -> SentFile:
        return await self._with_tree(lambda tree: _sent(_found(tree, path, "lstat"), path))

    async def _with_tree(self, look: Callable[[Tree], T]) -> T:
        def work() -> T:
            with self._tree() as tree:
                return look(tree)

        return await run_blocking(work)

    @contextmanager
    def _tree(self) -> Iterator[Tree]:
        if self._chain_id is None:
            yield MemoryTree({})
            return
        with closing(self._lease.view(self._chain_id)) as view:
            root_fd = os.open(f"/proc/self/fd/{view.root}", _DIRECTORY)
            with closing(FolderTree(root_fd, with_owners=True)) as tree:
                yield tree


def _found(tree: Tree, path: str, what: str) -> Node:
    node = follow(tree, path)
    if node is None:
        raise NotFoundError(f"{what} {path}: no such file or directory")
    return node


def _read(tree: Tree, path: str, offset: int, length: int) -> bytes:
    node = _found(tree, path, "open")
    if not node.is_file:
        kind = "is a directory" if node.is_folder else "not a regular file"
        raise InvalidArgumentError(f"read {path}: {kind}")
    wanted = max(0, node.size - offset)
    wanted = min(wanted, length) if length else wanted
    if wanted > _MAX_BYTES:
        raise InvalidArgumentError(f"read {path}: more than {_MAX_BYTES} bytes at once")
    found = bytearray()
    with closing(tree.open(node)) as content:
        skipped = 0
        while skipped < offset and (piece := content.read(min(offset - skipped, 1 << 20))):
            skipped += len(piece)
        while len(found) < wanted and (piece := content.read(wanted - len(found))):
            found += piece
    return bytes(found)


def _entries(tree: Tree, path: str, pattern: str) -> list[SentFile]:
    folder = _found(tree, path, "lstat")
    if not folder.is_folder:
        raise InvalidArgumentError(f"readdir {path}: not a directory")
    rules = ignore_rules([pattern] if pattern else [])
    return [
        _sent(node, node.name)
        for node in tree.children(folder.path)
        if not rules or node.is_folder or rules.ignores(node.name)
    ]


def _sent(node: Node, path: str) -> SentFile:
    return SentFile(
        path=posixpath.basename(path),
        mode=node.mode,
        uid=node.uid,
        gid=node.gid,
        size=node.size if node.is_file else 0,
        mtime_ns=node.mtime_ns,
        link=node.link,
        device=node.device,
        xattrs=node.xattrs,
    )
