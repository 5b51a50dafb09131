"""What a storage driver is: directories that stack.

A snapshot is one directory tree on top of others. It is known by an id of 64 hex digits; which snapshots
lie below it is the caller's knowledge and given with every call, topmost first.

    staged      being filled, under a name that start-up recovery removes
    committed   complete; a layer (read-only from now on) or the writable top of a container

    stage ──fill──▶ commit ──▶ mount ⇄ unmount ──▶ remove
       └──────── discard                       └──promote──▶ a layer

All calls block and come from worker threads, at most one at a time for one id. A kill between or inside
any two leaves either a staged directory or a committed one that the caller never recorded: ``recover``
removes both.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from scow.image.layer_unpacker import Whiteouts
    from scow.linux.mount_views import MountView

STAGING = "-staging"
REMOVING = "-removing"
_OURS = re.compile(r"([0-9a-f]{64})(-staging|-removing)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What start-up found: ids whose leftovers were removed, and recorded ids that have no directory."""

    removed: list[str]
    missing: list[str]


class SnapshotDriver(Protocol):
    """One way to stack directories; every method may raise ``OSError``."""

    name: str
    opaque_xattr: str | None
    """Marks directories that hide what is below; ``None`` where a snapshot's directory is the whole tree."""

    copies_below: bool
    """Whether ``stage`` copies what is below: then a layer cannot be unpacked before the one under it."""

    def status(self) -> list[tuple[str, str]]:
        """Lines for ``docker info``, in order."""

    def stage(self, snapshot: str, below: Sequence[str]) -> str:
        """Begin ``snapshot``; returns the directory to fill: empty, or a copy of what is ``below``.

        Where nothing is copied, ``below`` need not be known yet.
        """

    def whiteouts(self) -> "Whiteouts":
        """How deletions are written into a staged directory; a new one for each layer."""

    def commit(self, snapshot: str, below: Sequence[str], *, stackable: bool) -> None:
        """The staged snapshot is complete. ``stackable``: others will lie on it, so it is a layer."""

    def promote(self, snapshot: str, below: Sequence[str]) -> None:
        """The written, unmounted top of a container becomes a layer on ``below``. Safe to repeat."""

    def discard(self, snapshot: str) -> None:
        """Give up a staged snapshot; not an error when there is none."""

    def mount(self, snapshot: str, below: Sequence[str]) -> str:
        """Make the whole stack visible, writable on top; returns where. Repeatable."""

    def unmount(self, snapshot: str) -> None:
        """Undo ``mount``; not an error when it is not mounted."""

    def mounted(self) -> set[str]:
        """Start-up: snapshots that an earlier engine mounted."""

    def view_below(self, snapshot: str, below: Sequence[str]) -> "MountView":
        """What ``snapshot`` lies on, as one tree to read; the caller closes it."""

    def remove(self, snapshot: str) -> None:
        """Unmount and delete; not an error when it is not there, and safe to repeat after a kill."""

    def exists(self, snapshot: str) -> bool:
        """Whether a committed snapshot's directory is there."""

    def layer_path(self, snapshot: str) -> str:
        """The directory in which every file that this snapshot brought is found under its own name."""

    def own_bytes(self, snapshot: str, below: Sequence[str]) -> int:
        """Bytes that this snapshot adds to what is below."""

    def paths(self, snapshot: str, below: Sequence[str]) -> dict[str, str]:
        """Directories for ``GraphDriver.Data`` of inspect."""

    def container_limit(self, options: Mapping[str, str]) -> int | None:
        """What ``--storage-opt`` asks for: the most bytes that a container's tree may hold, or ``None``.

        Raises ScowError in Docker's words where this cannot be, InvalidArgumentError.
        """

    def limit(self, snapshot: str, size_bytes: int) -> None:
        """Hold a snapshot to what ``container_limit`` said."""

    def sync(self) -> None:
        """Everything written so far survives power loss when this returns."""

    def lost(self, known: set[str]) -> list[tuple[str, str]]:
        """Names on disk that belong to none of ``known``, each with its snapshot's id, others' left alone."""

    def remove_lost(self, name: str) -> None:
        """Remove one of these, whatever it is."""

    def recover(self, known: Iterable[str]) -> Recovered:
        """Start-up: remove whatever is not one of ``known``, and see which of those are missing."""


def leftovers(names: Iterable[str], known: set[str]) -> list[tuple[str, str]]:
    """Directory names that nobody recorded, each with its snapshot's id; others' files are left alone."""
    matches = sorted((name, match[1]) for name in names if (match := _OURS.fullmatch(name)))
    return [(name, snapshot) for name, snapshot in matches if name not in known]
