"""A file or tree of this machine as a tar archive, in pieces ready to be sent."""

import os
import stat

from scow.cli.copying import tar_format
from scow.cli.copying.tar_format import BLOCK, Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KINDS = {
    stat.S_IFREG: tar_format.REGULAR,
    stat.S_IFDIR: tar_format.DIRECTORY,
    stat.S_IFLNK: tar_format.SYMLINK,
    stat.S_IFCHR: tar_format.CHARACTER,
    stat.S_IFBLK: tar_format.BLOCK_DEVICE,
    stat.S_IFIFO: tar_format.FIFO,
}
_READ_SIZE = 1 << 20
_GATHER = 256 * 1024
"""Small files are joined to pieces of about this size."""
_CAPABILITY = "security.capability"


def pack(path: str, name: str) -> "Iterator[bytes]":
    """The archive of ``path``, whose entries begin with ``name``. Sockets are left out, as tar does.

    Raises OSError for what cannot be read.
    """
    return pack_entries(path, name, lambda path, mode: False, lambda entry: None, b"")


def pack_entries(
    path: str,
    name: str,
    leaves_out: "Callable[[str, int], bool]",
    change: "Callable[[Entry], None]",
    before: bytes,
) -> "Iterator[bytes]":
    """As ``pack``, without those that ``leaves_out`` of their path and mode, and with each header changed.

    ``before`` is what the archive begins with. With an empty ``name`` the folder itself is no entry.
    """
    gathered = bytearray(before)
    links: dict[tuple[int, int], str] = {}
    for entry, place in _entries(path, name, links, leaves_out):
        change(entry)
        gathered += tar_format.encode(entry)
        if entry.size:
            yield from _content(place, entry.size, gathered)
        if len(gathered) >= _GATHER:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered) + tar_format.END


def _entries(
    path: str, name: str, links: dict[tuple[int, int], str], leaves_out: "Callable[[str, int], bool]"
) -> "Iterator[tuple[Entry, str]]":
    """Entry and path of everything, directories before what is in them, by name."""
    stack = [(path, name)]
    while stack:
        place, name = stack.pop()
        info = os.lstat(place)
        if stat.S_ISSOCK(info.st_mode) or (name and leaves_out(name, info.st_mode)):
            continue
        entry = _entry(place, name, info)
        if entry.kind == tar_format.REGULAR and info.st_nlink > 1:
            first = links.setdefault((info.st_dev, info.st_ino), name)
            if first != name:
                entry.kind, entry.link, entry.size = tar_format.HARD_LINK, first, 0
        if name:
            yield entry, place
        if entry.kind == tar_format.DIRECTORY:
            inside = sorted(os.listdir(place), reverse=True)
            front = f"{name.rstrip('/')}/" if name else ""
            stack += ((os.path.join(place, child), front + child) for child in inside)


def _entry(place: str, name: str, info: os.stat_result) -> Entry:
    entry = Entry(name, _KINDS[stat.S_IFMT(info.st_mode)])
    entry.mode = stat.S_IMODE(info.st_mode)
    entry.uid, entry.gid = info.st_uid, info.st_gid
    entry.mtime_s = float(info.st_mtime_ns // 1_000_000_000)
    if entry.kind == tar_format.REGULAR:
        entry.size = info.st_size
        _add_capability(entry, place)
    elif entry.kind == tar_format.DIRECTORY:
        entry.name = name.rstrip("/") + "/"
    elif entry.kind == tar_format.SYMLINK:
        entry.link = os.readlink(place)
    elif entry.kind in (tar_format.CHARACTER, tar_format.BLOCK_DEVICE):
        entry.device = (os.major(info.st_rdev), os.minor(info.st_rdev))
    return entry


def _add_capability(entry: Entry, place: str) -> None:
    """File capabilities, which make programs like ping work; other attributes stay behind, as in Docker."""
    try:
        value = os.getxattr(place, _CAPABILITY, follow_symlinks=False)
    except OSError:
        return
    entry.records[tar_format.XATTR + _CAPABILITY] = value


def _content(place: str, size: int, gathered: bytearray) -> "Iterator[bytes]":
    """The bytes of a file; a short one goes to ``gathered``. One that shrinks is filled up with zeros."""
    fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if size > _GATHER and gathered:
            yield bytes(gathered)
            gathered.clear()
        left = size
        while left:
            data = os.read(fd, min(left, _READ_SIZE)) or bytes(min(left, _READ_SIZE))
            left -= len(data)
            if size > _GATHER:
                yield data
            else:
                gathered += data
        gathered += bytes(-size % BLOCK)
    finally:
        os.close(fd)
