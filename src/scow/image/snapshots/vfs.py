"""Snapshots as plain copies: slow and large, but works on every file system and needs no mount.

vfs/dir/<id>    the complete tree, whatever lies below included
"""

import os
from collections.abc import Mapping

from scow.errors import ScowError
from scow.image.snapshots.whole_trees import WholeTrees
from scow.image.trees import remove_path
from scow.linux.tree_copy import copy_path

_NO_QUOTAS = "Filesystem does not support, or has not enabled quotas"


class VfsDriver(WholeTrees):
    """See the module; ``home`` is ``<data root>/vfs``."""

    name = "vfs"

    def __init__(self, home: str) -> None:
        super().__init__(os.path.join(home, "dir"))

    def status(self) -> list[tuple[str, str]]:
        """Nothing to say, as Docker's."""
        return []

    def make_tree(self, place: str, source: str | None) -> None:
        """File by file."""
        os.mkdir(place)
        os.chmod(place, 0o755)
        if source is not None:
            copy_path(source, place)

    def remove_tree(self, place: str) -> None:
        """File by file."""
        remove_path(place)

    def container_limit(self, options: Mapping[str, str]) -> int | None:
        """Docker's refusal where there are no project quotas."""
        for key in options:
            if key.lower() == "size":
                raise ScowError(_NO_QUOTAS)
            raise ScowError(f"Storage opt {key} not supported")
        return None

    def limit(self, snapshot: str, size_bytes: int) -> None:
        """The same refusal: ``container_limit`` never gave one."""
        raise ScowError(_NO_QUOTAS)
