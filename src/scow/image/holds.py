"""Letting go of layers: what nothing uses any more leaves the store first, and then the disk.

Who uses a stack of layers holds it: images, containers, leases, roots. Between the two steps a kill leaves
directories that nobody recorded, which start-up removes. Nobody waits for the second step of much: it is not
found any more, and its files go while others work.
"""

from collections.abc import Iterable, Sequence

from scow.image.layers import GoneLayer, LayerStore
from scow.image.rootfs import RootfsStore
from scow.image.snapshots.base import SnapshotDriver
from scow.image.threads import run_to_end
from scow.store import Store
from scow.tasks import TaskOwner, to_end

# The files of less are gone before anybody could notice.
_LARGE_BYTES = 16 << 20


class Holds:
    """The two ends of a hold: made safe from power loss, and given up."""

    def __init__(self, driver: SnapshotDriver, layers: LayerStore, rootfs: RootfsStore, store: Store) -> None:
        self._driver = driver
        self._layers = layers
        self._rootfs = rootfs
        self._store = store
        self._removals = TaskOwner("layers")

    async def sync(self, chain_ids: Iterable[str | None]) -> None:
        """Before layers are recorded they are on disk: see ``layer_intake``."""
        if any(self._layers.puts(chain_id) for chain_id in chain_ids):
            await run_to_end(self._driver.sync)

    async def let_go(self, chain_ids: Iterable[str | None]) -> list[GoneLayer]:
        """Release holds, and remove what nothing uses any more: records first, then directories.

        Carried out to its end, whoever is cancelled meanwhile.
        """
        return await to_end(self._let_go(list(chain_ids)))

    async def _let_go(self, chain_ids: Sequence[str | None]) -> list[GoneLayer]:
        """Records are taken from memory and their deletion is queued without a pause between, so the same
        layer arriving again meanwhile is stored after, not before, the deletion.
        """
        gone = [layer for chain_id in chain_ids for layer in self._layers.release(chain_id)]
        if gone:
            await self._remove(gone)
        return gone

    async def _remove(self, gone: Sequence[GoneLayer]) -> None:
        inits, deletes = self._rootfs.take_inits([layer.chain_id for layer in gone])
        self._layers.moving.update(inits)
        if changes := [*self._layers.deletes(gone), *deletes]:
            await self._store.commit(*changes)
        for snapshot in inits:
            await run_to_end(self._driver.remove, snapshot)
            self._layers.moving.discard(snapshot)
        removal = self._layers.remove(gone)
        if sum(layer.size for layer in gone) < _LARGE_BYTES:
            await removal
        else:
            self._removals.start(removal, name="removal")

    async def settle(self) -> None:
        """Wait until the files of all layers that went are gone."""
        await self._removals.wait_idle()

    async def aclose(self) -> None:
        """Wait for the layer that is being removed; those that are still to go, the next start removes."""
        await self._removals.aclose()
