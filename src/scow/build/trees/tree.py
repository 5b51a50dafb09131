"""A tree of files to copy from, whatever holds it; and how a path is found in it.

Paths are relative, with slashes, "" is the root. Nothing leads out of a tree: symlinks on the way and ``..``
are resolved inside it, as if the root were ``/``.
"""

import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from scow.errors import InvalidArgumentError

_MAX_LINKS = 40  # as many as the kernel follows, path_resolution(7)


@dataclass(frozen=True, slots=True)
class Node:
    """One file of a tree. ``mode`` is that of stat(2), kind and all; ``link`` is a symlink's text.

    ``state`` tells this version of a file from all others, if it is not empty (``known_digests``).
    ``inode`` is 0 for a file with one name.
    """

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    link: str = ""
    device: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = field(default=())
    state: bytes = b""
    inode: int = 0

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class Content(Protocol):
    """A file's content, to be read once; closed by who opened it."""

    def read(self, size: int, /) -> bytes | memoryview:
        """At most ``size`` bytes, nothing at the end."""

    def close(self) -> None: ...


class Tree(Protocol):
    """All calls block, and may raise ``OSError``. Digests are asked for by one thread at a time, what is at a
    path and what is in a file by any.
    """

    def node(self, path: str) -> Node | None:
        """What is at ``path``; symlinks are not followed, neither at its end nor on the way."""

    def children(self, path: str) -> list[Node]:
        """What is in the folder at ``path``, by name."""

    def open(self, node: Node) -> Content:
        """The content of a regular file."""

    def digest(self, node: Node) -> bytes:
        """The sha256 of a regular file's content."""

    @property
    def is_settled(self) -> bool:
        """Whether everything that was read was as it had been when it was looked at."""

    def identity(self, node: Node) -> int:
        """What all names of one regular file have in common and no other file has; 0 if it has no others."""

    def close(self) -> None:
        """Give up what it holds. May be called twice."""


def walk(tree: Tree, top: Node) -> Iterator[Node]:
    """Everything below ``top``, parents first, by name."""
    stack = [iter(tree.children(top.path))]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        yield node
        if node.is_folder:
            stack.append(iter(tree.children(node.path)))


def follow(tree: Tree, path: str) -> Node | None:
    """What ``path`` means, all symlinks followed; ``None`` if there is nothing.

    Raises InvalidArgumentError for symlinks that go in circles.
    """
    return resolve(tree, path)[1]


def resolve(tree: Tree, path: str) -> tuple[str, Node | None]:
    """Where all symlinks of ``path`` lead, and what is there, if anything is. Raises as ``follow``."""
    done = ""
    todo = path.split("/")[::-1]
    links = 0
    node = tree.node("")
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = posixpath.dirname(done)
            node = tree.node(done)
            continue
        found = tree.node(f"{done}/{part}" if done else part)
        if found is None:
            return posixpath.normpath("/".join([done, part, *todo[::-1]])).lstrip("/"), None
        if found.is_symlink:
            links += 1
            if links > _MAX_LINKS:
                raise InvalidArgumentError(f"too many levels of symbolic links: {path}")
            if found.link.startswith("/"):
                done = ""
            todo += found.link.split("/")[::-1]
            node = tree.node(done)
            continue
        if todo and any(it not in ("", ".") for it in todo) and not found.is_folder:
            return posixpath.normpath("/".join([found.path, *todo[::-1]])).lstrip("/"), None
        done, node = found.path, found
    return done, node
