"""COPY and ADD: a selection becomes files of a root file system.

Target names are resolved inside the root by the kernel (``image.tree_maker``): whatever symlinks a base image
or a source brings, nothing is written outside.
"""

import os
import posixpath
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass

from scow.build.execute.selection import Chosen, Selection
from scow.build.trees.tree import Content, Node
from scow.errors import InvalidArgumentError, ScowError
from scow.image.decompress import ByteReader
from scow.image.extraction import Destination, extract
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry
from scow.image.tree_maker import Scope, TreeMaker
from scow.image.trees import remove_tree
from scow.linux.mount_views import MountView
from scow.linux.rootpath import follow_in_root, make_dirs_in_root, open_in_root

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: tar_reader.REGULAR,
    stat.S_IFDIR: tar_reader.DIRECTORY,
    stat.S_IFLNK: tar_reader.SYMLINK,
    stat.S_IFIFO: tar_reader.FIFO,
    stat.S_IFCHR: tar_reader.CHARACTER_DEVICE,
    stat.S_IFBLK: tar_reader.BLOCK_DEVICE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go: ``path`` is absolute in the root file system ``root_fd``.

    ``owner`` is for everything that is made, ``None`` keeps the sources'. ``mode`` says what a source's mode
    becomes. ``into_folder``: it is a folder whatever the source is. ``own_fd``: where of that file system its
    own changes lie, to be written to at once if nothing is in the way; -1 if they may not.
    ``unpacked_owner`` is for what comes out of archives, ``None`` keeps what they say. ``folder_mode`` is
    that of new folders, the topmost one included; ``None``: that one is as its source is.
    ``replaces``: what is in the way goes, whatever it is. ``go_on`` is called now and then and may raise.
    """

    root_fd: int
    path: str
    into_folder: bool
    owner: tuple[int, int] | None
    mode: Callable[[Node], int]
    mtime_ns: int | None = None
    own_fd: int = -1
    unpacked_owner: tuple[int, int] | None = None
    folder_mode: int | None = None
    replaces: bool = False
    go_on: Callable[[], None] | None = None

    @property
    def folder_owner(self) -> tuple[int, int]:
        """Of folders on the way that nobody named."""
        return self.owner or (0, 0)


def copy_selection(selection: Selection, target: Target, unpacks: Callable[[Chosen], bool]) -> None:
    """Copy everything; a chosen file that ``unpacks`` wants is an archive to be unpacked. Blocks.

    Raises InvalidArgumentError, ScowError, ``OSError``.
    """
    for chosen in selection.chosen:
        if chosen.node.is_folder:
            _copy_folder(selection, chosen, target)
        elif unpacks(chosen):
            content = selection.tree.open(chosen.node)
            try:
                unpack_archive(_Reader(content), target)
            finally:
                content.close()
        else:
            _copy_file(selection, chosen, target)


def unpack_archive(content: ByteReader, target: Target) -> None:
    """A tar into the target, which becomes a folder. Blocks. Raises InvalidArgumentError, ScowError."""
    try:
        fd = make_dirs_in_root(target.root_fd, target.path, 0o755, *target.folder_owner)
    except NotADirectoryError as exc:
        raise InvalidArgumentError(f"mkdir {target.path}: not a directory") from exc
    try:
        view = MountView(os.dup(target.root_fd))
        try:
            extract(
                content,
                Destination(fd, target.path, view),
                keep_kinds=False,
                owner=target.unpacked_owner,
                go_on=target.go_on,
            )
        finally:
            view.close()
    finally:
        os.close(fd)


def _copy_folder(selection: Selection, chosen: Chosen, target: Target) -> None:
    path = posixpath.join(target.path, chosen.parents, chosen.name if selection.parents else "")
    path = path.rstrip("/") or "/"
    existed = _is_folder(target.root_fd, path)
    with _Maker(target, path) as maker:
        if not existed and target.folder_mode is None:
            maker.describe_root(chosen.node)
        for node, name in selection.entries(chosen):
            maker.place(selection, node, name)
        maker.date_root(chosen.node)


def _copy_file(selection: Selection, chosen: Chosen, target: Target) -> None:
    folder, name = target.path, chosen.name
    if chosen.parents:
        folder = posixpath.join(folder, chosen.parents)
    elif not target.into_folder and not _is_folder(target.root_fd, target.path):
        # A symlink there is followed, also one that leads to what is not there yet.
        folder, name = posixpath.split(follow_in_root(target.root_fd, target.path))
    with _Maker(target, folder) as maker:
        maker.place(selection, chosen.node, name)


class _Maker:
    """Makes files below one folder of the target. What are names of one file there are so here, too."""

    def __init__(self, target: Target, folder: str) -> None:
        self._target = target
        try:
            mode = 0o755 if target.folder_mode is None else target.folder_mode
            fd = make_dirs_in_root(target.root_fd, folder, mode, *target.folder_owner)
        except NotADirectoryError as exc:
            raise InvalidArgumentError(f"cannot copy to non-directory: {folder.rstrip('/')}") from exc
        self._root_fd = os.open(f"/proc/self/fd/{fd}", _FOLDER)
        if target.own_fd >= 0 and not os.listdir(self._root_fd):
            own_fd = _own_folder(target, self._root_fd)
            os.close(self._root_fd)
            os.dup2(own_fd, fd, inheritable=False)
            self._root_fd = own_fd
        self._maker = TreeMaker(fd, scope=Scope(target.root_fd, folder), owner=None, go_on=target.go_on)
        self._folder = folder
        self._first_names: dict[int, str] = {}
        self._mtime_ns: int | None = None

    def __enter__(self) -> "_Maker":
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        try:
            if kind is None:
                self._maker.settle()
                if self._mtime_ns is not None:
                    os.utime(self._root_fd, ns=(self._mtime_ns, self._mtime_ns))
        finally:
            self._maker.close()
            os.close(self._root_fd)

    def describe_root(self, node: Node) -> None:
        """The folder itself was made for this: it is as its source is."""
        owner = self._target.owner or (node.uid, node.gid)
        os.fchown(self._root_fd, *owner)
        os.fchmod(self._root_fd, self._target.mode(node))

    def date_root(self, node: Node) -> None:
        """The folder has its source's time, also where it was there before: copying into it changed it.

        The root of a tree has been made for the build.
        """
        own_ns = node.mtime_ns if node.path else None
        self._mtime_ns = own_ns if self._target.mtime_ns is None else self._target.mtime_ns

    def place(self, selection: Selection, node: Node, path: str) -> None:
        """Make one file, instead of what has its name."""
        entry = self._entry(node, path, self._first_name(selection, node, path))
        content = selection.tree.open(node) if entry.kind == tar_reader.REGULAR else None
        try:
            self._make(entry, _Source(content))
        except OSError as exc:
            raise ScowError(f"{posixpath.join(self._folder, path)}: {exc.strerror or exc}") from exc
        finally:
            if content is not None:
                content.close()

    def _first_name(self, selection: Selection, node: Node, path: str) -> str:
        """Of a file that was made under another one already; empty for others."""
        identity = selection.tree.identity(node) if node.is_file else 0
        first = self._first_names.setdefault(identity, path) if identity else path
        return first if first != path else ""

    def _make(self, entry: Entry, source: "_Source") -> None:
        folder, _, name = entry.name.rpartition("/")
        folder_fd = self._maker.folder(folder, entry.name)
        try:
            self._maker.make(entry, source, folder_fd, entry.name, name)  # type: ignore[arg-type]
        except FileExistsError:
            folder_fd = self._maker.folder(folder, entry.name)
            self._make_room(entry, folder_fd, name)
            self._maker.make(entry, source, folder_fd, entry.name, name)  # type: ignore[arg-type]

    def _make_room(self, entry: Entry, folder_fd: int, name: str) -> None:
        was_folder = stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode)
        path = posixpath.join(self._folder, entry.name)
        if was_folder and not self._target.replaces:
            raise InvalidArgumentError(f"cannot copy to directory: {path}")
        if entry.kind == tar_reader.DIRECTORY and not self._target.replaces:
            raise InvalidArgumentError(f"cannot copy to non-directory: {path}")
        remove_tree(folder_fd, name)
        self._maker.forget(entry.name)

    def _entry(self, node: Node, path: str, first_name: str) -> Entry:
        uid, gid = self._target.owner or (node.uid, node.gid)
        mtime_ns = node.mtime_ns if self._target.mtime_ns is None else self._target.mtime_ns
        return Entry(
            name=path,
            kind=tar_reader.HARD_LINK if first_name else _KINDS[stat.S_IFMT(node.mode)],
            mode=self._target.mode(node),
            uid=uid,
            gid=gid,
            size=node.size,
            mtime_ns=mtime_ns,
            link=first_name or node.link,
            device=node.device,
            offset=0,
            xattrs=dict(node.xattrs),
        )


class _Source:
    """A file's content, as a maker of trees reads it: it asks no more of a ``TarReader``."""

    def __init__(self, content: Content | None) -> None:
        self._content = content

    def read(self, size: int) -> memoryview:
        return memoryview(self._content.read(size) if self._content is not None else b"")


class _Reader:
    def __init__(self, content: Content) -> None:
        self._content = content

    def read(self, size: int, /) -> bytes:
        return bytes(self._content.read(size))


def _own_folder(target: Target, fd: int) -> int:
    """An empty folder of the target, where its own changes lie: overlayfs need not carry each file there.

    Nobody looks at what is below the folder before all of it is unmounted (kernel, overlayfs.rst, "Changes to
    underlying filesystems"), and what lower layers deleted stays hidden by their whiteouts.
    """
    os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode))  # overlayfs makes a copy, if it comes from below
    top = os.readlink(f"/proc/self/fd/{target.root_fd}")
    path = os.readlink(f"/proc/self/fd/{fd}").removeprefix(top)
    return open_in_root(target.own_fd, path or "/", _FOLDER)


def _is_folder(root_fd: int, path: str) -> bool:
    try:
        fd = open_in_root(root_fd, path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    os.close(fd)
    return True


def numeric_mode(text: str) -> Callable[[Node], int]:
    """``--chmod`` as octal digits or as chmod(1)'s symbolic words; empty keeps the mode.

    Raises InvalidArgumentError.
    """
    if not text:
        return lambda node: stat.S_IMODE(node.mode)
    if not text[0].isdecimal():
        from scow.build.execute.symbolic_mode import symbolic_mode

        return symbolic_mode(text)
    if not re.fullmatch("0*[0-7]{1,4}", text):
        raise InvalidArgumentError(
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
        )
    mode = int(text, 8)
    return lambda node: mode
