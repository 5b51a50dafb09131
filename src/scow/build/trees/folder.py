"""A directory of the machine as a tree: a context that is read in place, a stage's file system."""

import os
import stat
import threading
import time
from collections.abc import Callable
from functools import partial

from scow.build.trees.known_digests import KnownDigests, state_of
from scow.build.trees.tree import Node
from scow.linux.rootpath import open_in_root
from scow.spec.bulk_digest import bulk_sha256

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ_BYTES = 1 << 20
_CAPABILITIES = "security.capability"


class FolderTree:
    """Takes over ``root_fd``, a directory. Used by several threads: stages copy from one context at once.

    ``with_owners``: owners and capabilities are the files' own; a context's are the machine's business, and
    everything in it belongs to root. ``known`` are digests of its files from before.
    """

    def __init__(self, root_fd: int, *, with_owners: bool, known: KnownDigests | None = None) -> None:
        self._root_fd = root_fd
        self._with_owners = with_owners
        self._known = known
        self._settled = True
        self._lock = threading.Lock()
        """For the folder that is open, from finding it to the last use of its descriptor."""
        self._folder_path: str | None = None
        self._folder_fd = -1

    def node(self, path: str) -> Node | None:
        """See ``Tree``."""
        if not path:
            return self._described("", os.fstat(self._root_fd), self._root_fd, ".")
        parent, _, name = path.rpartition("/")
        with self._lock:
            try:
                folder_fd = self._folder(parent)
                status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
                return self._described(path, status, folder_fd, name)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def children(self, path: str) -> list[Node]:
        """See ``Tree``."""
        with self._lock:
            return self._listed(path, self._folder(path))

    def _listed(self, path: str, folder_fd: int) -> list[Node]:
        nodes = []
        for name in sorted(os.listdir(folder_fd)):
            try:
                status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue  # somebody works in it
            if not stat.S_ISSOCK(status.st_mode):  # a socket is nothing without the process that bound it
                nodes.append(self._described(f"{path}/{name}" if path else name, status, folder_fd, name))
        return nodes

    def open(self, node: Node) -> "FileContent":
        """See ``Tree``."""
        parent, _, name = node.path.rpartition("/")
        with self._lock:
            fd = os.open(name, _FILE, dir_fd=self._folder(parent))
        return FileContent(fd, partial(self._check, fd, node.state) if node.state else None)

    def _check(self, fd: int, state: bytes) -> None:
        """Of a file that has been read; somebody may be working in the folder."""
        if state_of(os.fstat(fd)) != state:
            self._settled = False

    @property
    def is_settled(self) -> bool:
        """See ``Tree``."""
        return self._settled

    def digest(self, node: Node) -> bytes:
        """See ``Tree``."""
        if self._known is None or not node.state:
            return self._read_digest(node)
        digest = self._known.find(node.state)
        if digest is None:
            read_at_ns = time.time_ns()
            digest = self._read_digest(node)
            self._known.remember(node.state, digest, read_at_ns=read_at_ns)
        return digest

    def identity(self, node: Node) -> int:
        """See ``Tree``."""
        return node.inode

    def _read_digest(self, node: Node) -> bytes:
        content = self.open(node)
        try:
            digest = bulk_sha256()
            while piece := content.read(_READ_BYTES):
                digest.update(piece)
            return digest.digest()
        finally:
            content.close()

    @property
    def has_new_digests(self) -> bool:
        """Whether there is something to keep for the next build."""
        return self._known is not None and self._known.is_new

    def keep_digests(self) -> None:
        """See ``KnownDigests.save``. Blocks."""
        if self._known is not None:
            self._known.save()

    def close(self) -> None:
        """See ``Tree``."""
        self._forget()
        if self._root_fd >= 0:
            os.close(self._root_fd)
            self._root_fd = -1

    def _described(self, path: str, status: os.stat_result, folder_fd: int, name: str) -> Node:
        is_link = stat.S_ISLNK(status.st_mode)
        xattrs: tuple[tuple[str, bytes], ...] = ()
        if self._with_owners and stat.S_ISREG(status.st_mode):
            xattrs = _capabilities(folder_fd, name)
        return Node(
            path,
            status.st_mode,
            uid=status.st_uid if self._with_owners else 0,
            gid=status.st_gid if self._with_owners else 0,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            link=os.readlink(name, dir_fd=folder_fd) if is_link else "",
            device=status.st_rdev,
            xattrs=xattrs,
            state=state_of(status) if self._known is not None else b"",
            inode=status.st_dev << 64 | status.st_ino if status.st_nlink > 1 else 0,
        )

    def _folder(self, path: str) -> int:
        """A descriptor of the folder, good until the next call: files of one folder come together.

        To be called with the lock.
        """
        if not path:
            return self._root_fd
        if path != self._folder_path:
            fd = open_in_root(self._root_fd, path, _FOLDER)
            self._forget()
            self._folder_path, self._folder_fd = path, fd
        return self._folder_fd

    def _forget(self) -> None:
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
        self._folder_path, self._folder_fd = None, -1


class FileContent:
    """An open file; takes over the descriptor. ``before_close`` is called while it still is one."""

    def __init__(self, fd: int, before_close: Callable[[], None] | None = None) -> None:
        self._fd = fd
        self._before_close = before_close

    def read(self, size: int, /) -> bytes:
        return os.read(self._fd, size)

    def close(self) -> None:
        if self._before_close is not None:
            self._before_close()
        os.close(self._fd)


def _capabilities(folder_fd: int, name: str) -> tuple[tuple[str, bytes], ...]:
    try:
        value = os.getxattr(f"/proc/self/fd/{folder_fd}/{name}", _CAPABILITIES, follow_symlinks=False)
    except OSError:
        return ()
    return ((_CAPABILITIES, value),)
