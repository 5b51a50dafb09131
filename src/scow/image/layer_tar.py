"""What a container has changed, as the tar of a layer (image-spec layer.md).

Deletions become entries called ``.wh.<name>``; a directory that hides what is below gets an entry
``.wh..wh..opq``. Of overlayfs the container's own directory is the layer as it stands; without it the layer
is found by comparing the container's tree with the one that it began as.
"""

import os
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from scow.image.differences import DELETED, differences, is_opaque, is_whiteout
from scow.image.snapshots.base import SnapshotDriver
from scow.image.tar.writer import EmptyFile, Member, Notes, pack, walk
from scow.linux.rootpath import open_in_root

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
# overlayfs' own notes, and what the host's security module says of a file.
_NOT_CONTENT = ("trusted.overlay.", "user.overlay.", "security.selinux")


def is_content(xattr: str) -> bool:
    """Whether an extended attribute belongs to the file and not to where it is kept."""
    return not xattr.startswith(_NOT_CONTENT)


@contextmanager
def snapshot_trees(driver: SnapshotDriver, snapshot: str, below: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Descriptors of a snapshot's own directory, and of what it lies on: -1 if that is nothing. Blocks."""
    with ExitStack() as stack:
        below_fd = stack.enter_context(closing(driver.view_below(snapshot, below))).root if below else -1
        own_fd = os.open(driver.layer_path(snapshot), _DIRECTORY)
        stack.callback(os.close, own_fd)
        yield own_fd, below_fd


def layer_tar(
    own_fd: int, below_fd: int, opaque_xattr: str | None, notes: Notes | None = None
) -> Generator[bytes, None, None]:
    """The layer in pieces. ``opaque_xattr`` as for ``differences``. Blocks. Raises ``OSError``."""
    members = _upper(own_fd, opaque_xattr) if opaque_xattr is not None else _changed(own_fd, below_fd)
    return pack(members, is_content, notes)


def _upper(own_fd: int, opaque_xattr: str) -> Iterator[Member | EmptyFile]:
    for member in walk(own_fd):
        if is_whiteout(member.status):
            folder, slash, name = member.name.rpartition(b"/")
            yield EmptyFile(folder + slash + _WHITEOUT + name)
            continue
        yield member
        if stat.S_ISDIR(member.status.st_mode) and _hides(member.fd, opaque_xattr):
            yield EmptyFile(member.name.rstrip(b"/") + b"/" + _OPAQUE)


def _hides(place_fd: int, opaque_xattr: str) -> bool:
    fd = os.open(f"/proc/self/fd/{place_fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return is_opaque(fd, opaque_xattr)
    finally:
        os.close(fd)


def _changed(own_fd: int, below_fd: int) -> Iterator[Member | EmptyFile]:
    for difference in differences(own_fd, below_fd, None):
        path = os.fsencode(difference.path[1:])
        if difference.kind == DELETED:
            folder, slash, name = path.rpartition(b"/")
            yield EmptyFile(folder + slash + _WHITEOUT + name)
            continue
        try:
            fd = open_in_root(own_fd, difference.path, os.O_PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            yield Member(fd, path, os.fstat(fd))
        finally:
            os.close(fd)
