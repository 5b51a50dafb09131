"""Snapshots as overlayfs layers, in the directory layout of Docker's driver of the same name.

    overlay2/<id>/diff      what this snapshot itself holds
    overlay2/<id>/link      its short name
    overlay2/<id>/lower     what lies below, as "l/<short>:l/<short>:…", topmost first
    overlay2/<id>/work      overlayfs' own
    overlay2/<id>/merged    where it is mounted
    overlay2/l/<short>      symlink to ../<id>/diff

mount(2) takes one page of options, so a deep stack needs short names: ten letters made from the id, which
are therefore never lost; ``link`` and ``lower`` are for people and tools that know Docker's layout and
are never read back. Up to about a hundred layers the options hold whole paths; above that, or when the
data root's path has a character that is syntax there, they go through ``/proc/self/fd``.

``metacopy`` and ``redirect_dir`` are off whatever the kernel's defaults: a layer's directory must hold all
of the layer.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scow.errors import ScowError
from scow.image.snapshots.base import REMOVING, STAGING, Recovered, leftovers
from scow.image.snapshots.options import container_limit
from scow.image.snapshots.probe import OverlayHost
from scow.image.trees import remove_path, tree_bytes
from scow.linux import mounts
from scow.linux.syscalls import sync_file_system

if TYPE_CHECKING:
    from scow.image.layer_unpacker import Whiteouts
    from scow.linux.mount_views import MountView

_LINKS = "l"
# mount(2) copies one page, the last byte of which is a zero.
_MAX_OPTION_BYTES = 4095
_NO_QUOTAS = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
_PATH_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Overlay2Driver:
    """See the module; ``home`` is ``<data root>/overlay2``."""

    name = "overlay2"
    copies_below = False

    def __init__(self, home: str, host: OverlayHost) -> None:
        self._home = home
        self._host = host
        self.opaque_xattr: str | None = f"{'user' if host.user_xattrs else 'trusted'}.overlay.opaque"
        os.makedirs(os.path.join(home, _LINKS), mode=0o710, exist_ok=True)

    def status(self) -> list[tuple[str, str]]:
        """The five lines of Docker's driver."""
        return [
            ("Backing Filesystem", self._host.backing),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", str(self._host.user_xattrs).lower()),
        ]

    def stage(self, snapshot: str, below: Sequence[str]) -> str:
        """Nothing is copied: the directory to fill is empty."""
        place = self._path(snapshot + STAGING)
        os.mkdir(place, 0o710)
        diff = f"{place}/diff"
        os.mkdir(diff)
        os.chmod(diff, 0o755)  # the root directory of containers, whatever the umask is
        return diff

    def whiteouts(self) -> "Whiteouts":
        """In overlayfs' own form."""
        from scow.image.layer_unpacker import OverlayWhiteouts

        assert self.opaque_xattr is not None
        return OverlayWhiteouts(self.opaque_xattr)

    def commit(self, snapshot: str, below: Sequence[str], *, stackable: bool) -> None:
        """The symlink comes first: a committed layer has one."""
        place = self._path(snapshot + STAGING)
        if below:
            os.mkdir(f"{place}/work", 0o700)
            os.mkdir(f"{place}/merged", 0o700)
            _write_lower(place, below)
        if stackable:
            _write(f"{place}/link", short_name(snapshot))
            self._link(snapshot)
        os.rename(place, self._path(snapshot))

    def promote(self, snapshot: str, below: Sequence[str]) -> None:
        """Its upper directory is the layer. What lay below may have had mount points that are no layer."""
        place = self._path(snapshot)
        with suppress(FileNotFoundError):
            os.unlink(f"{place}/lower")
        if below:
            _write_lower(place, below)
        with suppress(FileExistsError):
            _write(f"{place}/link", short_name(snapshot))
            self._link(snapshot)

    def discard(self, snapshot: str) -> None:
        """Takes the symlink along that a commit may have left."""
        self._unlink(snapshot)
        remove_path(self._path(snapshot + STAGING))

    def mount(self, snapshot: str, below: Sequence[str]) -> str:
        """A snapshot with nothing below is its own directory: overlayfs needs a lower one."""
        place = self._path(snapshot)
        if not below:
            return f"{place}/diff"
        merged = f"{place}/merged"
        if not mounts.is_mountpoint(merged):
            with self._options(place, below) as options:
                mounts.mount("overlay", merged, fstype="overlay", data=options)
        return merged

    def unmount(self, snapshot: str) -> None:
        """Lazy, as Docker's: a process that still looks at the tree must not keep the container."""
        with suppress(FileNotFoundError):
            merged = f"{self._path(snapshot)}/merged"
            while mounts.is_mountpoint(merged):
                mounts.unmount(merged, lazy=True)

    def mounted(self) -> set[str]:
        """By one look at all mounts."""
        home = os.path.realpath(self._home)
        points = (entry.mountpoint.removeprefix(f"{home}/") for entry in mounts.mountinfo())
        return {point.removesuffix("/merged") for point in points if point.endswith("/merged")}

    def view_below(self, snapshot: str, below: Sequence[str]) -> "MountView":
        """overlayfs without an upper directory wants two lower ones: a single one is its own view."""
        from scow.linux.mount_views import MountView, view_of_mount

        if len(below) == 1:
            return MountView(os.open(f"{self._path(below[0])}/diff", _PATH_ONLY))
        place = self._path(snapshot)
        with self._options(place, below, writable=False) as options:
            return view_of_mount("overlay", f"{place}/merged", options)

    def remove(self, snapshot: str) -> None:
        """By renaming first: nobody finds half a snapshot under its name."""
        self.unmount(snapshot)
        self._unlink(snapshot)
        going = self._path(snapshot + REMOVING)
        remove_path(going)
        with suppress(FileNotFoundError):
            os.rename(self._path(snapshot), going)
            remove_path(going)

    def exists(self, snapshot: str) -> bool:
        """Whether ``diff`` is there."""
        return os.path.isdir(f"{self._path(snapshot)}/diff")

    def layer_path(self, snapshot: str) -> str:
        """``diff``."""
        return f"{self._path(snapshot)}/diff"

    def own_bytes(self, snapshot: str, below: Sequence[str]) -> int:
        """Of the upper directory."""
        return tree_bytes(f"{self._path(snapshot)}/diff")

    def paths(self, snapshot: str, below: Sequence[str]) -> dict[str, str]:
        """Docker's four, ``LowerDir`` only where something is below."""
        place = self._path(snapshot)
        data = {"MergedDir": f"{place}/merged", "UpperDir": f"{place}/diff", "WorkDir": f"{place}/work"}
        if below:
            data["LowerDir"] = ":".join(f"{self._path(layer)}/diff" for layer in below)
        return data

    def container_limit(self, options: Mapping[str, str]) -> int | None:
        """Docker's refusal where there are no project quotas. scow has none to offer on any file system."""
        if container_limit(options) is not None:
            raise ScowError(_NO_QUOTAS)
        return None

    def limit(self, snapshot: str, size_bytes: int) -> None:
        """The same refusal: ``container_limit`` never gave one."""
        raise ScowError(_NO_QUOTAS)

    def sync(self) -> None:
        """Of the whole file system: one call costs less than one for each of a layer's files."""
        sync_file_system(self._home)

    def lost(self, known: set[str]) -> list[tuple[str, str]]:
        """Directories; links go with theirs."""
        return leftovers(os.listdir(self._home), known)

    def remove_lost(self, name: str) -> None:
        """Somebody may have left it mounted."""
        self.unmount(name)
        remove_path(self._path(name))

    def recover(self, known: Iterable[str]) -> Recovered:
        """Symlinks are made again for layers that lost theirs."""
        known = set(known)
        removed = self.lost(known)
        for name, _ in removed:
            self.remove_lost(name)
        missing = sorted(snapshot for snapshot in known if not self.exists(snapshot))
        self._repair_links(known.difference(missing))
        return Recovered([snapshot for _, snapshot in removed], missing)

    def _repair_links(self, snapshots: set[str]) -> None:
        layers = {short_name(name): name for name in snapshots if os.path.exists(f"{self._path(name)}/link")}
        links = set(os.listdir(self._path(_LINKS)))
        for link in links - layers.keys():
            os.unlink(self._path(f"{_LINKS}/{link}"))
        for link in layers.keys() - links:
            self._link(layers[link])

    @contextmanager
    def _options(self, place: str, below: Sequence[str], *, writable: bool = True) -> Iterator[str]:
        """The option string, good while the block lasts."""
        names = [short_name(layer) for layer in below]
        links = self._path(_LINKS)
        options = self._compose(links, names, place if writable else None)
        if len(os.fsencode(options)) <= _MAX_OPTION_BYTES and not set(self._home) & set(",:\\"):
            yield options
            return
        links_fd, place_fd = os.open(links, _PATH_ONLY), os.open(place, _PATH_ONLY)
        try:
            place = f"/proc/self/fd/{place_fd}"
            yield self._compose(f"/proc/self/fd/{links_fd}", names, place if writable else None)
        finally:
            os.close(links_fd)
            os.close(place_fd)

    def _compose(self, links: str, names: Sequence[str], place: str | None) -> str:
        lower = ":".join(f"{links}/{name}" for name in names)
        upper = f",upperdir={place}/diff,workdir={place}/work" if place is not None else ""
        return f"lowerdir={lower}{upper}{self._host.mount_options}"

    def _path(self, name: str) -> str:
        return f"{self._home}/{name}"

    def _link(self, snapshot: str) -> None:
        os.symlink(f"../{snapshot}/diff", self._path(f"{_LINKS}/{short_name(snapshot)}"))

    def _unlink(self, snapshot: str) -> None:
        """Only if it is this snapshot's own: containers' snapshots have none."""
        link = self._path(f"{_LINKS}/{short_name(snapshot)}")
        with suppress(OSError):
            if os.readlink(link) == f"../{snapshot}/diff":
                os.unlink(link)


def short_name(snapshot: str) -> str:
    """Ten letters, fifty bits: chance meetings need millions of layers, and then ``symlink`` says so."""
    return base64.b32encode(hashlib.sha256(snapshot.encode()).digest()[:7]).decode()[:10]


def _write_lower(place: str, below: Sequence[str]) -> None:
    _write(f"{place}/lower", ":".join(f"{_LINKS}/{short_name(layer)}" for layer in below))


def _write(path: str, text: str) -> None:
    with open(path, "x", encoding="ascii") as file:
        file.write(text)
