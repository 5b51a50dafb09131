"""Paths inside a tree that somebody else wrote: a container's or an image's root.

Every symlink, ``..`` and absolute path is taken as the process inside would take it, and none leads out.
The kernel does that (openat2(2) with RESOLVE_IN_ROOT, Linux 5.6), so a tree that changes under our feet
cannot win a race. Work on the descriptors; a resolved *name* is only true for the moment it was asked for.
"""

import errno
import os
import stat
from collections.abc import Callable

from scow.linux import syscalls

# The kernel gives up with EAGAIN when a rename anywhere on the machine crosses a ``..`` of ours.
_RACE_RETRIES = 128
# As the kernel's own limit on symlinks in one path (MAXSYMLINKS, path_resolution(7)).
_MAX_SYMLINKS = 40


def open_in_root(root: str | int, path: str, flags: int, mode: int = 0) -> int:
    """Open ``path`` as seen inside ``root`` (a path or a directory descriptor); close-on-exec.

    Magic links (``/proc/self/fd/…``, ``/proc/self/root``) fail with ELOOP: they would lead out.
    """
    if isinstance(root, int):
        return _open_at(root, path, flags, mode)
    root_fd = _open_root(root)
    try:
        return _open_at(root_fd, path, flags, mode)
    finally:
        os.close(root_fd)


def resolve_in_root(root: str, path: str) -> str:
    """The name on the host of ``path`` inside ``root``, symlinks followed; what is missing is kept as given.

    Only a name: for messages, and for callers that open it through a check of their own. Raises ELOOP.
    """
    return os.path.join(root, *_followed(path, lambda inside: _read_link(f"{root}/{inside}")))


def follow_in_root(root_fd: int, path: str) -> str:
    """Where ``path`` leads to inside ``root_fd``, absolute in there; what is missing is kept as given.

    Only a name, as of ``resolve_in_root``, but asked for without ever leaving the root. Raises ELOOP.
    """
    return "/" + "/".join(_followed(path, lambda inside: _link_in_root(root_fd, inside)))


def _followed(path: str, read_link: Callable[[str], str | None]) -> list[str]:
    """The parts of what ``path`` leads to; ``read_link`` is asked by paths inside. Raises ELOOP."""
    done: list[str] = []
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        target = read_link("/".join([*done, part]))
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > _MAX_SYMLINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done = []
        todo.extend(target.split("/")[::-1])
    return done


def _link_in_root(root_fd: int, path: str) -> str | None:
    """What a symlink says, ``None`` for what is none."""
    try:
        fd = _open_at(root_fd, path, os.O_PATH | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.readlink("", dir_fd=fd) if stat.S_ISLNK(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def make_dirs_in_root(root: str | int, path: str, mode: int, uid: int, gid: int) -> int:
    """Make directory ``path`` inside ``root`` with all that is missing above it; returns its descriptor.

    What it makes gets ``mode`` (whatever the umask), ``uid`` and ``gid``; what exists is left as it is.
    A dangling symlink on the way is followed, as Docker does. ENOTDIR if something else is there.
    """
    if isinstance(root, str):
        root_fd = _open_root(root)
        try:
            return make_dirs_in_root(root_fd, path, mode, uid, gid)
        finally:
            os.close(root_fd)
    done = ""
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if _is_directory(root, f"{done}/{part}") or _make_directory(root, done, part, mode, uid, gid):
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _MAX_SYMLINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = _dangling_target(root, done, part)
        if target.startswith("/"):
            done = ""
        todo.extend(target.split("/")[::-1])
    return _open_at(root, done or "/", os.O_RDONLY | os.O_DIRECTORY)


def read_in_root(root: str | int, path: str, max_bytes: int) -> bytes:
    """Read a regular file inside ``root``. EINVAL: not a regular file; EFBIG: longer than ``max_bytes``.

    Looks before it opens: opening a device or a FIFO that an image brought could block or do something.
    """
    place = open_in_root(root, path, os.O_PATH)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(place)
    with open(fd, "rb", buffering=0) as file:
        chunks: list[bytes] = []
        left = max_bytes + 1
        while left and (chunk := file.read(left)):
            chunks.append(chunk)
            left -= len(chunk)
    if not left:
        raise OSError(errno.EFBIG, f"longer than {max_bytes} bytes", path)
    return b"".join(chunks)


def _open_root(root: str) -> int:
    return os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _open_at(root_fd: int, path: str, flags: int, mode: int = 0) -> int:
    for _ in range(_RACE_RETRIES):
        try:
            return syscalls.openat2(root_fd, path or ".", flags, mode, syscalls.RESOLVE_IN_ROOT)
        except BlockingIOError as exc:
            race = exc
    raise race


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError as exc:
        if exc.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def _is_directory(root_fd: int, path: str) -> bool:
    try:
        fd = _open_at(root_fd, path, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    os.close(fd)
    return True


def _make_directory(root_fd: int, parent: str, name: str, mode: int, uid: int, gid: int) -> bool:
    """Make one directory; False if something that leads nowhere has the name already."""
    parent_fd = _open_at(root_fd, parent or "/", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.mkdir(name, 0o700, dir_fd=parent_fd)
        except FileExistsError:
            return False
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
        try:
            os.fchown(fd, uid, gid)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
    finally:
        os.close(parent_fd)
    return True


def _dangling_target(root_fd: int, parent: str, name: str) -> str:
    parent_fd = _open_at(root_fd, parent or "/", os.O_PATH | os.O_DIRECTORY)
    try:
        return os.readlink(name, dir_fd=parent_fd)
    except OSError as exc:
        if exc.errno != errno.EINVAL:
            raise
        return name  # became a directory between two looks: look again
    finally:
        os.close(parent_fd)
