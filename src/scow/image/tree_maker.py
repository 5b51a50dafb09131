"""Entries of an untrusted archive become files below a directory.

Every name is walked component by component from the root's descriptor with ``O_NOFOLLOW``, and every file
is made with ``O_EXCL``; a component that is a symlink is resolved by the kernel inside the root
(openat2(2), RESOLVE_IN_ROOT). So no sequence of entries can reach outside, whatever links it makes first,
and whatever somebody else swaps meanwhile. Names with ``..`` are refused, a leading ``/`` means the root.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from scow.errors import InvalidArgumentError
from scow.image.tar import reader as tar_reader
from scow.image.tar.reader import Entry, TarReader
from scow.linux.rootpath import make_dirs_in_root
from scow.linux.syscalls import start_writing_back

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_OPEN_DIRECTORIES = 64
_READ_BYTES = 1 << 20
# A layer is synced when it is whole: what is on its way by then need not be waited for.
_WRITE_BACK_BYTES = 8 << 20
_MAX_DEPTH = 400  # far above what programs make, far below what Python's stack holds
# Orders to overlayfs and labels of the machine that built the image, not content.
_FOREIGN_XATTRS = ("trusted.overlay.", "user.overlay.", "security.selinux")


class Scope:
    """What symlinks on the way are resolved in: descriptor ``fd``, in which our root is at ``path``."""

    __slots__ = ("fd", "path")

    def __init__(self, fd: int, path: str = "") -> None:
        self.fd = fd
        self.path = path


class TreeMaker:
    """Makes entries below ``root``, which it takes over. Use on one thread.

    ``scope``: what symlinks mean, if not the root alone. ``owner`` is for everything instead of what the
    archive says. ``may_make_devices`` is off in a user namespace: there, device nodes are left out, as by
    Docker. ``synced_soon``: somebody will wait until all of it is on the disk. ``made_folder`` hears of
    folders that no entry named, ``made_content`` of files with their sizes, but for sparse ones. ``go_on`` is
    called now and then and may raise.
    """

    def __init__(
        self,
        root: int,
        *,
        scope: Scope | None = None,
        owner: tuple[int, int] | None = None,
        may_make_devices: bool = True,
        synced_soon: bool = False,
        made_folder: Callable[[str], None] | None = None,
        made_content: Callable[[str, int], None] | None = None,
        go_on: Callable[[], None] | None = None,
    ) -> None:
        self._root = root
        self._scope = scope or Scope(root)
        self._owner = owner
        self._may_make_devices = may_make_devices
        self._synced_soon = synced_soon
        self._made_folder = made_folder
        self._made_content = made_content
        self._go_on = go_on
        self._own = (os.geteuid(), os.getegid())
        self._folders: OrderedDict[str, int] = OrderedDict()
        self._folder_times: dict[str, int] = {}
        self.content_bytes = 0
        self.met_symlink = False
        """Whether a symlink has led to a folder: two paths may mean one file then."""

    def close(self) -> None:
        """Give up all descriptors."""
        self.forget()
        os.close(self._root)

    def make(self, entry: Entry, archive: TarReader, folder_fd: int, path: str, name: str) -> None:
        """Make ``entry`` as ``name`` in ``folder_fd``, which is at ``path`` from the root.

        Raises ``FileExistsError`` before anything is read if the name is taken, though not for a directory
        where there is one; InvalidArgumentError, ``OSError``.
        """
        if self._go_on is not None:
            self._go_on()
        match entry.kind:
            case tar_reader.REGULAR:
                self._make_file(entry, archive, folder_fd, path, name)
            case tar_reader.DIRECTORY:
                self._make_directory(entry, folder_fd, path, name)
            case tar_reader.SYMLINK:
                os.symlink(entry.link, name, dir_fd=folder_fd)
                self.content_bytes += len(entry.link)
                self._set_attributes(entry, folder_fd, name)
            case tar_reader.HARD_LINK:
                self._make_hard_link(entry, path, name)
            case tar_reader.FIFO:
                os.mkfifo(name, 0o600, dir_fd=folder_fd)
                self._set_attributes(entry, folder_fd, name)
            case _:
                self._make_device(entry, folder_fd, name)

    def _make_file(self, entry: Entry, archive: TarReader, folder_fd: int, path: str, name: str) -> None:
        fd = self._new_file(entry, folder_fd, name)
        try:
            self._copy(entry, archive, fd)
            self._describe(entry, fd)
        finally:
            os.close(fd)
        self.content_bytes += entry.size
        if self._made_content is not None and not entry.is_sparse:
            self._made_content(path, entry.size)

    def make_small_file(self, entry: Entry, content: bytes, folder_fd: int, name: str) -> None:
        """Make a regular ``entry`` that was read; counts nothing and tells nobody. Raises as ``make``."""
        fd = self._new_file(entry, folder_fd, name)
        try:
            while content:
                content = content[os.write(fd, content) :]
            self._describe(entry, fd)
        finally:
            os.close(fd)

    def _new_file(self, entry: Entry, folder_fd: int, name: str) -> int:
        is_own = (self._owner or (entry.uid, entry.gid)) == self._own
        return os.open(name, _NEW_FILE, entry.mode & 0o777 if is_own else 0o600, dir_fd=folder_fd)

    def _describe(self, entry: Entry, fd: int) -> None:
        """The attributes of a file that ``_new_file`` made."""
        owner = self._owner or (entry.uid, entry.gid)
        is_own = owner == self._own
        # Owner first: chown(2) takes away set-user-id bits and file capabilities.
        if not is_own:
            os.fchown(fd, *owner)
        # Asking costs less than saying: nearly always the mode is right from the start.
        if not is_own or os.fstat(fd).st_mode & 0o7777 != entry.mode:
            os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            _set_xattr(fd, key, value)
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))

    def _copy(self, entry: Entry, archive: TarReader, fd: int) -> None:
        """The content of ``entry`` into ``fd``; it goes to the disk while more comes, if it must."""
        written = started = 0
        while True:
            if entry.is_sparse and (hole := archive.pass_hole()):
                written += hole
                os.ftruncate(fd, written)
                os.lseek(fd, written, os.SEEK_SET)
                continue
            if not (piece := archive.read(_READ_BYTES)):
                break
            if self._go_on is not None:
                self._go_on()
            while piece:
                size = os.write(fd, piece)
                written += size
                piece = piece[size:]
            if self._synced_soon and written - started >= _WRITE_BACK_BYTES:
                with suppress(OSError):  # some file systems have no such pages
                    start_writing_back(fd, started, written - started)
                started = written

    def _make_directory(self, entry: Entry, folder_fd: int, path: str, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=folder_fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode):
                raise
        fd = os.open(name, _DIRECTORY, dir_fd=folder_fd)
        self._remember(path, fd)
        os.fchown(fd, *(self._owner or (entry.uid, entry.gid)))
        os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            _set_xattr(fd, key, value)
        self._folder_times[path] = entry.mtime_ns

    def _make_hard_link(self, entry: Entry, path: str, name: str) -> None:
        parts = components(entry.link)
        if not parts:
            raise InvalidArgumentError(f'invalid hardlink "{entry.name}" -> "{entry.link}"')
        target_fd = os.dup(self.folder("/".join(parts[:-1]), entry.name, make=False))
        try:
            # Asked for again: finding the target may have closed it.
            folder_fd = self.folder(path.rpartition("/")[0], entry.name)
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
        owner = self._owner or (entry.uid, entry.gid)
        os.chown(name, *owner, dir_fd=folder_fd, follow_symlinks=False)
        if entry.kind != tar_reader.SYMLINK:
            _change_mode(folder_fd, name, entry.mode)
        for key, value in entry.xattrs.items():
            _set_xattr(f"/proc/self/fd/{folder_fd}/{name}", key, value)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=folder_fd, follow_symlinks=False)

    def folder(self, path: str, wanted_by: str, *, make: bool = True) -> int:
        """A descriptor of directory ``path``, good until the next call; missing ones are made 0755."""
        if not path:
            return self._root
        fd = self._folders.get(path)
        if fd is not None:
            self._folders.move_to_end(path)
            return fd
        parent, _, name = path.rpartition("/")
        parent_fd = self.folder(parent, wanted_by, make=make)
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
        if self._made_folder is not None:
            self._made_folder(path)
        return fd

    def _through_symlink(self, parent_fd: int, path: str, name: str, wanted_by: str) -> int:
        mode = os.stat(name, dir_fd=parent_fd, follow_symlinks=False).st_mode
        if not stat.S_ISLNK(mode):
            raise InvalidArgumentError(f"invalid entry in layer: {wanted_by}: {path} is not a directory")
        self.met_symlink = True
        return make_dirs_in_root(self._scope.fd, f"{self._scope.path}/{path}", 0o755, 0, 0)

    def _remember(self, path: str, fd: int) -> None:
        old = self._folders.pop(path, None)
        if old is not None:
            os.close(old)
        self._folders[path] = fd
        if len(self._folders) > _MAX_OPEN_DIRECTORIES:
            _, oldest = self._folders.popitem(last=False)
            os.close(oldest)

    def forget(self, path: str = "") -> None:
        """Drop what is known of ``path`` and below: a name there may mean something else now."""
        inside = f"{path}/"
        for known in [key for key in self._folders if not path or key == path or key.startswith(inside)]:
            os.close(self._folders.pop(known))

    def settle(self) -> None:
        """Directory times last: making a child changes them. Later replacements are left as they are."""
        for path, mtime_ns in self._folder_times.items():
            try:
                os.utime(self.folder(path, path, make=False), ns=(mtime_ns, mtime_ns))
            except (FileNotFoundError, InvalidArgumentError):
                continue


def components(name: str) -> list[str]:
    """The parts of an entry's name. Raises InvalidArgumentError for one that leads out, or too far down."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidArgumentError(f'invalid tar entry: "{name}" leads out of its directory')
    if len(parts) > _MAX_DEPTH:
        raise InvalidArgumentError(f'invalid tar entry: "{name[:64]}…" is {len(parts)} directories deep')
    return parts


def _change_mode(folder_fd: int, name: str, mode: int) -> None:
    """chmod(2) follows symlinks, and somebody may have put one there since."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            os.chmod(f"/proc/self/fd/{fd}", mode)
    finally:
        os.close(fd)


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
