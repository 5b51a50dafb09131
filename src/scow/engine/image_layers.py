"""The layers of many images counted together: what each one shares, and what all of them take. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from scow.image.layers import chain_on
from scow.image.model import Image


def chain_sizes(images: Iterable[Image]) -> dict[str, int]:
    """Bytes of every layer, by chain id; a layer that several images have is there once."""
    return {chain_id: size for image in images for chain_id, size in _chain(image)}


def shared_sizes(images: Mapping[str, Iterable[Image]]) -> dict[str, int]:
    """Bytes of each image, given by id with all its variants, in layers that another image has too."""
    stacks = {image_id: chain_sizes(variants) for image_id, variants in images.items()}
    users = Counter(chain_id for stack in stacks.values() for chain_id in stack)
    return {
        image_id: sum(size for chain_id, size in stack.items() if users[chain_id] > 1)
        for image_id, stack in stacks.items()
    }


def _chain(image: Image) -> Iterator[tuple[str, int]]:
    parent: str | None = None
    for diff_id, size in zip(image.layers, image.layer_sizes, strict=True):
        parent = chain_on(parent, diff_id)
        yield parent, size
