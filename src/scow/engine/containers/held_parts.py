"""A part of a volume, held still for as long as a start takes.

A mount may begin at a path inside a volume (``volume-subpath``). By the time the runtime mounts it, another
container could have put a symlink there; so the part is found here without leaving the volume, and bound to a
name of our own that the runtime is given.

The names are in a folder of their own, which is never removed as a tree: a tree below a mount is the user's.
"""

import errno
import os
import secrets
import stat
from pathlib import Path

from scow.errors import ScowError
from scow.linux.mounts import MS_BIND, MS_REC, is_mountpoint, mount, unmount
from scow.linux.rootpath import open_in_root


def hold_part(folder: Path, whole: str, subpath: str) -> Path:
    """Bind ``subpath`` of the directory ``whole`` to a new name in ``folder``.

    Raises ScowError with Docker's words if there is no such path.
    """
    try:
        fd = open_in_root(whole, subpath, os.O_PATH)
    except OSError as exc:
        reason = os.strerror(exc.errno or errno.EIO).lower()
        path = f"{whole}/{subpath}"
        raise ScowError(f"cannot access path {path}: lstat {path}: {reason}") from exc
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = folder / secrets.token_hex(8)
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            place.mkdir(mode=0o700)
        else:
            place.touch(mode=0o600)
        mount(f"/proc/self/fd/{fd}", str(place), flags=MS_BIND | MS_REC)
    finally:
        os.close(fd)
    return place


def release_part(place: Path) -> None:
    """Give it up; what the runtime has mounted from it stays. Raises ``OSError``."""
    while is_mountpoint(str(place)):
        unmount(str(place), lazy=True)
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()


def release_all_parts(folder: Path) -> None:
    """Start-up: give up what starts of an earlier engine held."""
    if folder.is_dir():
        for place in folder.iterdir():
            release_part(place)
