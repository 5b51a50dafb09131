"""Files and folders that the runtime makes to mount on: they are no part of what a program left.

What was there before stays, also if it is empty; of the rest goes what is still empty, and the folders above
it (BuildKit, executor.MountStubsCleaner).
"""

import os
import posixpath
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from scow.linux.rootpath import resolve_in_root


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing was at ``target`` of a file system, which was ``place`` on this machine."""

    target: str
    place: str


def missing_mount_points(root: str, targets: Iterable[str]) -> list[Missing]:
    """What is not there of ``targets`` in ``root`` and of the folders above, the deepest first. Blocks."""
    found: dict[str, Missing] = {}
    for path in targets:
        target = "/" + path.strip("/")
        while target != "/" and target not in found:
            with suppress(OSError):  # a symlink that leads nowhere: the runtime will say it
                place = resolve_in_root(root, target)
                if os.path.lexists(place):
                    break
                found[target] = Missing(target, place)
            target = posixpath.dirname(target)
    return sorted(found.values(), key=lambda it: it.target.count("/"), reverse=True)


def remove_made(root: str, missing: Sequence[Missing]) -> None:
    """Those that were made since, if they are empty; the folders that they are in keep their times. Blocks.

    Nobody else may be at work in ``root``.
    """
    for it in missing:
        with suppress(OSError):  # it is gone, or is something else: then it is the program's
            if resolve_in_root(root, it.target) == it.place:
                _remove_empty(it.place)


def _remove_empty(path: str) -> None:
    folder = os.path.dirname(path)
    before = os.stat(folder)
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.isfile(path) and not os.path.getsize(path):
        os.unlink(path)
    else:
        return
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
