"""A folder of a tree as a tree of its own."""

from dataclasses import replace

from scow.build.trees.tree import Content, Node, Tree


class PartTree:
    """What is in ``folder`` of ``tree``; nothing where that is no folder."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self._folder = folder

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        found = self._tree.node(self._inner(path))
        return replace(found, path=path) if found is not None else None

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        cut = len(self._folder) + 1
        return [replace(it, path=it.path[cut:]) for it in self._tree.children(self._inner(path))]

    def open(self, node: Node) -> Content:
        """See ``Tree``."""
        return self._tree.open(replace(node, path=self._inner(node.path)))

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return self._tree.digest(replace(node, path=self._inner(node.path)))

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return self._tree.is_settled

    def identity(self, node: Node) -> int:
        """See ``Tree``."""
        return self._tree.identity(replace(node, path=self._inner(node.path)))

    def close(self) -> None:
        """See ``Tree``."""
        self._tree.close()

    def _inner(self, path: str) -> str:
        return f"{self._folder}/{path}" if path else self._folder
