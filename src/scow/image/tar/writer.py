"""A tree becomes a tar stream, read through directory descriptors.

Nothing is opened before it was looked at, and nothing by a path of more than one name: a process that
swaps directories, links and devices while we read decides what is in the archive, never where we read.
What vanishes meanwhile is left out; a file that shrinks is filled up with zeros, one that grows is cut.
Sockets are left out: they are nothing without the process that bound them.

Memory is bounded by one piece, however large the tree; each piece is made when it is asked for.
"""

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from scow.image.tar import reader as tar_reader
from scow.image.tar.headers import END_OF_ARCHIVE, encode_header, padding

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
_GATHER_BYTES = 256 << 10
_PIECE_BYTES = 1 << 20
_MAX_NAME_BYTES = 4095  # PATH_MAX less its zero: no program could read a longer one back
_KINDS = {
    stat.S_IFREG: tar_reader.REGULAR,
    stat.S_IFDIR: tar_reader.DIRECTORY,
    stat.S_IFLNK: tar_reader.SYMLINK,
    stat.S_IFIFO: tar_reader.FIFO,
    stat.S_IFCHR: tar_reader.CHARACTER_DEVICE,
    stat.S_IFBLK: tar_reader.BLOCK_DEVICE,
}

XattrFilter = Callable[[str], bool]


@dataclass(slots=True)
class Member:
    """Something found in a tree. ``fd`` is an O_PATH descriptor, good until the next one is asked for.

    ``name`` is its name in the archive, without the slash that directories end with.
    """

    fd: int
    name: bytes
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class EmptyFile:
    """Something that is in the archive only, to say something by its name."""

    name: bytes


class Notes(Protocol):
    """Somebody who keeps how an archive was made, in the order of its bytes."""

    def raw(self, data: bytes) -> None:
        """Headers, padding, the end."""

    def content(self, path: str, size: int) -> None:
        """``size`` bytes of the file at ``path``."""

    def link(self, text: bytes) -> None:
        """A symlink's text, which is in its header."""


class _NoNotes:
    def raw(self, data: bytes) -> None: ...

    def content(self, path: str, size: int) -> None: ...

    def link(self, text: bytes) -> None: ...


def walk(root_fd: int, prefix: bytes = b"") -> Iterator[Member]:
    """Everything below directory ``root_fd``, parents first, each directory in order of its names.

    ``prefix`` is put before the names. Raises ``OSError`` if the root cannot be read.
    """
    stack = [_opened(root_fd, prefix)]
    try:
        while stack:
            folder_fd, names, prefix = stack[-1]
            if not names:
                stack.pop()
                os.close(folder_fd)
                continue
            name = names.pop()
            full = prefix + name
            if len(full) > _MAX_NAME_BYTES:
                continue
            try:
                fd = os.open(name, _LOOK, dir_fd=folder_fd)
            except FileNotFoundError:
                continue
            try:
                status = os.fstat(fd)
                yield Member(fd, full, status)
                if stat.S_ISDIR(status.st_mode):
                    stack.append(_opened(fd, full + b"/"))
            finally:
                os.close(fd)
    finally:
        for folder_fd, _, _ in stack:
            os.close(folder_fd)


def _opened(fd: int, prefix: bytes) -> tuple[int, list[bytes], bytes]:
    """A directory to be walked: its descriptor, its names with the first one last, what goes before them."""
    folder_fd = os.open(f"/proc/self/fd/{fd}", _LIST)
    try:
        return folder_fd, sorted(map(os.fsencode, os.listdir(folder_fd)), reverse=True), prefix
    except BaseException:
        os.close(folder_fd)
        raise


def pack(
    members: Iterable[Member | EmptyFile], xattrs: XattrFilter, notes: Notes | None = None
) -> Generator[bytes, None, None]:
    """The archive of ``members``, in pieces; ``xattrs`` says which extended attributes go along.

    ``notes`` hears of each byte before it is in a piece. Blocks; the pieces may be asked for on different
    threads, one at a time. Raises ``OSError``.
    """
    packer = _Packer(xattrs, notes or _NoNotes())
    gathered = packer.gathered
    for member in members:
        if isinstance(member, EmptyFile):
            packer.add_raw(encode_header(member.name, tar_reader.REGULAR, mode=0o600))
        elif not stat.S_ISREG(member.status.st_mode):
            packer.add_other(member)
        elif member.status.st_size <= _GATHER_BYTES:
            packer.add_small(member)
        else:
            yield from packer.add_large(member)
        if len(gathered) >= _GATHER_BYTES:
            yield bytes(gathered)
            gathered.clear()
    packer.add_raw(END_OF_ARCHIVE)
    yield bytes(gathered)


class _Packer:
    """Headers and small files gather in one buffer; the content of large files goes out as it is read."""

    def __init__(self, xattrs: XattrFilter, notes: Notes) -> None:
        self.gathered = bytearray()
        self._xattrs = xattrs
        self._notes = notes
        self._linked: dict[tuple[int, int], tuple[bytes, int]] = {}

    def add_raw(self, data: bytes) -> None:
        """Anything but content."""
        self.gathered += data
        self._notes.raw(data)

    def add_small(self, member: Member) -> None:
        """A file that goes into the buffer whole."""
        status = member.status
        if status.st_nlink > 1 and self._add_link(member):
            return
        fd = os.open(f"/proc/self/fd/{member.fd}", _READ)
        try:
            gathered, size = self.gathered, status.st_size
            self._begin(member, fd)
            end = len(gathered) + size
            while len(gathered) < end and (piece := os.read(fd, end - len(gathered))):
                gathered += piece
            gathered += bytes(end - len(gathered))
            self.add_raw(padding(size))
        finally:
            os.close(fd)

    def add_large(self, member: Member) -> Iterator[bytes]:
        """A file whose content goes out as it is read."""
        status = member.status
        if status.st_nlink > 1 and self._add_link(member):
            return
        fd = os.open(f"/proc/self/fd/{member.fd}", _READ)
        try:
            left = status.st_size
            self._begin(member, fd)
            yield bytes(self.gathered)
            self.gathered.clear()
            while left and (piece := os.read(fd, min(left, _PIECE_BYTES))):
                left -= len(piece)
                yield piece
            while left:
                step = min(left, _PIECE_BYTES)
                yield bytes(step)
                left -= step
            self.add_raw(padding(status.st_size))
        finally:
            os.close(fd)

    def _begin(self, member: Member, fd: int) -> None:
        """The header of a file whose content comes now."""
        size = member.status.st_size
        self.add_raw(self._header(member, tar_reader.REGULAR, size=size, xattrs=self._read_xattrs(fd)))
        if size:
            self._notes.content(os.fsdecode(member.name), size)

    def add_other(self, member: Member) -> None:
        """A directory, symlink, device node or FIFO; FIFOs and devices are not opened."""
        status = member.status
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return
        if kind == tar_reader.DIRECTORY:
            member.name = member.name.rstrip(b"/") + b"/"
        elif status.st_nlink > 1 and self._add_link(member):
            return
        link, xattrs = b"", {}
        if kind == tar_reader.SYMLINK:
            link = os.readlink(b"", dir_fd=member.fd)
            self._notes.link(link)
        else:
            xattrs = self._read_xattrs(f"/proc/self/fd/{member.fd}")
        self.add_raw(self._header(member, kind, link=link, xattrs=xattrs))

    def _add_link(self, member: Member) -> bool:
        """Whether the inode is in the archive already: then this name is a link to that one."""
        status = member.status
        inode = (status.st_dev, status.st_ino)
        first, more = self._linked.pop(inode, (b"", status.st_nlink))
        if more > 1:
            self._linked[inode] = (first or member.name, more - 1)
        if not first:
            return False
        self.add_raw(self._header(member, tar_reader.HARD_LINK, link=first))
        return True

    def _header(
        self,
        member: Member,
        kind: bytes,
        *,
        size: int = 0,
        link: bytes = b"",
        xattrs: dict[str, bytes] | None = None,
    ) -> bytes:
        status = member.status
        return encode_header(
            member.name,
            kind,
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
            size=size,
            mtime_s=status.st_mtime_ns // 1_000_000_000,
            link=link,
            device=status.st_rdev,
            xattrs=xattrs,
        )

    def _read_xattrs(self, target: int | str) -> dict[str, bytes]:
        try:
            names = os.listxattr(target)
        except OSError:
            return {}  # the file system has none
        found = {}
        for name in filter(self._xattrs, names):
            try:
                found[name] = os.getxattr(target, name)
            except OSError:
                continue  # removed meanwhile, or not for us to read
        return found
