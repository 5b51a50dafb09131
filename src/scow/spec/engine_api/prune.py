"""Answers of the prunes: what went, ``null`` for nothing, and how many bytes that gave back."""

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.image import ImageDeleteItem


class ImagePrune(Body, kw_only=True):
    """The answer of ``POST /images/prune``."""

    images_deleted: list[ImageDeleteItem] | None = None
    space_reclaimed: int = 0


class NetworkPrune(Body, kw_only=True):
    """The answer of ``POST /networks/prune``: names."""

    networks_deleted: list[str] | None = None


class BuildCachePrune(Body, kw_only=True):
    """The answer of ``POST /build/prune``: ids."""

    caches_deleted: list[str] | None = None
    space_reclaimed: int = 0
