"""A context as a build sees it: without what ``.dockerignore`` leaves out."""

from scow.build.trees.tree import Content, Node, Tree
from scow.spec.ignore_rules import IgnoreRules


class IgnoringTree:
    """``tree`` without what ``rules`` leave out. A folder that is left out is there for what is in it."""

    def __init__(self, tree: Tree, rules: IgnoreRules) -> None:
        self._tree = tree
        self._rules = rules

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        node = self._tree.node(path)
        return node if node is not None and self._is_there(node) else None

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        return [node for node in self._tree.children(path) if self._is_there(node)]

    def open(self, node: Node) -> Content:
        """See ``Tree``."""
        return self._tree.open(node)

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        return self._tree.digest(node)

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return self._tree.is_settled

    def identity(self, node: Node) -> int:
        """See ``Tree``."""
        return self._tree.identity(node)

    def close(self) -> None:
        """See ``Tree``."""
        self._tree.close()

    def _is_there(self, node: Node) -> bool:
        if not node.path or not self._rules.ignores(node.path):
            return True
        return node.is_folder and self._rules.may_hold_included(node.path) and self._holds_something(node)

    def _holds_something(self, folder: Node) -> bool:
        return any(
            not self._rules.ignores(node.path) or (node.is_folder and self._is_there(node))
            for node in self._tree.children(folder.path)
        )
