"""An empty volume takes what the image has at its mount point, owners, modes and attributes included.

The volume may be mounted in a container that runs: nothing is found by a path that such a one could change.
"""

import os
from pathlib import Path

from scow.linux.rootpath import open_in_root
from scow.linux.tree_copy import copy_directory


def copy_up(rootfs: Path, destination: str, volume: Path, subpath: str = "") -> None:
    """Copy the image's directory ``destination`` into ``volume`` if that is empty.

    A missing directory, of the image or of ``subpath`` in the volume, leaves everything as it is; symlinks on
    the way stay inside ``rootfs`` and ``volume``. Raises ``OSError``.
    """
    try:
        target = open_in_root(str(volume), subpath, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if os.listdir(target):
            return
        source = open_in_root(str(rootfs), destination, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    else:
        try:
            copy_directory(source, target)
        finally:
            os.close(source)
    finally:
        os.close(target)
