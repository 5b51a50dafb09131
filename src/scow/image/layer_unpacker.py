"""A layer's tar becomes a directory; how its entries become files safely is ``tree_maker``'s.

Deletions are entries called ``.wh.<name>`` (image-spec layer.md, "Whiteouts"). They concern the layers
below, never what this layer brings, and are either written for the kernel (``OverlayWhiteouts``) or
carried out on a copy of the layers below (``AppliedWhiteouts``).

What Docker does and is done here too: the root's own attributes are left alone (an archive of a 0700
directory must not lock everybody out of ``/``); a later entry replaces an earlier one of the same name;
extended attributes that the file system does not have are dropped.
"""

import os
import stat

from scow.errors import InvalidArgumentError
from scow.image.recipe import RecipeWriter
from scow.image.small_files import MAX_SMALL_BYTES, Assistant, SmallFile, SmallFiles
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry, TarReader
from scow.image.tree_maker import TreeMaker, components
from scow.image.trees import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol
else:
    Protocol = object  # an unpacker is started for a moment: it does without typing

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS_METADATA = ".wh..wh."
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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


class OverlayWhiteouts:
    """Deletions in overlayfs' own form: 0/0 character devices and an attribute on opaque directories.

    ``opaque_xattr`` is ``trusted.overlay.opaque``, or ``user.overlay.opaque`` in a user namespace.
    """

    def __init__(self, opaque_xattr: str = "trusted.overlay.opaque") -> None:
        self.opaque_xattr = opaque_xattr

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
        any_symlink: bool = False,
        recipe: RecipeWriter | None = None,
        assistant: Assistant | None = None,
    ) -> None:
        """``assistant`` makes some of the files; not where the root has anything yet.

        ``recipe`` is told where each content is found again; its raw parts are the reader's to tell.

        ``any_symlink`` lets symlinks be that lead out of the layer: to who follows one inside it does not.
        """
        self._any_symlink = any_symlink
        self._recipe = recipe
        self._whiteouts = whiteouts
        self._root = os.open(root, _DIRECTORY)
        self._tree = TreeMaker(
            self._root,
            may_make_devices=may_make_devices,
            synced_soon=True,
            made_folder=whiteouts.created,
            made_content=self._tell_recipe if recipe is not None else None,
        )
        self._small: SmallFiles | None = None
        if assistant is not None:
            self._small = SmallFiles(self._tree, assistant, self._replace)

    def __enter__(self) -> "LayerUnpacker":
        return self

    def __exit__(self, *exc: object) -> None:
        self._tree.close()

    def unpack(self, archive: TarReader, entries: "Iterable[Entry] | None" = None) -> int:
        """Make all of ``archive``, whose ``entries`` may be looked at before; returns the bytes of content.

        Raises InvalidArgumentError for what no layer may hold, ``OSError`` naming the entry for the rest,
        ScowError where others were made with it.
        """
        for entry in archive if entries is None else entries:
            try:
                self._place(entry, archive)
            except OSError as exc:
                exc.filename, exc.filename2 = entry.name, None
                raise
        self._settle()
        self._tree.settle()
        return self._tree.content_bytes

    def _place(self, entry: Entry, archive: TarReader) -> None:
        parts = components(entry.name)
        if not parts or any(part.startswith(_AUFS_METADATA) for part in parts[:-1]):
            return
        name = parts[-1]
        folder = "/".join(parts[:-1])
        if name.startswith(_WHITEOUT):
            self._settle()
            self._whiteout(entry, folder, name)
            return
        if entry.kind == tar_reader.SYMLINK and not self._any_symlink:
            _check_symlink(entry)
        path = f"{folder}/{name}" if folder else name
        if not self._is_made_later(entry, archive, folder, path, name):
            self._make_now(entry, archive, folder, path, name)
        self._whiteouts.created(path)

    def _make_now(self, entry: Entry, archive: TarReader, folder: str, path: str, name: str) -> None:
        opaque = False
        try:
            self._tree.make(entry, archive, self._tree.folder(folder, entry.name), path, name)
        except FileExistsError:
            self._settle()
            folder_fd = self._tree.folder(folder, entry.name)
            opaque = self._make_room(entry, folder_fd, path, name)
            self._tree.make(entry, archive, folder_fd, path, name)
        if opaque:
            self._whiteouts.make_opaque(self._tree.folder(path, entry.name), path)

    def _is_made_later(self, entry: Entry, archive: TarReader, folder: str, path: str, name: str) -> bool:
        """Whether it is a small file, which is read and gathered now."""
        if self._small is None:
            return False
        self._small.settle_before(path, folder)
        if entry.kind == tar_reader.HARD_LINK:
            self._small.settle()
        self._tree.folder(folder, entry.name)
        if self._tree.met_symlink:
            # Names no longer tell whether two entries are the same file.
            self._small.settle()
            self._small = None
            return False
        if entry.kind != tar_reader.REGULAR or entry.is_sparse or entry.size > MAX_SMALL_BYTES:
            return False
        number = 0
        if self._recipe is not None:
            if self._recipe.knows(path):
                return False  # it is about to be replaced
            number = self._recipe.count
        content = b""
        while len(content) < entry.size:
            content += archive.read(entry.size)
        self._tree.content_bytes += entry.size
        self._tell_recipe(path, entry.size)
        self._small.add(SmallFile(entry, content, folder, name, number))
        return True

    def _replace(self, file: SmallFile) -> None:
        """Make a file that was gathered, whose name is taken."""
        folder_fd = self._tree.folder(file.folder, file.entry.name)
        self._make_room(file.entry, folder_fd, file.path, file.name, file.number)
        self._tree.make_small_file(file.entry, file.content, folder_fd, file.name)

    def _settle(self) -> None:
        if self._small is not None:
            self._small.settle()

    def _tell_recipe(self, path: str, size: int) -> None:
        if self._recipe is not None and size:
            self._recipe.content(path, size)

    def _whiteout(self, entry: Entry, folder: str, name: str) -> None:
        if name == _OPAQUE:
            self._whiteouts.make_opaque(self._tree.folder(folder, entry.name), folder)
            return
        if name.startswith(_AUFS_METADATA):
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in ("", ".", ".."):
            raise InvalidArgumentError(f"invalid whiteout in layer: {entry.name}")
        path = f"{folder}/{hidden}" if folder else hidden
        folder_fd = self._tree.folder(folder, entry.name)
        self._whiteouts.remove(folder_fd, path, hidden)
        self._tree.forget(path)

    def _make_room(
        self, entry: Entry, folder_fd: int, path: str, name: str, before: int | None = None
    ) -> bool:
        """Remove what has the name already; True if a directory coming there has to be opaque.

        ``before``: see ``RecipeWriter.replaced``.
        """
        status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if self._recipe is not None:
            self._recipe.replaced(path, self._root, before)
        remove_tree(folder_fd, name)
        self._tree.forget(path)
        if self._small is not None:
            self._small.forget_folders()
        is_directory = entry.kind == tar_reader.DIRECTORY
        return is_directory and self._whiteouts.replaced_by_directory(folder_fd, name, status)


def _check_symlink(entry: Entry) -> None:
    """Docker refuses symlinks that lead out of the layer by counting ``..``, so every image in use passes."""
    if entry.link.startswith("/"):
        return
    depth = len(components(entry.name)) - 1
    for part in entry.link.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            raise InvalidArgumentError(f'invalid symlink "{entry.name}" -> "{entry.link}"')
