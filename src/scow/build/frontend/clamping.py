"""``rewrite-timestamp``: a result again, with layers of its own whose files are no younger than its epoch.

The base's layers stay as they are: they are what a registry has.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from scow.build.cache_transfer.documents import INLINE_FIELD
from scow.build.cache_transfer.layers import LayerBlob, MadeHere, bring_stack
from scow.build.export.blobs import Spool
from scow.build.export.options import ImageOptions
from scow.build.export.times import clamped
from scow.build.frontend.built_image import BuiltImage
from scow.errors import InvalidArgumentError
from scow.image.layers import chain_on
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.spec.digest import chain_ids

if TYPE_CHECKING:
    from scow.build.frontend.exporters import Finished


async def with_clamped_layers(
    found: "Finished", options: ImageOptions, images: ImageStore, lease: Lease, spool: Spool
) -> "Finished":
    """Raises InvalidArgumentError without an epoch, ScowError."""
    if options.epoch_s is None:
        raise InvalidArgumentError("rewrite-timestamp requires source-date-epoch to be set")
    clamping = _Clamping(images, lease, spool, options.epoch_s)
    return replace(found, images=[await clamping.image(it) for it in found.images])


class _Clamping:
    def __init__(self, images: ImageStore, lease: Lease, spool: Spool, epoch_s: int) -> None:
        self._images = images
        self._lease = lease
        self._spool = spool
        self._epoch_s = epoch_s

    async def image(self, image: BuiltImage) -> BuiltImage:
        diff_ids = self._images.layer_diff_ids(image.chain_id)
        base = chain_ids(diff_ids[: image.base_layers])
        top = base[-1] if base else None
        clamped_ids = list(diff_ids[: image.base_layers])
        blobs: dict[str, LayerBlob] = {}
        for chain_id in chain_ids(diff_ids)[image.base_layers :]:
            tar = await self._lease.tar(chain_id)
            file = await self._spool.keep(partial(clamped, tar, self._epoch_s))
            below, top = top, chain_on(top, file.digest)
            blobs[top] = LayerBlob(file.digest, below, file.digest, file.size, MadeHere(file.read))
            clamped_ids.append(file.digest)
        await bring_stack(self._images, self._lease, self._spool.folder, blobs, top)
        return replace(image, raw_config=_with_layers(image.raw_config, clamped_ids), chain_id=top)


def _with_layers(raw_config: bytes, diff_ids: Sequence[str]) -> bytes:
    document: dict[str, Any] = msgspec.json.decode(raw_config)
    # What an inline cache knows is of the layers as they were.
    document.pop(INLINE_FIELD, None)
    document["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    return msgspec.json.encode(document)
