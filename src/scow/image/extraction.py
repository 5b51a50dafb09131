"""An archive that a person sends is unpacked into a directory of a container (``docker cp``).

Unlike a layer it has no deletions, and what is in its way is replaced: a file by anything, a directory
only by a directory, or by what is no directory if the person allows that. Symlinks on the way mean what
they mean to the container, whatever directory the archive goes to.
"""

import os
import posixpath
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from scow.errors import InvalidArgumentError, ScowError
from scow.image.decompress import ByteReader, decompressed
from scow.image.placing import place
from scow.image.snapshots.probe import in_user_namespace
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry, TarReader
from scow.image.tree_maker import Scope, TreeMaker, components
from scow.image.trees import remove_tree
from scow.linux.mount_views import MountView


@dataclass(frozen=True, slots=True)
class Destination:
    """Directory ``fd``, which is at ``path`` in the container whose file system is ``view``."""

    fd: int
    path: str
    view: MountView


def extract(
    content: ByteReader,
    destination: Destination,
    *,
    keep_kinds: bool,
    owner: tuple[int, int] | None,
    go_on: Callable[[], None] | None = None,
) -> None:
    """Unpack ``content``, a tar in any of the compressions. Blocks.

    ``keep_kinds``: a directory must not become something else, nor something else a directory. ``owner`` is
    for everything, instead of the owners in the archive. ``go_on`` is called now and then and may raise. What
    is unpacked when it fails, stays. Raises InvalidArgumentError, ScowError.
    """
    maker = TreeMaker(
        os.dup(destination.fd),
        scope=Scope(destination.view.root, destination.path),
        owner=owner,
        may_make_devices=not in_user_namespace(),
        go_on=go_on,
    )
    try:
        archive = TarReader(decompressed(content), sparse=True)
        for entry in archive:
            if components(entry.name):  # the directory itself is there
                place(entry, archive, maker, partial(_clear, entry, destination, keep_kinds))
        maker.settle()
    finally:
        maker.close()


def _clear(
    entry: Entry, destination: Destination, keep_kinds: bool, folder_fd: int, path: str, name: str
) -> None:
    """What is in the way of an entry goes, if it may."""
    if keep_kinds:
        _check_kind(entry, folder_fd, name, posixpath.join(destination.path, path), destination.path)
    busy = posixpath.join(os.readlink(f"/proc/self/fd/{folder_fd}"), name)
    if destination.view.is_in_use(busy):
        raise ScowError(f"unlinkat {busy}: device or resource busy") from None
    remove_tree(folder_fd, name)


def _check_kind(entry: Entry, folder_fd: int, name: str, path: str, to: str) -> None:
    """Docker's two refusals."""
    is_directory = stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode)
    if is_directory and entry.kind != tar_reader.DIRECTORY:
        raise InvalidArgumentError(f'cannot overwrite directory "{path}" with non-directory "{to}"')
    if not is_directory and entry.kind == tar_reader.DIRECTORY:
        raise InvalidArgumentError(f'cannot overwrite non-directory "{path}" with directory "{to}"')
