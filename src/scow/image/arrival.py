"""An image on its way in: its layers come one on the other, and nothing is seen before it is whole."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from scow import tasks
from scow.image.archive_formats import LayerSource
from scow.image.layer_intake import LayerIntake
from scow.image.layers import LayerStore, chain_on
from scow.image.model import LayerProgress

_PROGRESS_INTERVAL_S = 0.1


@dataclass(eq=False, slots=True)
class _Incoming:
    """One layer, on ``parent``; ``position`` is how much of it has been read, ``told`` how much was told."""

    parent: str | None
    diff_id: str
    source: LayerSource
    parent_is_here: asyncio.Event
    position: int = 0
    told: int = 0
    is_here: asyncio.Event = field(default_factory=asyncio.Event)

    def progress(self) -> Iterator[LayerProgress]:
        """What there is to tell that has not been told."""
        if self.position != self.told:
            self.told = self.position
            yield LayerProgress(self.diff_id, self.position, self.source.content.size)

    def reached(self, position: int) -> None:
        """So many bytes are read."""
        self.position = position


class Arrival:
    """Holds the layers that are there so far; whoever made it lets go of ``held`` in the end."""

    def __init__(self, layers: LayerStore, intake: LayerIntake) -> None:
        self._layers = layers
        self._intake = intake
        self._top: str | None = None
        self.held: list[str | None] = []

    def begin(self) -> None:
        """Another image, from the bottom."""
        self._top = None

    async def add(self, layers: Sequence[tuple[str, LayerSource]]) -> AsyncGenerator[LayerProgress, None]:
        """Bring in the next layers by their diff ids, lowest first; those that are here are held.

        Unpacked side by side as far as the storage driver can. Raises as ``LayerIntake.arrive``; ended early,
        nothing is left of those that were not whole.
        """
        incoming = list(self._expected(layers))
        async with tasks.running(*map(self._bring, incoming), name="layer") as pending:
            left = set(pending)
            while left:
                done, left = await asyncio.wait(
                    left, timeout=_PROGRESS_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                for layer in incoming:
                    for step in layer.progress():
                        yield step

    def _expected(self, layers: Iterable[tuple[str, LayerSource]]) -> Iterator[_Incoming]:
        before = asyncio.Event()
        before.set()
        for diff_id, source in layers:
            layer = _Incoming(self._top, diff_id, source, before)
            self._top = chain_on(self._top, diff_id)
            before = layer.is_here
            yield layer

    async def _bring(self, layer: _Incoming) -> None:
        chain_id = chain_on(layer.parent, layer.diff_id)
        is_new = chain_id not in self._layers
        await self._intake.arrive(
            layer.parent,
            layer.diff_id,
            layer.source,
            report=layer.reached,
            parent_is_here=layer.parent_is_here,
        )
        self.held.append(chain_id)
        layer.is_here.set()
        if is_new:
            layer.reached(layer.source.content.size)

    def hold(self, diff_id: str) -> bool:
        """Take the next layer as it is, if it is here."""
        chain_id = chain_on(self._top, diff_id)
        if chain_id not in self._layers:
            return False
        self._layers.hold(chain_id)
        self.held.append(chain_id)
        self._top = chain_id
        return True
