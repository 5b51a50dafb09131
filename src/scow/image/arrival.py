"""An image on its way in: its layers come one on the other, and nothing is seen before it is whole."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from scow.image.archive_formats import LayerSource
from scow.image.layers import LayerStore, chain_on
from scow.image.model import LayerProgress


class Arrival:
    """Holds the layers that are there so far; whoever made it lets go of ``held`` in the end."""

    def __init__(self, layers: LayerStore) -> None:
        self._layers = layers
        self._top: str | None = None
        self.held: list[str | None] = []

    def begin(self) -> None:
        """Another image, from the bottom."""
        self._top = None

    async def add(self, diff_id: str, source: LayerSource) -> AsyncGenerator[LayerProgress, None]:
        """Unpack the next layer, or hold it if it is here. Raises as ``LayerStore.arrive``."""
        chain_id = chain_on(self._top, diff_id)
        is_new = chain_id not in self._layers
        async with aclosing(self._layers.arrive(self._top, diff_id, source)) as progress:
            async for step in progress:
                yield step
        self.held.append(chain_id)
        self._top = chain_id
        if is_new:
            yield LayerProgress(diff_id, source.content.size, source.content.size)

    def hold(self, diff_id: str) -> bool:
        """Take the next layer as it is, if it is here."""
        chain_id = chain_on(self._top, diff_id)
        if chain_id not in self._layers:
            return False
        self._layers.hold(chain_id)
        self.held.append(chain_id)
        self._top = chain_id
        return True
