"""Containers' file systems: a writable snapshot on an image's stack.

    image/<driver>/rootfs/<key>     symlink whose target is the chain id of the stack, or "none"
    <driver's home>/<key>           the snapshot itself

The claim comes first and goes last, so everything on disk that belongs to a container is found by its
claim, and ``remove`` may be repeated after a kill. It is a symlink because that is one metadata
operation: it is ordered before the container's own record, which is synced, and costs no sync itself.

A file system is mounted while its container wants it, or somebody visits (``visits``).

Between stack and container lies an *init* snapshot, made once for each stack: the mount points that the
engine will use (``/etc/hosts``, ``/dev/pts``, …) as empty files and directories, so that they are no
change made by the container. Docker makes one for each container; they never differ.
"""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scow import tasks
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.image.layers import LayerStore, new_snapshot_id
from scow.image.snapshots.base import SnapshotDriver
from scow.image.threads import run_to_end
from scow.image.visits import Visit, Visits
from scow.linux.tree_copy import copy_path
from scow.store import Delete, Put, Store

if TYPE_CHECKING:
    from scow.image.differences import Difference

_NO_LAYERS = "none"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDERS = ("dev/pts", "dev/shm", "proc", "sys")
_FILES = (".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console")
_MTAB = ("etc/mtab", "/proc/mounts")


class RootfsStore:
    """The file systems of all containers. State is changed on the event loop, directories in threads."""

    def __init__(
        self, driver: SnapshotDriver, layers: LayerStore, claims: Path, store: Store, kind: str
    ) -> None:
        self._driver = driver
        self._layers = layers
        self._claims = claims
        self._store = store
        self._kind = kind
        self._stacks: dict[str, str | None] = {}
        self._inits: dict[str | None, str] = {}
        self._mounted: dict[str, str] = {}
        self._wanted: set[str] = set()
        self._visits = Visits()
        self._locks = tasks.KeyedLock()

    def restore(self) -> None:
        """Start-up: read claims and init snapshots, and hold the layers that they need. Blocks."""
        self._claims.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(self._claims):
            target = os.readlink(self._claims / name)
            self._stacks[name] = None if target == _NO_LAYERS else target
        for key, body in self._store.load(self._kind):
            self._inits[None if key == _NO_LAYERS else key] = body.decode()
        self._wanted = self._driver.mounted().intersection(self._stacks)

    def still_mounted(self) -> set[str]:
        """Containers whose file system is mounted for them, or was when the last engine ended."""
        return set(self._wanted)

    def __contains__(self, key: str) -> bool:
        return key in self._stacks

    def stacks(self) -> dict[str, str | None]:
        """The chain id under each container's file system, by container."""
        return dict(self._stacks)

    def init_snapshots(self) -> dict[str | None, str]:
        """By chain id of the stack that they lie on."""
        return dict(self._inits)

    async def create(
        self,
        key: str,
        chain_id: str | None,
        size_limit_bytes: int | None = None,
        changes: str | None = None,
    ) -> None:
        """Make a file system on stack ``chain_id``, which the caller has held for it.

        It begins empty, or with a copy of what the topmost layer of stack ``changes`` holds. All or nothing.

        Raises ConflictError if ``key`` has one already.
        """
        async with self._locks.hold(key):
            if key in self._stacks:
                raise ConflictError(f"container {key} has a file system already")
            self._stacks[key] = chain_id
            try:
                below = [await self.init_on(chain_id), *self._layers.stack(chain_id)]
                first = self._layers.stack(changes)[0] if changes else None
                await run_to_end(self._make, key, chain_id, below, size_limit_bytes, first)
            except BaseException:
                await run_to_end(self._unmake, key)
                del self._stacks[key]
                raise

    async def mount(self, key: str) -> Path:
        """Make it visible for its container; returns where. Repeatable. Raises NotFoundError."""
        self._wanted.add(key)
        try:
            return await self._mount(key)
        except BaseException:
            self._wanted.discard(key)
            raise

    async def _mount(self, key: str) -> Path:
        if key in self._mounted:
            return Path(self._mounted[key])
        async with self._locks.hold(key):
            if key in self._stacks:
                await self.init_on(self._stacks[key])  # made again if start-up found it missing
            below = self.below(key)
            path = await run_to_end(self._driver.mount, key, below)
            self._mounted[key] = path
            return Path(path)

    async def unmount(self, key: str) -> None:
        """The container wants it no more. Not an error when it is not mounted, or not there."""
        self._wanted.discard(key)
        await self._unmount_unused(key)

    async def visit(self, key: str, leave: Callable[[], None]) -> Visit:
        """Keep it mounted until ``end_visit``; ``leave`` is called if it is to be removed meanwhile.

        Raises NotFoundError.
        """
        visit = self._visits.begin(key, Path(), leave)
        try:
            visit.root = await self._mount(key)
        except BaseException:
            await self.end_visit(visit)
            raise
        return visit

    async def end_visit(self, visit: Visit) -> None:
        """Once for each visit."""
        if self._visits.end(visit):
            await self._unmount_unused(visit.key)

    async def _unmount_unused(self, key: str) -> None:
        async with self._locks.hold(key):
            # Looked at under the lock: somebody may have come while we waited for it.
            if key not in self._wanted and key not in self._visits:
                self._mounted.pop(key, None)
                await run_to_end(self._driver.unmount, key)

    async def remove(self, key: str) -> str | None:
        """Delete it once nobody visits; the chain id that the caller may now release, if there is one.

        Not an error when it is not there.
        """
        await self._visits.close(key)
        try:
            async with self._locks.hold(key):
                self._wanted.discard(key)
                self._mounted.pop(key, None)
                await run_to_end(self._unmake, key)
                return self._stacks.pop(key, None)
        finally:
            self._visits.open(key)

    def changes(self, key: str) -> "list[Difference]":
        """What the container has made of what it began with; for a visitor. Blocks."""
        from scow.image.differences import differences

        with self._trees(key) as (own_fd, below_fd):
            return list(differences(own_fd, below_fd, self._driver.opaque_xattr))

    def layer_tar(self, visit: Visit) -> Generator[bytes, None, None]:
        """The container's changes as a layer's tar; for a visitor. Blocks."""
        from scow.image.layer_tar import layer_tar

        with self._trees(visit.key) as (own_fd, below_fd):
            yield from layer_tar(own_fd, below_fd, self._driver.opaque_xattr)

    def _trees(self, key: str) -> AbstractContextManager[tuple[int, int]]:
        """Descriptors of the container's own directory, and of what it began with."""
        from scow.image.layer_tar import snapshot_trees

        return snapshot_trees(self._driver, key, self.below(key))

    async def usage(self, key: str) -> int:
        """Bytes that the container has written. Raises NotFoundError."""
        return await run_to_end(self._driver.own_bytes, key, self.below(key))

    def below(self, key: str) -> list[str]:
        """Snapshots under the container's own, topmost first. Raises NotFoundError."""
        if key not in self._stacks:
            raise NotFoundError(f"no file system for container {key}")
        chain_id = self._stacks[key]
        try:
            return [self._inits[chain_id], *self._layers.stack(chain_id)]
        except KeyError as exc:
            raise ScowError(f"a layer under container {key} is missing: {exc.args[0]}") from exc

    def forget_init(self, chain_id: str | None) -> None:
        """Start-up: the init snapshot on ``chain_id`` has no directory; the next mount makes another."""
        del self._inits[chain_id]

    def take_inits(self, chain_ids: Sequence[str]) -> tuple[list[str], list[Delete]]:
        """Forget the init snapshots of stacks that are gone; their ids, and what unrecords them."""
        gone = {chain_id: self._inits.pop(chain_id) for chain_id in chain_ids if chain_id in self._inits}
        return list(gone.values()), [Delete(self._kind, chain_id) for chain_id in gone]

    async def init_on(self, chain_id: str | None) -> str:
        """The init snapshot on a stack that the caller holds, made if there is none yet."""
        if chain_id in self._inits:
            return self._inits[chain_id]
        key = chain_id or _NO_LAYERS
        async with self._locks.hold(f"init of {key}"):
            if chain_id not in self._inits:
                await tasks.to_end(self._make_init(chain_id, key))
            return self._inits[chain_id]

    async def _make_init(self, chain_id: str | None, key: str) -> None:
        snapshot = new_snapshot_id()
        self._layers.moving.add(snapshot)
        try:
            await run_to_end(make_init, self._driver, snapshot, self._layers.stack(chain_id))
            await self._store.commit(Put(self._kind, key, snapshot.encode()))
        except BaseException:  # the disk is full: the next one begins anew
            await run_to_end(self._layers.abandon, snapshot)
            raise
        self._inits[chain_id] = snapshot
        self._layers.moving.discard(snapshot)

    def _make(
        self,
        key: str,
        chain_id: str | None,
        below: list[str],
        size_limit_bytes: int | None,
        first: str | None,
    ) -> None:
        os.symlink(chain_id or _NO_LAYERS, self._claims / key)
        if first is None:
            self._driver.stage(key, below)
        elif self._driver.copies_below:
            self._driver.stage(key, [first])
        else:
            copy_path(self._driver.layer_path(first), self._driver.stage(key, below))
        self._driver.commit(key, below, stackable=False)
        if size_limit_bytes is not None:
            self._driver.limit(key, size_limit_bytes)

    def _unmake(self, key: str) -> None:
        self._driver.discard(key)
        self._driver.remove(key)
        with suppress(FileNotFoundError):
            os.unlink(self._claims / key)


def make_init(driver: SnapshotDriver, snapshot: str, below: Sequence[str]) -> None:
    """Make and commit an init snapshot on ``below``. Blocks."""
    driver.stage(snapshot, below)
    driver.commit(snapshot, below, stackable=True)
    root = driver.mount(snapshot, below)
    try:
        root_fd = os.open(root, _DIRECTORY)
        try:
            _populate(root_fd)
        finally:
            os.close(root_fd)
    finally:
        driver.unmount(snapshot)


def _populate(root_fd: int) -> None:
    """As Docker does: whatever is in the way and is no directory goes, what is a directory stays."""
    for path in _FOLDERS:
        os.close(_folder(root_fd, path))
    for path in _FILES:
        parent_fd = _clear_place(root_fd, path)
        try:
            name = os.path.basename(path)
            with suppress(
                FileExistsError
            ):  # a directory: Docker leaves it, mounting on it will fail and say so
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=parent_fd))
                os.chmod(name, 0o755, dir_fd=parent_fd)
        finally:
            os.close(parent_fd)
    path, target = _MTAB
    parent_fd = _clear_place(root_fd, path)
    try:
        with suppress(FileExistsError):
            os.symlink(target, os.path.basename(path), dir_fd=parent_fd)
    finally:
        os.close(parent_fd)


def _clear_place(root_fd: int, path: str) -> int:
    """The directory that ``path`` is in, with nothing by that name in it, or at most a directory."""
    parent, _, name = path.rpartition("/")
    parent_fd = _folder(root_fd, parent)
    _unlink(parent_fd, name)
    return parent_fd


def _folder(root_fd: int, path: str) -> int:
    fd = os.dup(root_fd)
    for name in filter(None, path.split("/")):
        try:
            _unlink(fd, name)
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=fd)
            child = os.open(name, _DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = child
    return fd


def _unlink(parent_fd: int, name: str) -> None:
    with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
        os.unlink(name, dir_fd=parent_fd)
