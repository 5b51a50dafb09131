"""Results that an image's own history gives: ``--cache-from`` of the classic builder.

An image says how each of its layers was made. Where it began as this build did and its next entry is what
this build is about to do, its next layer is the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scow.image.model import Image
from scow.spec.digest import chain_ids
from scow.spec.oci_image import History


@dataclass(frozen=True, slots=True)
class Hit:
    """``entry`` is the image's history entry, ``chain_id`` the stack after it."""

    entry: History
    chain_id: str | None


class HistoryCache:
    """Over some images, and only as long as every step so far was found in one of them."""

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = list(images)

    def find(self, history: Sequence[History], layers: Sequence[str], text: str) -> Hit | None:
        """What follows ``history`` and ``layers`` in one of the images, if it was made by ``text``."""
        for image in self._images:
            done = len(history)
            if len(image.history) <= done or image.history[done].created_by != text:
                continue
            if list(image.layers[: len(layers)]) != list(layers):
                continue
            if not _same(image.history[:done], history):
                continue
            entry = image.history[done]
            taken = len(layers) + (not entry.empty_layer)
            if taken <= len(image.layers):
                chain = chain_ids(image.layers[:taken])
                return Hit(entry, chain[-1] if chain else None)
        return None


def _same(one: Sequence[History], other: Sequence[History]) -> bool:
    return [it.created_by for it in one] == [it.created_by for it in other]
