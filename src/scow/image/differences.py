"""What a container has changed: two trees compared, or one tree and what overlayfs keeps of its changes.

Docker's rules (go-archive's changes.go): a file is changed when its kind, mode, owner, device number, length
or time of change is another, or its capabilities are; a directory when its mode or owner is, or when
anything in it is; so the folders above a change are changes too, up to below the root. A directory that came
is told with all that is in it, one that went is told alone. Times are the same if they agree to the second
and one of them has no fraction: layers have none.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MODIFIED: Final = 0
ADDED: Final = 1
DELETED: Final = 2

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CAPABILITIES = "security.capability"
_ATTRIBUTES = ("st_mode", "st_uid", "st_gid", "st_rdev")
_SECOND_NS = 1_000_000_000
_MAX_PATH = 4095  # no program could name what is deeper


@dataclass(frozen=True, slots=True)
class Difference:
    """One path, absolute within the container; ``kind`` is MODIFIED, ADDED or DELETED."""

    path: str
    kind: int


def differences(new_fd: int, old_fd: int, opaque_xattr: str | None) -> Iterator[Difference]:
    """What makes the tree of ``new_fd`` out of that of ``old_fd``: by name, each folder before what is in it.

    ``old_fd`` -1: of nothing. With ``opaque_xattr`` the new tree is overlayfs' own directory, which has only
    what differs; without, it is whole. Blocks. Raises ``OSError``.
    """
    before_fd = _reopened(old_fd) if old_fd >= 0 else -1
    stack = [_Folder(_reopened(new_fd), before_fd, "", opaque_xattr, told=True)]
    try:
        while stack:
            folder = stack[-1]
            if not folder.names:
                stack.pop().close()
                continue
            name = folder.names.pop()
            kind, child = _compare(folder, name, opaque_xattr)
            if kind is not None:
                yield from _above(stack)
                yield Difference(f"{folder.path}/{name}", kind)
            if child is not None:
                child.told = kind is not None
                stack.append(child)
    finally:
        for folder in stack:
            folder.close()


def _reopened(folder_fd: int) -> int:
    """To be read, whatever it was opened for."""
    return os.open(f"/proc/self/fd/{folder_fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _above(stack: "list[_Folder]") -> Iterator[Difference]:
    """The folders above a change, where they have not been told yet."""
    for folder in stack:
        if not folder.told:
            folder.told = True
            yield Difference(folder.path, MODIFIED)


def is_whiteout(status: os.stat_result) -> bool:
    """Whether a file in overlayfs' upper directory stands for a deletion."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(folder_fd: int, opaque_xattr: str) -> bool:
    """Whether a directory in overlayfs' upper directory hides what is below."""
    try:
        return os.getxattr(folder_fd, opaque_xattr) == b"y"
    except OSError:
        return False


class _Folder:
    """One directory while what is in it is compared; takes over the descriptors. ``old_fd`` -1: it is new.

    ``names`` are those left to look at, the next one last; ``before`` those that the old one had.
    """

    def __init__(self, new_fd: int, old_fd: int, path: str, opaque_xattr: str | None, *, told: bool) -> None:
        self.new_fd = new_fd
        self.old_fd = old_fd
        self.path = path
        self.told = told
        present = os.listdir(new_fd)
        self.before = frozenset(os.listdir(old_fd)) if old_fd >= 0 else frozenset()
        partial = opaque_xattr is not None and not is_opaque(new_fd, opaque_xattr)
        self.gone = frozenset() if partial else self.before.difference(present)
        self.names = sorted(self.gone.union(present), reverse=True)

    def close(self) -> None:
        os.close(self.new_fd)
        if self.old_fd >= 0:
            os.close(self.old_fd)


def _compare(folder: _Folder, name: str, opaque_xattr: str | None) -> tuple[int | None, _Folder | None]:
    """The kind of change of one name, if there is one, and the directory to go on with, if it is one."""
    if name in folder.gone:
        return DELETED, None
    try:
        new = os.stat(name, dir_fd=folder.new_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None, None  # the container goes on meanwhile
    is_old = name in folder.before
    if opaque_xattr is not None and is_whiteout(new):
        return (DELETED if is_old else None), None
    if not is_old:
        return ADDED, _entered(folder, name, new, None, opaque_xattr)
    old = os.stat(name, dir_fd=folder.old_fd, follow_symlinks=False)
    changed = differ(new, old) or _capabilities_differ(folder, name, new)
    return (MODIFIED if changed else None), _entered(folder, name, new, old, opaque_xattr)


def _entered(
    folder: _Folder, name: str, new: os.stat_result, old: os.stat_result | None, opaque_xattr: str | None
) -> _Folder | None:
    path = f"{folder.path}/{name}"
    if not stat.S_ISDIR(new.st_mode) or len(path) > _MAX_PATH:
        return None
    try:
        new_fd = os.open(name, _LIST, dir_fd=folder.new_fd)
    except (FileNotFoundError, NotADirectoryError):
        return None
    old_fd = -1
    if old is not None and stat.S_ISDIR(old.st_mode):
        old_fd = os.open(name, _LIST, dir_fd=folder.old_fd)
    return _Folder(new_fd, old_fd, path, opaque_xattr, told=False)


def differ(new: os.stat_result, old: os.stat_result) -> bool:
    """Whether two files that have one name are not the same, as far as that can be seen."""
    if any(getattr(new, field) != getattr(old, field) for field in _ATTRIBUTES):
        return True
    if stat.S_ISDIR(new.st_mode):
        return False
    return new.st_size != old.st_size or not _same_time(new.st_mtime_ns, old.st_mtime_ns)


def _same_time(one: int, other: int) -> bool:
    if one == other:
        return True
    (second, fraction), (other_second, other_fraction) = divmod(one, _SECOND_NS), divmod(other, _SECOND_NS)
    return second == other_second and not (fraction and other_fraction)


def _capabilities_differ(folder: _Folder, name: str, status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    return _capabilities(folder.new_fd, name) != _capabilities(folder.old_fd, name)


def _capabilities(folder_fd: int, name: str) -> bytes:
    try:
        return os.getxattr(f"/proc/self/fd/{folder_fd}/{name}", _CAPABILITIES, follow_symlinks=False)
    except OSError:
        return b""
