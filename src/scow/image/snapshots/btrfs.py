"""Snapshots as subvolumes of btrfs: each is a whole tree, and shares what it has not changed.

btrfs/subvolumes/<id>    the complete tree, in the place where Docker's driver has it
"""

import os
from collections.abc import Mapping
from contextlib import suppress

from scow.errors import ScowError
from scow.image.snapshots.options import container_limit
from scow.image.snapshots.whole_trees import WholeTrees
from scow.image.trees import remove_path
from scow.linux import btrfs
from scow.spec.sizes import human_size

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class BtrfsDriver(WholeTrees):
    """See the module; ``home`` is ``<data root>/btrfs``. ``min_space_bytes``: no limit is below that."""

    name = "btrfs"

    def __init__(self, home: str, min_space_bytes: int = 0) -> None:
        super().__init__(os.path.join(home, "subvolumes"))
        self._min_space_bytes = min_space_bytes

    def status(self) -> list[tuple[str, str]]:
        """The one line of Docker's driver."""
        return [("Btrfs", "")]

    def make_tree(self, place: str, source: str | None) -> None:
        """One ioctl, however large ``source`` is."""
        folder, name = os.path.split(place)
        folder_fd = os.open(folder, _DIRECTORY)
        try:
            if source is None:
                btrfs.create_subvolume(folder_fd, name)
                os.chmod(place, 0o755)
                return
            source_fd = os.open(source, _DIRECTORY)
            try:
                btrfs.snapshot_subvolume(source_fd, folder_fd, name)
            finally:
                os.close(source_fd)
        finally:
            os.close(folder_fd)

    def remove_tree(self, place: str) -> None:
        """In one go; a directory that is no subvolume, as copying leaves behind, file by file."""
        folder, name = os.path.split(place)
        folder_fd = os.open(folder, _DIRECTORY)
        try:
            with suppress(FileNotFoundError):
                fd = os.open(name, _DIRECTORY, dir_fd=folder_fd)
                try:
                    is_subvolume = btrfs.is_subvolume(fd)
                finally:
                    os.close(fd)
                if is_subvolume:
                    btrfs.remove_subvolume(folder_fd, name)
                else:
                    remove_path(place)
        finally:
            os.close(folder_fd)

    def container_limit(self, options: Mapping[str, str]) -> int | None:
        """What the tree holds, the image's files among it."""
        size_bytes = container_limit(options)
        if size_bytes is not None and size_bytes < self._min_space_bytes:
            raise ScowError(f"btrfs: storage size cannot be less than {human_size(self._min_space_bytes)}")
        return size_bytes

    def limit(self, snapshot: str, size_bytes: int) -> None:
        """By quota group. It stays as long as the subvolume does."""
        fd = os.open(self._path(snapshot), _DIRECTORY)
        try:
            btrfs.enable_quotas(fd)
            btrfs.limit_subvolume(fd, size_bytes)
        finally:
            os.close(fd)
