"""What is left of an earlier result in a folder that a new one was written to."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set


def remove_stale(folder: str, kept: "Set[str]") -> None:
    """Remove everything below ``folder`` but the paths ``kept`` and the folders they are in.

    Links are removed, not followed. Raises OSError.
    """
    parents = {path[:at] for path in kept for at in range(len(path)) if path[at] == "/"}
    wanted = kept | parents
    for place, folders, files, fd in os.fwalk(folder, topdown=False, follow_symlinks=False):
        below = os.path.relpath(place, folder)
        prefix = "" if below == "." else f"{below}/"
        for name in files:
            if prefix + name not in wanted:
                os.unlink(name, dir_fd=fd)
        for name in folders:
            if prefix + name not in wanted:
                _remove_folder(name, fd)


def _remove_folder(name: str, parent: int) -> None:
    """One that is empty by now, or a link to a folder."""
    try:
        os.rmdir(name, dir_fd=parent)
    except NotADirectoryError:
        os.unlink(name, dir_fd=parent)
