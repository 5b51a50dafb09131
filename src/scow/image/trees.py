"""Whole directory trees: remove and measure (``linux.tree_copy`` copies them).

The trees are what containers left behind: names of any depth, directories without permissions, device
nodes. None of the walks recurses in Python, and none keeps more than a bounded number of descriptors.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Deeper than this, a directory is first moved up: a container may nest further than there are descriptors.
_MAX_DEPTH = 64
_BLOCK_BYTES = 512  # of st_blocks, stat(2)


def remove_tree(parent_fd: int, name: str) -> None:
    """Remove ``name`` in ``parent_fd`` and all below it. What is not there is no error; safe to repeat."""
    try:
        os.unlink(name, dir_fd=parent_fd)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        pass  # EISDIR on Linux, EPERM by POSIX: a directory, or truly refused, which rmdir will say
    base_fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
    try:
        while _empty(base_fd):
            pass
    finally:
        os.close(base_fd)
    os.rmdir(name, dir_fd=parent_fd)


def remove_path(path: str) -> None:
    """``remove_tree`` by path."""
    parent, name = os.path.split(path)
    try:
        parent_fd = os.open(parent, _DIRECTORY)
    except FileNotFoundError:
        return
    try:
        remove_tree(parent_fd, name)
    finally:
        os.close(parent_fd)


def _empty(base_fd: int) -> bool:
    """Remove what is in ``base_fd``; True if directories from too deep were moved into it meanwhile."""
    moved = 0
    stack: list[tuple[int, str, list[str]]] = [(os.dup(base_fd), "", _clear(base_fd))]
    try:
        while stack:
            fd, name, folders = stack[-1]
            if folders:
                child = folders.pop()
                child_fd = os.open(child, _DIRECTORY, dir_fd=fd)
                stack.append((child_fd, child, []))
                nested = _clear(child_fd)
                if len(stack) < _MAX_DEPTH:
                    stack[-1] = (child_fd, child, nested)
                    continue
                for deep in nested:
                    os.rename(deep, _free_name(base_fd, moved), src_dir_fd=child_fd, dst_dir_fd=base_fd)
                    moved += 1
                continue
            stack.pop()
            os.close(fd)
            if stack:
                os.rmdir(name, dir_fd=stack[-1][0])
    finally:
        for fd, _, _ in stack:
            os.close(fd)
    return moved > 0


def _free_name(base_fd: int, number: int) -> str:
    while True:
        name = f"moved-{number}"
        try:
            os.stat(name, dir_fd=base_fd, follow_symlinks=False)
        except FileNotFoundError:
            return name
        number += 1_000_003


def _clear(fd: int) -> list[str]:
    """Unlink all that is not a directory; returns the directories."""
    folders: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=fd)
    return folders


def tree_bytes(path: str) -> int:
    """Bytes below ``path`` as ``docker ps -s`` counts: lengths, each inode once, no directories.

    Things that vanish meanwhile are left out.
    """
    return sum(status.st_size for status in _each_inode(path))


def disk_bytes(path: str) -> int:
    """Bytes on the disk of the files below ``path``, each inode once; see ``tree_bytes``."""
    return sum(status.st_blocks * _BLOCK_BYTES for status in _each_inode(path))


def _each_inode(path: str) -> Iterator[os.stat_result]:
    linked: set[tuple[int, int]] = set()
    for _, status in _walk_status(path):
        if status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in linked:
                continue
            linked.add((status.st_dev, status.st_ino))
        yield status


def changed_bytes(path: str, base: str) -> int:
    """Bytes of what is below ``path`` and not the same in ``base``: by kind, length and time of change."""
    total = 0
    for name, status in _walk_status(path):
        try:
            before = os.lstat(os.path.join(base, name))
        except OSError:
            total += status.st_size
            continue
        seen = [(it.st_mode, it.st_size, it.st_mtime_ns) for it in (before, status)]
        total += status.st_size if seen[0] != seen[1] else 0
    return total


def _walk_status(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """All that is not a directory, by its name relative to ``path``."""
    todo = [""]
    while todo:
        folder = todo.pop()
        try:
            entries = os.scandir(os.path.join(path, folder))
        except OSError:
            continue  # removed, or deeper than PATH_MAX: then a little is missing from a size
        with entries:
            for entry in entries:
                name = os.path.join(folder, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    todo.append(name)
                    continue
                with suppress(FileNotFoundError):
                    yield name, entry.stat(follow_symlinks=False)
