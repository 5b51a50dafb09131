"""File operations as a step: files copied, written, linked and removed, one action after the other.

Paths are resolved within the file system by the kernel, as everywhere; what an action means to the letter is
what BuildKit does, solver/llbsolver/file/backend.go and fsutil's copy.
"""

import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scow.build.execute.copy_step import archives_in
from scow.build.execute.copying import Target, copy_selection, numeric_mode
from scow.build.execute.gathering import Gathering, Search
from scow.build.execute.inputs import Inputs
from scow.build.execute.owners import owner_of
from scow.build.execute.selection import Chosen, Selection, find, matching, select
from scow.build.graph.ops import (
    ContextSource,
    CopyFiles,
    FileAction,
    FileOp,
    MakeFolder,
    MakeSymlink,
    Owner,
    RemoveFiles,
    Vertex,
    WriteFile,
)
from scow.build.trees.folder import FolderTree
from scow.build.trees.tree import Tree
from scow.errors import InvalidArgumentError, ScowError
from scow.image.layer_intake import NewLayer
from scow.image.leases import Lease
from scow.image.threads import run_to_end, wanted_by_caller
from scow.image.trees import remove_tree
from scow.linux.mount_views import MountView
from scow.linux.rootpath import make_dirs_in_root, open_in_root
from scow.spec.ignore_rules import ignore_rules

if TYPE_CHECKING:
    from scow.build.graph.job import Memo, Result

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_CLOEXEC


async def inputs(
    gathering: Gathering, vertex: Vertex, op: FileOp, base: str | None, results: "Mapping[Vertex, Result]"
) -> Inputs:
    """What its copies copy. Raises NotFoundError, InvalidArgumentError, ScowError."""
    selections, contents = [], []
    memos: list[Memo] = []
    for action in op.actions:
        if not isinstance(action, CopyFiles):
            continue
        search = _search(action)
        source = vertex.sources[action.from_] if action.from_ >= 0 else None
        if source is None or isinstance(source, Vertex):
            selection, memo = await gathering.in_stack(search, results[source].chain_id if source else None)
            digest = memo.digest
            memos.append(memo)
        else:
            selection, digest = await gathering.outside(search, source)
        selections.append(selection)
        contents.append(digest)
    chains = [(index, results[it].chain_id) for index, it in _accounts(op, vertex)]
    return Inputs(
        base,
        contents=(*contents, *(str(chain_id) for _, chain_id in chains)),
        selections=tuple(selections),
        chains=tuple(chains),
        outlive_job=not any(isinstance(it, ContextSource) for it in vertex.sources),
        memos=tuple(memos),
    )


def _accounts(op: FileOp, vertex: Vertex) -> Iterator[tuple[int, Vertex]]:
    """Sources whose accounts decide who a name is."""
    owners = [it.owner for it in op.actions if not isinstance(it, RemoveFiles) and it.owner is not None]
    for index in sorted({it.accounts for it in owners if it.accounts >= 0}):
        source = vertex.sources[index]
        if isinstance(source, Vertex):
            yield index, source


def _search(action: CopyFiles) -> Search:
    def found(tree: Tree) -> Selection:
        excludes, includes = ignore_rules(action.excludes), ignore_rules(action.includes)
        if action.wildcards:
            chosen = select(tree, [action.source], may_be_empty=True, follows=action.follows).chosen
            if not chosen and not action.may_be_empty:
                raise InvalidArgumentError(f"{_absolute(action.source)} not found")
        else:
            chosen = (find(tree, action.source, follows=action.follows),)
        return Selection(tree, chosen, excludes, includes=includes)

    words = (action.source, action.wildcards, action.follows, action.excludes, action.includes)
    return Search(("files", *words, action.owner is None), found, action.owner is None)


async def apply(lease: Lease, op: FileOp, found: Inputs) -> NewLayer:
    """Make a layer of it. Raises NotFoundError, InvalidArgumentError, ScowError, ``OSError``."""
    active = await lease.prepare(found.base)
    root = await lease.mount(active)
    await run_to_end(_apply, root, lease.own_folder(active), op, found, lease.view, wanted_by_caller())
    return await lease.commit(active)


def _apply(
    root: Path,
    own: Path,
    op: FileOp,
    found: Inputs,
    view: Callable[[str], MountView],
    go_on: Callable[[], None],
) -> None:
    selections = iter(found.selections)
    root_fd, own_fd = os.open(root, _DIRECTORY), os.open(own, _DIRECTORY)
    try:
        work = _Work(root_fd, own_fd if len(op.actions) == 1 else -1, dict(found.chains), view, go_on)
        for action in op.actions:
            try:
                work.do(action, selections)
            except OSError as exc:
                reason = os.strerror(exc.errno) if exc.errno else str(exc)
                raise ScowError(f"{_shown(action)}: {reason.lower()}") from exc
    finally:
        os.close(own_fd)
        os.close(root_fd)


def _shown(action: FileAction) -> str:
    match action:
        case CopyFiles(source=source, target=target):
            return f"copy {source} {target}"
        case WriteFile(path=path):
            return f"open {path}"
        case MakeFolder(path=path):
            return f"mkdir {path}"
        case MakeSymlink(path=path, text=text):
            return f"symlink {text} {path}"
        case RemoveFiles(path=path):
            return f"stat {path}"


class _Work:
    """Actions in one file system; ``own_fd`` as ``Target`` has it."""

    def __init__(
        self,
        root_fd: int,
        own_fd: int,
        chains: Mapping[int, str | None],
        view: Callable[[str], MountView],
        go_on: Callable[[], None],
    ) -> None:
        self._root_fd = root_fd
        self._own_fd = own_fd
        self._chains = chains
        self._view = view
        self._go_on = go_on

    def do(self, action: FileAction, selections: Iterator[Selection]) -> None:
        match action:
            case CopyFiles():
                self._copy(action, next(selections))
            case WriteFile():
                self._write(action)
            case MakeFolder():
                self._make_folder(action)
            case MakeSymlink():
                self._make_symlink(action)
            case RemoveFiles():
                self._remove(action)

    # Copies

    def _copy(self, action: CopyFiles, selection: Selection) -> None:
        owner = self._owner(action.owner)
        path = _absolute(action.target)
        names_folder = action.target.endswith(("/", "/."))
        if not action.makes_folders and not self._exists(posixpath.dirname(path)):
            raise ScowError(f"failed to stat {action.target}: no such file or directory")
        if names_folder and selection.chosen:
            os.close(make_dirs_in_root(self._root_fd, path, 0o755, *(owner or (0, 0))))
        alone = len(selection.chosen) == 1 and selection.chosen[0].node.is_folder
        for chosen in selection.chosen:
            target = Target(
                root_fd=self._root_fd,
                path=self._place(action, chosen, path),
                into_folder=names_folder,
                owner=owner,
                unpacked_owner=owner,
                mode=numeric_mode(action.mode),
                mtime_ns=action.moment_ns,
                own_fd=self._own_fd if alone else -1,
                replaces=action.replaces,
                go_on=self._go_on,
            )
            unpacks = archives_in(selection) if action.unpack else _never
            copy_selection(replace(selection, chosen=(chosen,)), target, unpacks)

    def _place(self, action: CopyFiles, chosen: Chosen, path: str) -> str:
        """Where a folder goes: it becomes the target, unless there is one to put it into."""
        if not chosen.node.is_folder or action.contents or not self._exists(path):
            return path
        return posixpath.join(path, chosen.name)

    def _exists(self, path: str) -> bool:
        try:
            os.close(open_in_root(self._root_fd, path, _LOOK))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    # Single files

    def _write(self, action: WriteFile) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with self._folder_of(action.path) as (folder_fd, name):
            place = f"/proc/self/fd/{folder_fd}/{name}"
            existed = os.path.lexists(place)
            if existed and not stat.S_ISREG(os.lstat(place).st_mode):
                raise InvalidArgumentError(f"open {action.path}: not a regular file")
            fd = os.open(name, flags | os.O_NOFOLLOW, 0o600, dir_fd=folder_fd)
            with open(fd, "wb") as file:
                file.write(action.data)
                file.flush()
                os.fchown(fd, *(self._owner(action.owner) or (0, 0)))
                if not existed:
                    os.fchmod(fd, action.mode & 0o777)
                _set_time(fd, action.moment_ns)

    def _make_folder(self, action: MakeFolder) -> None:
        path = _absolute(action.path)
        owner = self._owner(action.owner) or (0, 0)
        if not action.parents and not self._exists(posixpath.dirname(path)):
            raise ScowError(f"mkdir {action.path}: no such file or directory")
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            place = "/" + "/".join(parts[:depth])
            if not self._exists(place):
                fd = make_dirs_in_root(self._root_fd, place, action.mode & 0o777, *owner)
                _set_time(fd, action.moment_ns)
                os.close(fd)
        os.close(make_dirs_in_root(self._root_fd, path, action.mode & 0o777, *owner))

    def _make_symlink(self, action: MakeSymlink) -> None:
        with self._folder_of(action.path) as (folder_fd, name):
            os.symlink(action.text, name, dir_fd=folder_fd)
            uid, gid = self._owner(action.owner) or (0, 0)
            os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)
            if action.moment_ns is not None:
                times = (action.moment_ns, action.moment_ns)
                os.utime(name, ns=times, dir_fd=folder_fd, follow_symlinks=False)

    def _remove(self, action: RemoveFiles) -> None:
        if not _absolute(action.path).strip("/"):
            raise InvalidArgumentError("rmPath: invalid empty path")
        for path in self._meant(action):
            try:
                with self._folder_of(path) as (folder_fd, name):
                    if not os.path.lexists(f"/proc/self/fd/{folder_fd}/{name}"):
                        raise FileNotFoundError
                    remove_tree(folder_fd, name)
            except FileNotFoundError as exc:
                if not action.may_be_missing:
                    raise ScowError(f"stat {action.path}: no such file or directory") from exc

    def _meant(self, action: RemoveFiles) -> list[str]:
        if not action.wildcards:
            return [action.path]
        tree = FolderTree(os.open(f"/proc/self/fd/{self._root_fd}", _DIRECTORY), with_owners=True)
        try:
            return matching(tree, _absolute(action.path).lstrip("/"))
        finally:
            tree.close()

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder that a path is in, and its last name, which is not followed."""
        folder, name = posixpath.split(_absolute(path))
        fd = open_in_root(self._root_fd, folder, _DIRECTORY)
        try:
            yield fd, name
        finally:
            os.close(fd)

    # Owners

    def _owner(self, owner: Owner | None) -> tuple[int, int] | None:
        """In numbers; ``None`` for what a file has."""
        if owner is None:
            return None
        if owner.accounts < 0:
            return owner_of(self._root_fd, _named(owner), lenient=True)
        chain_id = self._chains.get(owner.accounts)
        if chain_id is None:
            return 0, 0
        view = self._view(chain_id)
        try:
            return owner_of(view.root, _named(owner), lenient=True)
        finally:
            view.close()


def _absolute(path: str) -> str:
    return "/" + posixpath.normpath(f"/{path}").lstrip("/")


def _named(owner: Owner) -> str:
    return f"{owner.user or '0'}:{owner.group}"


def _never(_chosen: Chosen) -> bool:
    return False


def _set_time(fd: int, moment_ns: int | None) -> None:
    if moment_ns is not None:
        os.utime(fd, ns=(moment_ns, moment_ns))
