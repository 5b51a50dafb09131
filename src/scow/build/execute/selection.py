"""Which files a COPY or ADD means: patterns against a tree, and what to call each at its target."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from scow.build.trees.tree import Node, Tree, resolve, walk
from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.ignore_rules import IgnoreRules, ignore_rules
from scow.spec.path_patterns import has_magic, path_pattern


@dataclass(frozen=True, slots=True)
class Chosen:
    """One source: a file, or a folder whose content is meant. ``name`` is what a file is called there.

    ``parents`` are the folders that ``--parents`` keeps, relative to the target.
    """

    node: Node
    name: str
    parents: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that one instruction copies from one tree.

    ``excludes`` count from the folder that is copied, as BuildKit's do, and mean a file that is copied by
    itself by its name; with ``parents`` they count from where these begin.
    """

    tree: Tree
    chosen: tuple[Chosen, ...]
    excludes: IgnoreRules
    parents: bool = False
    includes: IgnoreRules = field(default_factory=IgnoreRules)
    """Where there are any: only what they mean, and the folders above it."""

    def entries(self, chosen: Chosen) -> Iterator[tuple[Node, str]]:
        """What is in a chosen folder, parents first, with its path from there."""
        found = self._not_excluded(chosen)
        return _included(found, self.includes) if self.includes else found

    def _not_excluded(self, chosen: Chosen) -> Iterator[tuple[Node, str]]:
        skip = len(chosen.node.path) + 1 if chosen.node.path else 0
        hidden = ""
        for node in walk(self.tree, chosen.node):
            path = node.path[skip:]
            counted = self._counted(chosen, node, path) if self.excludes else ""
            if counted and self.excludes.ignores(counted):
                if node.is_folder and not self.excludes.may_hold_included(counted):
                    hidden = f"{path}/"  # what is in it comes next, and nothing else before that has ended
                continue
            if not hidden or not path.startswith(hidden):
                yield node, path

    def leaves_out(self, chosen: Chosen) -> bool:
        """Whether ``--exclude`` means a file that was chosen by itself."""
        if not self.excludes or chosen.node.is_folder:
            return False
        return self.excludes.ignores(self._counted(chosen, chosen.node, ""))

    def _counted(self, chosen: Chosen, node: Node, path: str) -> str:
        """What ``--exclude`` is compared with; nothing for a folder that is itself the source."""
        if self.parents:
            return posixpath.normpath(posixpath.join(chosen.parents, chosen.name, path))
        return path or ("" if node.is_folder else chosen.name)


def _included(entries: Iterator[tuple[Node, str]], rules: IgnoreRules) -> Iterator[tuple[Node, str]]:
    """What ``rules`` mean, and before it the folders that it is in."""
    above: list[tuple[Node, str]] = []
    for node, path in entries:
        while above and not path.startswith(f"{above[-1][1]}/"):
            above.pop()
        if rules.ignores(path):
            yield from above
            above.clear()
            yield node, path
        elif node.is_folder:
            above.append((node, path))


def select(
    tree: Tree,
    sources: Sequence[str],
    *,
    excludes: Sequence[str] = (),
    parents: bool = False,
    may_be_empty: bool = False,
    follows: bool = True,
) -> Selection:
    """Find ``sources``, which may be patterns. Blocks.

    ``follows``: a symlink that is a source means what it leads to.

    Raises NotFoundError for one that is not there, InvalidArgumentError if patterns match nothing at all and
    that must not be.
    """
    chosen: list[Chosen] = []
    for source in sources:
        path = posixpath.normpath("/" + source).lstrip("/")
        for name in matching(tree, path):
            kept = _kept_parents(source, name) if parents else ""
            chosen.append(replace(find(tree, name, source, follows=follows), parents=kept))
    if not chosen and not may_be_empty:
        raise InvalidArgumentError("no source files were specified")
    whole = Selection(tree, tuple(chosen), ignore_rules(excludes), parents)
    return replace(whole, chosen=tuple(it for it in chosen if not whole.leaves_out(it)))


def find(tree: Tree, path: str, source: str = "", *, follows: bool = True) -> Chosen:
    """What is at a path, which is no pattern. Blocks. Raises NotFoundError that names ``source``."""
    name = posixpath.normpath(f"/{path}").lstrip("/")
    if follows:
        led, node = resolve(tree, name)
    else:
        folder, inside = resolve(tree, posixpath.dirname(name))[0], posixpath.basename(name)
        led = posixpath.join(folder, inside)
        node = tree.node(led)
    if node is None:
        raise NotFoundError(f"/{led}" if led != name else source or path)
    return Chosen(node, posixpath.basename(name))


def matching(tree: Tree, pattern: str) -> list[str]:
    """Paths that match, part by part as Go's filepath.Match does.

    Symlinks are followed up to the first part with a pattern in it, and not after it. What is no pattern
    matches itself, there or not. Blocks.
    """
    if not has_magic(pattern):
        return [pattern]
    parts = pattern.split("/")
    plain = next(number for number, part in enumerate(parts) if has_magic(part))
    top, _ = resolve(tree, "/".join(parts[:plain]))
    found = [top]
    for part in parts[plain:]:
        matches = path_pattern(part).fullmatch
        found = [node.path for path in found for node in _children(tree, path) if matches(node.name)]
    return found


def _children(tree: Tree, path: str) -> list[Node]:
    folder = tree.node(path)
    return tree.children(path) if folder is not None and folder.is_folder else []


def _kept_parents(source: str, path: str) -> str:
    """The folders of ``path`` that stay: those after ``/./``, or all of them."""
    before, pivot, _ = source.partition("/./")
    folder = posixpath.dirname(path)
    if not pivot:
        return folder
    root = posixpath.normpath("/" + before).lstrip("/")
    return posixpath.relpath(folder, root) if root else folder
