"""A tar archive into a directory of this machine. Nothing in the archive can lead out of the directory.

Every path is walked from the directory's descriptor without following links, so a link in the archive, or one
that was there, is never gone through.
"""

import errno
import os
import stat

from scow.cli.copying import tar_format
from scow.cli.copying.tar_format import BLOCK, Entry, TarError, read_entry
from scow.cli.exits import CommandError
from scow.cli.go_values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_WALK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_IMPLIED_MODE = 0o755
_DEVICES = {
    tar_format.CHARACTER: stat.S_IFCHR,
    tar_format.BLOCK_DEVICE: stat.S_IFBLK,
    tar_format.FIFO: stat.S_IFIFO,
}


def unpack(blocks: "Iterable[bytes]", directory: str, old_name: str, new_name: str) -> set[str]:
    """Extract the archive in ``blocks``; the paths that it had.

    Entry names that begin with ``old_name`` get ``new_name`` instead.

    Files belong to the caller. Raises CommandError for an archive that is broken or does not fit what is
    there, OSError for what cannot be written.
    """
    stream = _Stream(blocks)
    unpacker = _Unpacker(directory)
    try:
        while (entry := read_entry(stream.read)) is not None:
            _rename(entry, old_name, new_name)
            unpacker.add(entry, stream)
        unpacker.finish()
        stream.drain()
        return unpacker.names
    except TarError as exc:
        raise CommandError(str(exc)) from exc
    finally:
        unpacker.close()


def _rename(entry: Entry, old: str, new: str) -> None:
    if old == new:
        return
    old = "" if old == "/" else old
    entry.name = entry.name.replace(old, new, 1)
    if entry.kind == tar_format.HARD_LINK:
        entry.link = entry.link.replace(old, new, 1)


class _Stream:
    """Reads of exact sizes from blocks as they come."""

    def __init__(self, blocks: "Iterable[bytes]") -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer at the end."""
        end = self._position + size
        if end <= len(self._block):
            data = self._block[self._position : end]
            self._position = end
            return data
        parts = []
        while size:
            part = self.read_some(size)
            if not part:
                break
            parts.append(bytes(part))
            size -= len(part)
        return b"".join(parts)

    def read_some(self, limit: int) -> "bytes | memoryview":
        """Between one and ``limit`` bytes, none at the end."""
        while self._position >= len(self._block):
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._block, self._position = block, 0
        view = memoryview(self._block)[self._position : self._position + limit]
        self._position += len(view)
        return view

    def skip(self, size: int) -> None:
        while size and (part := self.read_some(size)):
            size -= len(part)

    def drain(self) -> None:
        """Read to the end, so that the sender can finish."""
        self._block = b""
        for _ in self._blocks:
            pass


class _Unpacker:
    def __init__(self, directory: str) -> None:
        self.names: set[str] = set()
        self._directory = directory
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # The directory of the last entry stays open: most entries are in it.
        self._parent_name: str | None = None
        self._parent = -1
        self._directory_times: list[tuple[str, Entry]] = []

    def close(self) -> None:
        self._leave_parent()
        os.close(self._root)

    def finish(self) -> None:
        """Times and modes of directories, once nothing more is put into them."""
        for name, entry in reversed(self._directory_times):
            parent, last = self._enter(name)
            fd = os.open(last, _WALK, dir_fd=parent)
            try:
                os.fchmod(fd, entry.mode & 0o7777)
                os.utime(fd, (entry.mtime_s, entry.mtime_s))
            finally:
                os.close(fd)

    def add(self, entry: Entry, stream: _Stream) -> None:
        """Make what ``entry`` says; its data is next in ``stream``."""
        name = _checked_name(entry.name)
        if not name:
            stream.skip(entry.size + -entry.size % BLOCK)
            return
        self.names.add(name)
        parent, last = self._enter(name)
        exists = self._make_room(parent, last, name, entry)
        if entry.kind == tar_format.DIRECTORY:
            if not exists:
                os.mkdir(last, 0o700, dir_fd=parent)
            self._directory_times.append((name, entry))
        elif entry.kind == tar_format.REGULAR:
            _write_file(parent, last, entry, stream)
        elif entry.kind == tar_format.SYMLINK:
            os.symlink(entry.link, last, dir_fd=parent)
            os.utime(last, (entry.mtime_s, entry.mtime_s), dir_fd=parent, follow_symlinks=False)
        elif entry.kind == tar_format.HARD_LINK:
            self._link(entry, parent, last)
        elif entry.kind in _DEVICES:
            os.mknod(
                last, _DEVICES[entry.kind] | entry.mode & 0o7777, os.makedev(*entry.device), dir_fd=parent
            )
        else:
            raise TarError(f"unhandled tar header type {ord(entry.kind)}")

    def _enter(self, name: str) -> tuple[int, str]:
        """A descriptor of the directory that ``name`` is in, made if need be, and the last part."""
        directory, _, last = name.rpartition("/")
        if directory != self._parent_name:
            self._leave_parent()
            self._parent, self._parent_name = self._walk(directory), directory
        return self._parent, last

    def _leave_parent(self) -> None:
        if self._parent >= 0:
            os.close(self._parent)
        self._parent, self._parent_name = -1, None

    def _walk(self, directory: str) -> int:
        fd = os.dup(self._root)
        try:
            for part in filter(None, directory.split("/")):
                try:
                    below = os.open(part, _WALK, dir_fd=fd)
                except FileNotFoundError:
                    os.mkdir(part, _IMPLIED_MODE, dir_fd=fd)
                    below = os.open(part, _WALK, dir_fd=fd)
                os.close(fd)
                fd = below
        except OSError as exc:
            os.close(fd)
            if exc.errno in (errno.ELOOP, errno.ENOTDIR):
                place = os.path.join(self._directory, directory)
                raise CommandError(f"{place}: not a directory of the archive") from exc
            raise
        return fd

    def _make_room(self, parent: int, last: str, name: str, entry: Entry) -> bool:
        """Remove what a file replaces; True when the entry is a directory that is there already."""
        try:
            mode = os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return False
        path = os.path.join(self._directory, name)
        if stat.S_ISDIR(mode):
            if entry.kind != tar_format.DIRECTORY:
                raise CommandError(
                    f"cannot overwrite directory {quote(path)} with non-directory {quote(self._directory)}"
                )
            return True
        if entry.kind == tar_format.DIRECTORY:
            raise CommandError(
                f"cannot overwrite non-directory {quote(path)} with directory {quote(self._directory)}"
            )
        os.unlink(last, dir_fd=parent)
        return False

    def _link(self, entry: Entry, parent: int, last: str) -> None:
        directory, _, target = _checked_name(entry.link).rpartition("/")
        fd = self._walk(directory)
        try:
            os.link(target, last, src_dir_fd=fd, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(fd)


def _write_file(parent: int, last: str, entry: Entry, stream: _Stream) -> None:
    fd = os.open(last, _NEW_FILE, entry.mode & 0o700, dir_fd=parent)
    try:
        left = entry.size
        while left:
            part = stream.read_some(left)
            if not part:
                raise TarError("unexpected EOF")
            left -= len(part)
            while part:
                part = part[os.write(fd, part) :]
        stream.skip(-entry.size % BLOCK)
        os.fchmod(fd, entry.mode & 0o7777)
        _set_attributes(fd, entry)
        os.utime(fd, (entry.mtime_s, entry.mtime_s))
    finally:
        os.close(fd)


def _set_attributes(fd: int, entry: Entry) -> None:
    for key, value in entry.records.items():
        if key.startswith(tar_format.XATTR):
            try:
                os.setxattr(fd, key.removeprefix(tar_format.XATTR), value)
            except OSError as exc:
                # Not for everyone to set, and not on every file system; the file is of use without.
                if exc.errno not in (errno.ENOTSUP, errno.EPERM):
                    raise


def _checked_name(name: str) -> str:
    """The name without empty and ``.`` parts; "" for the directory itself. Raises TarError for ``..``."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise TarError(f"{quote(name)} is outside of the archive's root")
    return "/".join(parts)
