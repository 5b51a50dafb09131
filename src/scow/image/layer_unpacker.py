"""A layer's tar becomes a directory: the one place where untrusted archives touch the disk.

Every name is walked component by component from the root's descriptor with ``O_NOFOLLOW``, and every file
is made with ``O_EXCL``; a component that is a symlink is resolved by the kernel inside the root
(openat2(2), RESOLVE_IN_ROOT). So no sequence of entries can reach outside, whatever links it makes first.
Names with ``..`` are refused, a leading ``/`` means the root, as everywhere in layers.

Deletions are entries called ``.wh.<name>`` (image-spec layer.md, "Whiteouts"). They concern the layers
below, never what this layer brings, and are either written for the kernel (``OverlayWhiteouts``) or
carried out on a copy of the layers below (``AppliedWhiteouts``).

What Docker does and is done here too: the root's own attributes are left alone (an archive of a 0700
directory must not lock everybody out of ``/``); a later entry replaces an earlier one of the same name;
extended attributes that the file system does not have are dropped.
"""

import errno
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from scow.errors import InvalidArgumentError
from scow.image import tar_reader
from scow.image.recipe import RecipeWriter
from scow.image.tar_reader import Entry, TarReader
from scow.image.trees import remove_tree
from scow.linux.rootpath import make_dirs_in_root

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS_METADATA = ".wh..wh."
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_OPEN_DIRECTORIES = 64
_READ_BYTES = 1 << 20
_MAX_DEPTH = 400  # far above what programs make, far below what Python's stack holds
# Orders to overlayfs and labels of the machine that built the image, not content.
_FOREIGN_XATTRS = ("trusted.overlay.", "user.overlay.", "security.selinux")


class Whiteouts(Protocol):
    """How deletions are written. ``name`` is in directory ``folder_fd``, ``path`` counts from the root."""

    def created(self, path: str) -> None:
        """``path`` was brought by this layer."""

    def remove(self, folder_fd: int, path: str, name: str) -> None:
        """``name`` of the layers below is gone."""

    def make_opaque(self, folder_fd: int, path: str) -> None:
        """Everything that the layers below have in this directory is gone."""

    def replaced_by_directory(self, folder_fd: int, name: str, status: os.stat_result) -> bool:
        """Whether ``name``, about to become a directory, was a deletion before: then it starts opaque."""


@dataclass(frozen=True, slots=True)
class OverlayWhiteouts:
    """Deletions in overlayfs' own form: 0/0 character devices and an attribute on opaque directories.

    ``opaque_xattr`` is ``trusted.overlay.opaque``, or ``user.overlay.opaque`` in a user namespace.
    """

    opaque_xattr: str = "trusted.overlay.opaque"

    def created(self, path: str) -> None:
        """Nothing to remember: the directory holds this layer only."""

    def remove(self, folder_fd: int, path: str, name: str) -> None:
        try:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=folder_fd)
        except FileExistsError:
            # This layer brought the name already. A file hides what is below by itself.
            if stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode):
                fd = os.open(name, _DIRECTORY, dir_fd=folder_fd)
                try:
                    os.setxattr(fd, self.opaque_xattr, b"y")
                finally:
                    os.close(fd)

    def make_opaque(self, folder_fd: int, path: str) -> None:
        os.setxattr(folder_fd, self.opaque_xattr, b"y")

    def replaced_by_directory(self, folder_fd: int, name: str, status: os.stat_result) -> bool:
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


class AppliedWhiteouts:
    """Deletions carried out on a directory that starts as a copy of the layers below."""

    def __init__(self) -> None:
        self._created: set[str] = set()

    def created(self, path: str) -> None:
        # A directory that got a child is partly this layer's own.
        while path and path not in self._created:
            self._created.add(path)
            path = path.rpartition("/")[0]

    def remove(self, folder_fd: int, path: str, name: str) -> None:
        self._remove_below(folder_fd, path, name)

    def make_opaque(self, folder_fd: int, path: str) -> None:
        for name in os.listdir(folder_fd):
            self._remove_below(folder_fd, f"{path}/{name}" if path else name, name)

    def replaced_by_directory(self, folder_fd: int, name: str, status: os.stat_result) -> bool:
        return False

    def _remove_below(self, folder_fd: int, path: str, name: str) -> None:
        if path not in self._created:
            remove_tree(folder_fd, name)
            return
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=folder_fd)
        except OSError:
            return
        try:
            self.make_opaque(fd, path)
        finally:
            os.close(fd)


class LayerUnpacker:
    """Unpacks one layer into the directory ``root``. Use once, on one thread, in a ``with`` block.

    ``may_make_devices`` is off in a user namespace: there, device nodes are left out, as by Docker.
    """

    def __init__(
        self,
        root: str,
        whiteouts: Whiteouts,
        *,
        may_make_devices: bool = True,
        recipe: RecipeWriter | None = None,
    ) -> None:
        """``recipe`` is told where each content is found again; its raw parts are the reader's to tell."""
        self._recipe = recipe
        self._root = os.open(root, _DIRECTORY)
        self._whiteouts = whiteouts
        self._may_make_devices = may_make_devices
        self._own = (os.geteuid(), os.getegid())
        self._folders: OrderedDict[str, int] = OrderedDict()
        self._folder_times: dict[str, int] = {}
        self._bytes = 0

    def __enter__(self) -> "LayerUnpacker":
        return self

    def __exit__(self, *exc: object) -> None:
        self._forget_folders()
        os.close(self._root)

    def unpack(self, archive: TarReader) -> int:
        """Make everything in ``archive``; returns the bytes of content.

        Raises InvalidArgumentError for what no layer may hold, ``OSError`` naming the entry for the rest.
        """
        for entry in archive:
            try:
                self._place(entry, archive)
            except OSError as exc:
                exc.filename, exc.filename2 = entry.name, None
                raise
        self._settle_folders()
        return self._bytes

    def _place(self, entry: Entry, archive: TarReader) -> None:
        parts = _components(entry.name)
        if not parts or any(part.startswith(_AUFS_METADATA) for part in parts[:-1]):
            return
        name = parts[-1]
        folder = "/".join(parts[:-1])
        if name.startswith(_WHITEOUT):
            self._whiteout(entry, folder, name)
            return
        folder_fd = self._folder(folder, entry.name)
        path = f"{folder}/{name}" if folder else name
        opaque = False
        try:
            self._make(entry, archive, folder_fd, path, name)
        except FileExistsError:
            opaque = self._make_room(entry, folder_fd, path, name)
            self._make(entry, archive, folder_fd, path, name)
        if opaque:
            self._whiteouts.make_opaque(self._folder(path, entry.name), path)
        self._whiteouts.created(path)

    def _make(self, entry: Entry, archive: TarReader, folder_fd: int, path: str, name: str) -> None:
        match entry.kind:
            case tar_reader.REGULAR:
                self._make_file(entry, archive, folder_fd, path, name)
            case tar_reader.DIRECTORY:
                self._make_directory(entry, folder_fd, path, name)
            case tar_reader.SYMLINK:
                _check_symlink(entry)
                os.symlink(entry.link, name, dir_fd=folder_fd)
                self._bytes += len(entry.link)
                self._set_attributes(entry, folder_fd, name)
            case tar_reader.HARD_LINK:
                self._make_hard_link(entry, path, name)
            case tar_reader.FIFO:
                os.mkfifo(name, 0o600, dir_fd=folder_fd)
                self._set_attributes(entry, folder_fd, name)
            case _:
                self._make_device(entry, folder_fd, name)

    def _make_file(self, entry: Entry, archive: TarReader, folder_fd: int, path: str, name: str) -> None:
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=folder_fd)
        try:
            while piece := archive.read(_READ_BYTES):
                while piece:
                    piece = piece[os.write(fd, piece) :]
            # Owner first: chown(2) takes away set-user-id bits and file capabilities.
            if (entry.uid, entry.gid) != self._own:
                os.fchown(fd, entry.uid, entry.gid)
            os.fchmod(fd, entry.mode)
            for key, value in entry.xattrs.items():
                _set_xattr(fd, key, value)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)
        self._bytes += entry.size
        if self._recipe is not None and entry.size:
            self._recipe.content(path, entry.size)

    def _make_directory(self, entry: Entry, folder_fd: int, path: str, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=folder_fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode):
                raise
        fd = os.open(name, _DIRECTORY, dir_fd=folder_fd)
        self._remember(path, fd)
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            _set_xattr(fd, key, value)
        self._folder_times[path] = entry.mtime_ns

    def _make_hard_link(self, entry: Entry, path: str, name: str) -> None:
        parts = _components(entry.link)
        if not parts:
            raise InvalidArgumentError(f'invalid hardlink "{entry.name}" -> "{entry.link}"')
        target_fd = os.dup(self._folder("/".join(parts[:-1]), entry.name, make=False))
        try:
            # Asked for again: finding the target may have closed it.
            folder_fd = self._folder(path.rpartition("/")[0], entry.name)
            os.link(parts[-1], name, src_dir_fd=target_fd, dst_dir_fd=folder_fd, follow_symlinks=False)
        finally:
            os.close(target_fd)

    def _make_device(self, entry: Entry, folder_fd: int, name: str) -> None:
        if not self._may_make_devices:
            return
        kind = stat.S_IFCHR if entry.kind == tar_reader.CHARACTER_DEVICE else stat.S_IFBLK
        os.mknod(name, kind | 0o600, entry.device, dir_fd=folder_fd)
        self._set_attributes(entry, folder_fd, name)

    def _set_attributes(self, entry: Entry, folder_fd: int, name: str) -> None:
        """For what cannot be opened to be described."""
        os.chown(name, entry.uid, entry.gid, dir_fd=folder_fd, follow_symlinks=False)
        if entry.kind != tar_reader.SYMLINK:
            os.chmod(name, entry.mode, dir_fd=folder_fd)
        for key, value in entry.xattrs.items():
            _set_xattr(f"/proc/self/fd/{folder_fd}/{name}", key, value)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=folder_fd, follow_symlinks=False)

    def _whiteout(self, entry: Entry, folder: str, name: str) -> None:
        if name == _OPAQUE:
            self._whiteouts.make_opaque(self._folder(folder, entry.name), folder)
            return
        if name.startswith(_AUFS_METADATA):
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in ("", ".", ".."):
            raise InvalidArgumentError(f"invalid whiteout in layer: {entry.name}")
        path = f"{folder}/{hidden}" if folder else hidden
        folder_fd = self._folder(folder, entry.name)
        self._whiteouts.remove(folder_fd, path, hidden)
        self._forget_folders(path)

    def _make_room(self, entry: Entry, folder_fd: int, path: str, name: str) -> bool:
        """Remove what has the name already; True if a directory coming there has to be opaque."""
        status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if self._recipe is not None:
            self._recipe.replaced(path, self._root)
        remove_tree(folder_fd, name)
        self._forget_folders(path)
        is_directory = entry.kind == tar_reader.DIRECTORY
        return is_directory and self._whiteouts.replaced_by_directory(folder_fd, name, status)

    def _folder(self, path: str, wanted_by: str, *, make: bool = True) -> int:
        """A descriptor of directory ``path``, good until the next call; missing ones are made 0755."""
        if not path:
            return self._root
        fd = self._folders.get(path)
        if fd is not None:
            self._folders.move_to_end(path)
            return fd
        parent, _, name = path.rpartition("/")
        parent_fd = self._folder(parent, wanted_by, make=make)
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
        except FileNotFoundError:
            if not make:
                raise
            fd = self._implied_folder(parent_fd, path, name)
        except OSError as exc:
            if exc.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            fd = self._through_symlink(parent_fd, path, name, wanted_by)
        self._remember(path, fd)
        return fd

    def _implied_folder(self, parent_fd: int, path: str, name: str) -> int:
        os.mkdir(name, 0o700, dir_fd=parent_fd)
        fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
        os.fchmod(fd, 0o755)
        self._whiteouts.created(path)
        return fd

    def _through_symlink(self, parent_fd: int, path: str, name: str, wanted_by: str) -> int:
        mode = os.stat(name, dir_fd=parent_fd, follow_symlinks=False).st_mode
        if not stat.S_ISLNK(mode):
            raise InvalidArgumentError(f"invalid entry in layer: {wanted_by}: {path} is not a directory")
        return make_dirs_in_root(self._root, path, 0o755, 0, 0)

    def _remember(self, path: str, fd: int) -> None:
        old = self._folders.pop(path, None)
        if old is not None:
            os.close(old)
        self._folders[path] = fd
        if len(self._folders) > _MAX_OPEN_DIRECTORIES:
            _, oldest = self._folders.popitem(last=False)
            os.close(oldest)

    def _forget_folders(self, path: str = "") -> None:
        """Drop what is known of ``path`` and below: a name there may mean something else now."""
        inside = f"{path}/"
        for known in [key for key in self._folders if not path or key == path or key.startswith(inside)]:
            os.close(self._folders.pop(known))

    def _settle_folders(self) -> None:
        """Directory times last: making a child changes them. Later replacements are left as they are."""
        for path, mtime_ns in self._folder_times.items():
            try:
                os.utime(self._folder(path, path, make=False), ns=(mtime_ns, mtime_ns))
            except (FileNotFoundError, InvalidArgumentError):
                continue


def _components(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidArgumentError(f'invalid tar entry: "{name}" leads out of the layer')
    if len(parts) > _MAX_DEPTH:
        raise InvalidArgumentError(f'invalid tar entry: "{name[:64]}…" is {len(parts)} directories deep')
    return parts


def _check_symlink(entry: Entry) -> None:
    """Docker refuses symlinks that lead out of the layer by counting ``..``, so every image in use passes."""
    if entry.link.startswith("/"):
        return
    depth = len(_components(entry.name)) - 1
    for part in entry.link.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            raise InvalidArgumentError(f'invalid symlink "{entry.name}" -> "{entry.link}"')


def _set_xattr(target: int | str, key: str, value: bytes) -> None:
    if key.startswith(_FOREIGN_XATTRS):
        return
    try:
        if isinstance(target, int):
            os.setxattr(target, key, value)
        else:
            os.setxattr(target, key, value, follow_symlinks=False)
    except OSError as exc:
        # The file system has none, or not of this namespace, or not for us (user namespace).
        if exc.errno not in (errno.ENOTSUP, errno.EPERM):
            raise
