"""A container's whole file system, seen from outside: in a mount namespace of our own with nobody in it.

A thread unshares its mounts, arranges them, and ends; the descriptors of the namespace and of its root keep
what it made, and any other thread works through them (``linux.rootpath``). Nothing shows on the host, and
everything is gone with the descriptors: a kill leaves nothing behind (mount_namespaces(7)).

    of a process     a copy of its namespace without what the kernel makes up (/proc, /sys, /dev)
    of a directory   that directory as root, with other directories and files bound into it
    of a mount       one file system
"""

import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scow.linux import syscalls
from scow.linux.mounts import (
    MS_BIND,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    parse_mountinfo,
    unmount,
)
from scow.linux.rootpath import make_dirs_in_root, open_in_root

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Bind:
    """``source`` on the host shows at ``destination`` inside, which is made if it is missing."""

    source: str
    destination: str
    writable: bool = True


class MountView:
    """A tree of mounts. ``root`` is a descriptor to walk from, good until ``close``.

    ``mount_points`` are paths in it. Only here they are known to be in use: to a thread that is not in the
    namespace the kernel lets a file or an empty directory be removed from under a mount.
    """

    def __init__(self, root: int, namespace: int = -1) -> None:
        self.root = root
        self._namespace = namespace
        self.mount_points: tuple[str, ...] = ()

    def is_in_use(self, path: str) -> bool:
        """Whether something is mounted at or below ``path``, which has no symlinks in it."""
        return any(_is_below(point, (path,)) for point in self.mount_points)

    def close(self) -> None:
        """Give up the descriptors, and with the last one the mounts. May be called twice."""
        for fd in (self.root, self._namespace):
            if fd >= 0:
                os.close(fd)
        self.root = self._namespace = -1


def view_of_process(pid: int, wanted: Sequence[str]) -> MountView:
    """What process ``pid`` has mounted at its root and at or below each of ``wanted``; blocks.

    Where something else is mounted there, what lies below is seen. The caller makes sure that ``pid`` still
    is who it was. Raises ``OSError``: it has ended.
    """
    proc = os.open("/proc", _PLACE)
    try:
        namespace = os.open(f"{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            return _arranged(lambda: _enter(namespace, proc, wanted), proc)
        finally:
            os.close(namespace)
    finally:
        os.close(proc)


def view_of_directory(directory: str, binds: Iterable[Bind]) -> MountView:
    """``directory`` as root, with ``binds`` on it in this order; blocks. Raises ``OSError``."""
    proc = os.open("/proc", _PLACE)
    try:
        return _arranged(lambda: _build(directory, binds), proc)
    finally:
        os.close(proc)


def view_of_mount(fstype: str, target: str, options: str) -> MountView:
    """A file system of its own, mounted over directory ``target`` where only we see it; blocks."""
    proc = os.open("/proc", _PLACE)
    try:
        return _arranged(lambda: _mount_alone(fstype, target, options), proc)
    finally:
        os.close(proc)


def _arranged(arrange: Callable[[], None], proc: int) -> MountView:
    """Run ``arrange`` on a thread that ends after it: a thread cannot get back what it has unshared."""
    views: list[MountView] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            syscalls.unshare(syscalls.CLONE_FS)
            arrange()
            namespace = os.open("thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
            view = MountView(-1, namespace)
            views.append(view)
            view.root = os.open("/", _PLACE)
            view.mount_points = tuple(point for point in _points(proc) if point != "/")
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=work, name="mounts", daemon=True)
    thread.start()
    thread.join()
    if failures:
        for view in views:
            view.close()
        raise failures[0]
    return views[0]


def _enter(namespace: int, proc: int, wanted: Sequence[str]) -> None:
    syscalls.setns(namespace, syscalls.CLONE_NEWNS)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    # First of all: an unmount here must not reach those whose mounts these are copies of.
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    kept = [found for path in wanted if (found := _real_path(path, proc))]
    dropped: list[str] = []
    for point in _points(proc):
        if point == "/" or _is_below(point, kept) or _is_below(point, dropped):
            continue
        unmount(point, lazy=True)
        dropped.append(point)


def _points(proc: int) -> list[str]:
    """All mount points of the namespace that this thread is in."""
    fd = os.open("thread-self/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    with open(fd, encoding="utf-8", errors="surrogateescape") as file:
        return [entry.mountpoint for entry in parse_mountinfo(file.read())]


def _real_path(path: str, proc: int) -> str | None:
    """Where ``path`` leads to, as the kernel sees it now."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.readlink(f"thread-self/fd/{fd}", dir_fd=proc)
    finally:
        os.close(fd)


def _build(directory: str, binds: Iterable[Bind]) -> None:
    syscalls.unshare(syscalls.CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(directory, directory, flags=MS_BIND)  # a root has to be a mount
    root = os.open(directory, _PLACE)
    try:
        for bind in binds:
            _bind(root, bind)
        os.fchdir(root)
    finally:
        os.close(root)
    _make_this_the_root()


def _mount_alone(fstype: str, target: str, options: str) -> None:
    syscalls.unshare(syscalls.CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(fstype, target, fstype=fstype, data=options)
    os.chdir(target)
    _make_this_the_root()


def _make_this_the_root() -> None:
    """Let go of the host's mounts: nobody could unmount them for good while this namespace is there."""
    syscalls.pivot_root(".", ".")
    unmount(".", lazy=True)
    os.chdir("/")


def _bind(root: int, bind: Bind) -> None:
    """By descriptor: nobody can swap what is in the tree under the mount."""
    is_directory = stat.S_ISDIR(os.stat(bind.source).st_mode)
    place = _mount_point(root, bind.destination, is_directory=is_directory)
    try:
        mount(bind.source, f"/proc/self/fd/{place}", flags=MS_BIND | MS_REC)
    finally:
        os.close(place)
    if not bind.writable:
        top = open_in_root(root, bind.destination, os.O_PATH)
        try:
            mount("none", f"/proc/self/fd/{top}", flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
        finally:
            os.close(top)


def _mount_point(root: int, destination: str, *, is_directory: bool) -> int:
    if is_directory:
        return make_dirs_in_root(root, destination, 0o755, 0, 0)
    try:
        return open_in_root(root, destination, os.O_PATH)
    except FileNotFoundError:
        parent = make_dirs_in_root(root, os.path.dirname(destination), 0o755, 0, 0)
        try:
            name = os.path.basename(destination)
            return os.open(name, _NEW_FILE | os.O_EXCL | os.O_NOFOLLOW, 0o755, dir_fd=parent)
        finally:
            os.close(parent)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
