"""Stacks of layers put one on the other, and taken apart: BuildKit's merge and diff operations.

https://github.com/moby/buildkit/blob/master/docs/dev/merge-diff.md
"""

import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from scow.build.cache_transfer.layers import LayerBlob, MadeHere, bring_stack
from scow.build.execute.inputs import Inputs
from scow.image.layer_intake import EMPTY_DIFF_ID, NewLayer
from scow.image.layer_tar import layer_tar
from scow.image.layers import chain_on
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.image.threads import run_to_end
from scow.spec.digest import chain_ids

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def unchanged(base: str | None) -> NewLayer:
    """What a step came to that changed nothing."""
    return NewLayer(base, EMPTY_DIFF_ID, 0, is_empty=True)


class Stacking:
    """For one step. ``folder`` is for layers on their way."""

    def __init__(self, images: ImageStore, lease: Lease, folder: Path) -> None:
        self._images = images
        self._lease = lease
        self._folder = folder

    async def merged(self, inputs: Inputs) -> NewLayer:
        """All layers of all inputs, in order: what a later one deletes is gone from the earlier ones, too."""
        stacks = [stack for _, stack in inputs.chains if stack is not None]
        first = stacks[0] if stacks else None
        self._lease.hold(first)
        return await self._put_on(first, [it for stack in stacks[1:] for it in self._chains(stack)])

    async def difference(self, inputs: Inputs) -> NewLayer:
        """The upper stack without the lower one where it stands on that; if not, what makes it of that."""
        *lowers, upper = (stack for _, stack in inputs.chains)
        lower = lowers[0] if lowers else None
        if lower == upper:
            return unchanged(None)
        chains = self._chains(upper)
        if lower is None or lower in chains:
            return await self._put_on(None, chains[chains.index(lower) + 1 :] if lower else chains)
        # What is compared with nothing at all is an empty folder.
        empty = await self._lease.prepare(None)
        try:
            root = await self._lease.mount(empty)
            return await self._lease.add(None, self._compared(upper, lower, root))
        finally:
            await self._lease.discard(empty)

    def _chains(self, stack: str | None) -> list[str]:
        return chain_ids(self._images.layer_diff_ids(stack))

    async def _put_on(self, below: str | None, chains: Sequence[str]) -> NewLayer:
        """The topmost layers of ``chains``, from the lowest on, onto ``below``."""
        top, blobs = below, dict[str, LayerBlob]()
        for chain_id in chains:
            tar = await self._lease.tar(chain_id)
            size = await run_to_end(tar.measure)
            parent, top = top, chain_on(top, tar.diff_id)
            blobs[top] = LayerBlob(tar.diff_id, parent, tar.diff_id, size, MadeHere(tar.read))
        await bring_stack(self._images, self._lease, self._folder, blobs, top)
        if top is None or not chains:
            return unchanged(top)
        sizes = self._images.layer_sizes(top)
        return NewLayer(top, blobs[top].diff_id, sum(sizes[-len(chains) :]))

    def _compared(self, upper: str | None, lower: str, empty: Path) -> Generator[bytes, None, None]:
        """A layer's tar of what differs. Blocks."""
        with closing(self._lease.view(lower)) as old, ExitStack() as stack:
            if upper is None:
                new = os.open(empty, _DIRECTORY)
                stack.callback(os.close, new)
            else:
                new = stack.enter_context(closing(self._lease.view(upper))).root
            yield from layer_tar(new, old.root, None)
