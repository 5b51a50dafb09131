"""Files that are in memory as a tree: heredocs, a Dockerfile that came alone."""

import hashlib
import stat
from collections.abc import Mapping

from scow.build.trees.tree import Node


class MemoryTree:
    """Files without folders, by name; all belong to root and are of the same age."""

    def __init__(self, files: Mapping[str, bytes], *, mode: int = 0o644, mtime_ns: int = 0) -> None:
        self._files = dict(files)
        self._mode = mode
        self._mtime_ns = mtime_ns

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        if not path:
            return Node("", stat.S_IFDIR | 0o755)
        data = self._files.get(path)
        if data is None:
            return None
        return Node(path, stat.S_IFREG | self._mode, size=len(data), mtime_ns=self._mtime_ns)

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        found = (self.node(name) for name in sorted(self._files)) if not path else ()
        return [node for node in found if node is not None]

    def open(self, node: Node) -> "MemoryContent":
        """See ``Tree``."""
        return MemoryContent(self._files[node.path])

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return hashlib.sha256(self._files[node.path]).digest()

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return True

    def identity(self, node: Node) -> int:
        """See ``Tree``."""
        return 0

    def close(self) -> None:
        """See ``Tree``."""


class MemoryContent:
    """Bytes that are read once."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def read(self, size: int, /) -> memoryview:
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def close(self) -> None:
        self._left = memoryview(b"")
