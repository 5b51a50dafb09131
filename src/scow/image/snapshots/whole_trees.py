"""Snapshots as whole trees: what lies below is in each of them. How a tree is copied is the driver's matter.

<home>/<id>    the complete tree
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress

from scow.image.layer_unpacker import AppliedWhiteouts, Whiteouts
from scow.image.snapshots.base import REMOVING, STAGING, Recovered, leftovers
from scow.image.trees import changed_bytes, tree_bytes
from scow.linux.mount_views import MountView
from scow.linux.syscalls import sync_file_system

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class WholeTrees(ABC):
    """What drivers of whole trees have in common; a driver adds its name, and how trees come and go."""

    opaque_xattr: str | None = None
    copies_below = True

    def __init__(self, home: str) -> None:
        self._home = home
        os.makedirs(home, mode=0o710, exist_ok=True)

    @abstractmethod
    def make_tree(self, place: str, source: str | None) -> None:
        """Make the directory ``place``: a copy of ``source``, or empty."""

    @abstractmethod
    def remove_tree(self, place: str) -> None:
        """Remove it; not an error when it is not there."""

    def stage(self, snapshot: str, below: Sequence[str]) -> str:
        """The topmost snapshot below holds all the others: it alone is copied."""
        place = self._path(snapshot + STAGING)
        self.make_tree(place, self._path(below[0]) if below else None)
        return place

    def whiteouts(self) -> Whiteouts:
        """Deletions happen."""
        return AppliedWhiteouts()

    def commit(self, snapshot: str, below: Sequence[str], *, stackable: bool) -> None:
        """One rename."""
        os.rename(self._path(snapshot + STAGING), self._path(snapshot))

    def promote(self, snapshot: str, below: Sequence[str]) -> None:  # noqa: B027 - nothing to do is right for all
        """It is a whole tree already."""

    def discard(self, snapshot: str) -> None:
        """All that was copied."""
        self.remove_tree(self._path(snapshot + STAGING))

    def mount(self, snapshot: str, below: Sequence[str]) -> str:
        """The tree itself."""
        return self._path(snapshot)

    def unmount(self, snapshot: str) -> None:  # noqa: B027 - likewise
        """Nothing was mounted."""

    def mounted(self) -> set[str]:
        """Never any."""
        return set()

    def view_below(self, snapshot: str, below: Sequence[str]) -> MountView:
        """The topmost snapshot below holds all the others."""
        return MountView(os.open(self._path(below[0]), _PLACE))

    def remove(self, snapshot: str) -> None:
        """By renaming first: nobody finds half a tree under its name."""
        going = self._path(snapshot + REMOVING)
        self.remove_tree(going)
        with suppress(FileNotFoundError):
            os.rename(self._path(snapshot), going)
            self.remove_tree(going)

    def exists(self, snapshot: str) -> bool:
        """Whether the tree is there."""
        return os.path.isdir(self._path(snapshot))

    def layer_path(self, snapshot: str) -> str:
        """The whole tree."""
        return self._path(snapshot)

    def own_bytes(self, snapshot: str, below: Sequence[str]) -> int:
        """Of the files that are not as they are below."""
        place = self._path(snapshot)
        return changed_bytes(place, self._path(below[0])) if below else tree_bytes(place)

    def paths(self, snapshot: str, below: Sequence[str]) -> dict[str, str]:
        """None, as Docker's."""
        return {}

    def sync(self) -> None:
        """Of the whole file system."""
        sync_file_system(self._home)

    def lost(self, known: set[str]) -> list[tuple[str, str]]:
        """Trees."""
        return leftovers(os.listdir(self._home), known)

    def remove_lost(self, name: str) -> None:
        """A whole one, or half of one."""
        self.remove_tree(self._path(name))

    def recover(self, known: Iterable[str]) -> Recovered:
        """Trees that nobody recorded go."""
        known = set(known)
        removed = self.lost(known)
        for name, _ in removed:
            self.remove_lost(name)
        missing = sorted(snapshot for snapshot in known if not self.exists(snapshot))
        return Recovered([snapshot for _, snapshot in removed], missing)

    def _path(self, name: str) -> str:
        return f"{self._home}/{name}"
