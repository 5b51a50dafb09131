"""What an image store consists of, for those who look at all of it: start-up and the check."""

import asyncio
from dataclasses import dataclass

from scow.image.catalog import Catalog
from scow.image.content import ContentStore
from scow.image.holds import Holds
from scow.image.layers import LayerStore
from scow.image.rootfs import RootfsStore
from scow.image.roots import Roots
from scow.image.snapshots.base import SnapshotDriver
from scow.store import Store


@dataclass(frozen=True, slots=True)
class Kinds:
    """The document kinds of one driver's image store."""

    image: str
    tag: str
    layer: str
    init: str
    origin: str
    root: str
    index: str


def kinds_of(driver_name: str) -> Kinds:
    """Apart by driver: with another driver an engine begins empty, and finds all again on the way back."""
    return Kinds(
        *(f"{driver_name}/{kind}" for kind in ("image", "tag", "layer", "init", "origin", "root", "index"))
    )


@dataclass(frozen=True, slots=True)
class StoreParts:
    """Everything that an image store consists of."""

    driver: SnapshotDriver
    store: Store
    kinds: Kinds
    content: ContentStore
    layers: LayerStore
    rootfs: RootfsStore
    roots: Roots
    catalog: Catalog
    holds: Holds
    changes: asyncio.Lock
    """Held while names and images change."""
