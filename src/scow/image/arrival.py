"""An image on its way in: its layers come one on the other, and nothing is seen before it is whole."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from scow import tasks
from scow.image.archive_formats import LayerSource
from scow.image.layer_intake import LayerIntake
from scow.image.layers import LayerStore, chain_on
from scow.image.model import LayerProgress

_PROGRESS_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A layer to bring in: ``open`` gives its bytes, once they are there, for as long as they are read."""

    diff_id: str
    open: Callable[[], AbstractAsyncContextManager[LayerSource]]

    @classmethod
    def at_hand(cls, diff_id: str, source: LayerSource) -> "Wanted":
        """A layer whose bytes are here."""
        return cls(diff_id, lambda: nullcontext(source))


@dataclass(frozen=True, slots=True)
class Tick:
    """What has come about lately: how far layers are, and which are there, by their place in the order."""

    progress: list[LayerProgress]
    arrived: list[int]


@dataclass(eq=False, slots=True)
class _Incoming:
    """One layer, on ``parent``; ``position`` of ``size`` bytes have been read, ``told`` were told of."""

    parent: str | None
    wanted: Wanted
    parent_is_here: asyncio.Event
    position: int = 0
    size: int = 0
    told: int = 0
    told_arrival: bool = False
    is_here: asyncio.Event = field(default_factory=asyncio.Event)

    def progress(self) -> Iterator[LayerProgress]:
        """What there is to tell that has not been told."""
        if self.position != self.told:
            self.told = self.position
            yield LayerProgress(self.wanted.diff_id, self.position, self.size)

    def has_arrived(self) -> bool:
        """Whether it is there, and that has not been told."""
        news = self.is_here.is_set() and not self.told_arrival
        self.told_arrival = self.is_here.is_set()
        return news

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

    async def add(self, layers: Sequence[Wanted]) -> AsyncGenerator[Tick, None]:
        """Bring in the next layers, lowest first; those that are here are held.

        Unpacked side by side, as they come, as far as the storage driver can; a tick comes every tenth of a
        second. Raises as ``LayerIntake.arrive`` and what opening a layer raises; ended early, nothing is left
        of those that were not whole.
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
                yield Tick(
                    [step for layer in incoming for step in layer.progress()],
                    [number for number, layer in enumerate(incoming) if layer.has_arrived()],
                )

    def _expected(self, layers: Iterable[Wanted]) -> Iterator[_Incoming]:
        before = asyncio.Event()
        before.set()
        for wanted in layers:
            layer = _Incoming(self._top, wanted, before)
            self._top = chain_on(self._top, wanted.diff_id)
            before = layer.is_here
            yield layer

    async def _bring(self, layer: _Incoming) -> None:
        chain_id = chain_on(layer.parent, layer.wanted.diff_id)
        is_new = chain_id not in self._layers
        async with layer.wanted.open() as source:
            layer.size = source.content.size
            await self._intake.arrive(
                layer.parent,
                layer.wanted.diff_id,
                source,
                report=layer.reached,
                parent_is_here=layer.parent_is_here,
            )
            self.held.append(chain_id)
        layer.is_here.set()
        if is_new:
            layer.reached(layer.size)

    def hold(self, diff_id: str) -> bool:
        """Take the next layer as it is, if it is here."""
        chain_id = chain_on(self._top, diff_id)
        if chain_id not in self._layers:
            return False
        self._layers.hold(chain_id)
        self.held.append(chain_id)
        self._top = chain_id
        return True
