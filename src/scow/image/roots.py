"""Stacks of layers that are kept by name, over restarts: what a build cache wants again.

    documents "<driver>/root"    name → chain id

A root is to a stack what a tag is to an image, without an image. The owner of the names stores its own
documents in the same transaction, so neither can be there without the other.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from scow.errors import NotFoundError
from scow.image.holds import Holds
from scow.image.layers import LayerStore
from scow.store import Change, Delete, Put, Store
from scow.tasks import to_end


class Roots:
    """All roots of one image store. Changed on the event loop only."""

    def __init__(
        self, store: Store, kind: str, layers: LayerStore, holds: Holds, changes: asyncio.Lock
    ) -> None:
        """``changes`` is held while documents and memory differ."""
        self._store = store
        self._kind = kind
        self._layers = layers
        self._holds = holds
        self._changes = changes
        self._chains: dict[str, str] = {}

    def restore(self) -> list[str]:
        """Start-up: hold every stack that is there; the names of those that are not, which are lost."""
        lost = []
        for name, body in self._store.load(self._kind):
            chain_id = body.decode()
            if chain_id in self._layers:
                self._layers.hold(chain_id)
                self._chains[name] = chain_id
            else:
                lost.append(name)
        return lost

    def all(self) -> Mapping[str, str]:
        """Chain ids by name."""
        return dict(self._chains)

    async def keep(self, name: str, chain_id: str, *changes: Change) -> None:
        """Keep a stack that the caller holds as ``name``, instead of what had the name.

        ``changes`` are stored in the same transaction. Raises NotFoundError if a layer is not there.
        """
        if chain_id not in self._layers:
            raise NotFoundError(f"No such layer: {chain_id}")
        await self._holds.sync([chain_id])
        async with self._changes:
            await to_end(self._keep(name, chain_id, changes))

    async def _keep(self, name: str, chain_id: str, changes: Sequence[Change]) -> None:
        self._layers.hold(chain_id)
        puts = self._layers.puts(chain_id)
        try:
            await self._store.commit(*puts, Put(self._kind, name, chain_id.encode()), *changes)
        except BaseException:
            await self._holds.let_go([chain_id])
            raise
        self._layers.recorded(puts)
        before = self._chains.get(name)
        self._chains[name] = chain_id
        await self._holds.let_go([before])

    async def drop(self, names: Iterable[str], *changes: Change) -> int:
        """Keep these no longer; how many layers went with them. Names that are not there are no error."""
        async with self._changes:
            return await to_end(self._drop(list(dict.fromkeys(names)), changes))

    async def _drop(self, names: Sequence[str], changes: Sequence[Change]) -> int:
        known = [name for name in names if name in self._chains]
        await self._store.commit(*(Delete(self._kind, name) for name in known), *changes)
        return len(await self._holds.let_go([self._chains.pop(name) for name in known]))
