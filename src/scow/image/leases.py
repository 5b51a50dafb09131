"""Work in progress on layers: what it needs stays, what it makes goes with it unless it was recorded.

A build or a pull takes a lease, holds the stacks that it stands on, and makes layers:

    prepare(parent) ──▶ active snapshot ──mount──▶ write to it ──▶ commit ──▶ layer, held
                              └────────── discard ──────────┘

    async with images.lease() as lease:
        active = await lease.prepare(image.chain_id, mount_points=True)
        root = await lease.mount(active)
        …                                         # run a process in root, or write to it
        layer = await lease.commit(active)
        await images.record(lease, raw_config, names)    # or images.roots.keep(name, layer.chain_id)

Leases live in memory. After a kill nothing of them is recorded, so start-up removes their snapshots,
mounted or not, and layers that no image and no root has.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from scow.errors import NotFoundError
from scow.image.layer_intake import LayerIntake, NewLayer
from scow.image.layer_tar import layer_tar, snapshot_trees
from scow.image.layers import LayerStore, LayerTar, new_snapshot_id
from scow.image.rootfs import RootfsStore
from scow.image.snapshots.base import SnapshotDriver
from scow.image.tar.writer import Notes
from scow.image.threads import run_to_end
from scow.linux.mount_views import MountView


class Holding(Protocol):
    """Who holds stacks, each as often as it is listed."""

    held: list[str | None]


@dataclass(frozen=True, slots=True)
class ActiveSnapshot:
    """A writable file system on the stack ``parent``; ``below`` are the snapshots under it, topmost first.

    ``mount_points``: among these is one with the files that the engine mounts on (``/etc/hosts``, …), so
    that they are no part of the layer.
    """

    key: str
    parent: str | None
    below: tuple[str, ...]
    mount_points: bool


class Lease:
    """See the module. Made by ``ImageStore.lease``; used on the event loop, for one piece of work."""

    def __init__(
        self, driver: SnapshotDriver, layers: LayerStore, intake: LayerIntake, rootfs: RootfsStore
    ) -> None:
        self._driver = driver
        self._layers = layers
        self._intake = intake
        self._rootfs = rootfs
        self._active: dict[str, ActiveSnapshot] = {}
        self.held: list[str | None] = []

    def hold(self, chain_id: str | None) -> None:
        """Keep a stack until the lease ends. Raises NotFoundError if it is not there."""
        if chain_id is not None and chain_id not in self._layers:
            raise NotFoundError(f"No such layer: {chain_id}")
        self._layers.hold(chain_id)
        self.held.append(chain_id)

    def has(self, chain_id: str | None) -> bool:
        """Whether a stack is here at all."""
        return chain_id is None or chain_id in self._layers

    async def prepare(self, parent: str | None, *, mount_points: bool = False) -> ActiveSnapshot:
        """A writable child of stack ``parent`` (``None``: an empty directory), which is held.

        ``mount_points`` is for a process to be run in it. Raises NotFoundError, ``OSError``.
        """
        self.hold(parent)
        below = self._layers.stack(parent)
        if mount_points:
            below.insert(0, await self._rootfs.init_on(parent))
        active = ActiveSnapshot(new_snapshot_id(), parent, tuple(below), mount_points)
        self._active[active.key] = active
        self._layers.moving.add(active.key)
        try:
            await run_to_end(self._make, active)
        except BaseException:
            await self.discard(active)
            raise
        return active

    def _make(self, active: ActiveSnapshot) -> None:
        self._driver.stage(active.key, active.below)
        self._driver.commit(active.key, active.below, stackable=False)

    async def mount(self, active: ActiveSnapshot) -> Path:
        """Where it is to be seen, writable. Repeatable. Raises ``OSError``."""
        return Path(await run_to_end(self._driver.mount, active.key, active.below))

    def own_folder(self, active: ActiveSnapshot) -> Path:
        """Where what is written to it lies, or all of it where snapshots are whole trees.

        What is mounted does not show changes that are made here; for who has the last word before ``commit``.
        """
        return Path(self._driver.layer_path(active.key))

    async def unmount(self, active: ActiveSnapshot) -> None:
        """Repeatable; ``commit`` and ``discard`` do it by themselves."""
        await run_to_end(self._driver.unmount, active.key)

    async def commit(self, active: ActiveSnapshot) -> NewLayer:
        """Make a layer of what was written, and hold it; nobody writes any more. The snapshot is gone.

        Where a snapshot's directory holds its own changes alone it becomes the layer as it is: nothing is
        copied. Raises ScowError where the disk refuses; then the snapshot is still there.
        """
        await self.unmount(active)
        adopts = self._driver.opaque_xattr is not None or not active.mount_points
        if adopts:
            made = partial(self._changes, active)
            layer = await self._intake.adopt(active.parent, active.key, made, self.held)
        else:
            with closing(self._changes(active)) as pieces:
                layer = await self._intake.import_own(active.parent, pieces, self.held)
        del self._active[active.key]
        if not adopts:
            await run_to_end(self._driver.remove, active.key)
            self._layers.moving.discard(active.key)
        return layer

    async def add(self, parent: str | None, pieces: Generator[bytes, None, None]) -> NewLayer:
        """A layer on stack ``parent``, which is held, out of a tar that this engine packs; it is held, too.

        Raises InvalidArgumentError, ScowError.
        """
        self.hold(parent)
        with closing(pieces):
            return await self._intake.import_own(parent, pieces, self.held)

    def _changes(self, active: ActiveSnapshot, notes: Notes | None = None) -> Generator[bytes, None, None]:
        with snapshot_trees(self._driver, active.key, active.below) as (own_fd, below_fd):
            yield from layer_tar(own_fd, below_fd, self._driver.opaque_xattr, notes)

    async def discard(self, active: ActiveSnapshot) -> None:
        """Unmount and remove; not an error when it is gone."""
        if self._active.pop(active.key, None) is not None:
            await run_to_end(self._unmake, active.key)
            self._layers.moving.discard(active.key)

    def _unmake(self, key: str) -> None:
        self._driver.discard(key)
        self._driver.remove(key)

    def view(self, chain_id: str) -> MountView:
        """A stack that is held, as one tree to read; the caller closes it. Blocks. Raises ``OSError``."""
        stack = self._layers.stack(chain_id)
        return self._driver.view_below(stack[0], stack)

    async def tar(self, chain_id: str) -> LayerTar:
        """The tar of the topmost layer of a stack that is held, byte for byte as its diff id has it."""
        return await run_to_end(self._layers.tar, chain_id)

    async def aclose(self) -> None:
        """Remove what was neither committed nor discarded; what is held is for ``Holds.let_go``."""
        for active in list(self._active.values()):
            await self.discard(active)
