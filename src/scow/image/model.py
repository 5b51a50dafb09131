"""What the rest of the engine knows of an image, and what it is told while one arrives."""

from dataclasses import dataclass, field

import msgspec

from scow.spec.engine_api.container import ContainerConfig
from scow.spec.oci_image import History, ImageConfig


@dataclass(frozen=True, slots=True)
class Image:
    """One image. Immutable: a change of names gives a new value under the same id.

    ``repo_tags`` and ``repo_digests`` are familiar names. ``chain_id`` names the whole stack of layers,
    ``None`` for an image without any. ``size`` is the bytes of all its layers, ``created`` is RFC 3339 as
    the config has it, ``last_tagged_ns`` since the epoch or 0. ``index_id`` is there when it was found as the
    variant that suits the host of an image of several platforms (``platforms``); names are that one's then.
    """

    id: str
    config: ContainerConfig
    architecture: str
    os: str
    os_version: str
    variant: str
    created: str
    author: str
    comment: str
    docker_version: str
    parent: str | None
    layers: tuple[str, ...]
    layer_sizes: tuple[int, ...]
    chain_id: str | None
    history: tuple[History, ...]
    repo_tags: tuple[str, ...] = ()
    repo_digests: tuple[str, ...] = ()
    last_tagged_ns: int = 0
    index_id: str = ""

    @property
    def target(self) -> str:
        """What its names point at: the image of several platforms that it was found as, or itself."""
        return self.index_id or self.id

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(self.layer_sizes)


class ImageRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is stored of an image besides its config: the config's bytes say all the rest."""

    parent: str | None = None
    last_tagged_ns: int = 0


class LayerRecord(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """One layer of a stack, stored under its chain id; ``size`` in bytes."""

    snapshot: str
    diff_id: str
    size: int
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class ImageUser:
    """A container that was made from an image."""

    container_id: str
    image_id: str
    running: bool


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """How far a layer is: bytes read of how many."""

    diff_id: str
    current: int
    total: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name moved from image ``old_id`` to the one being loaded."""

    name: str
    old_id: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image is complete; ``name`` is familiar, or ``None`` if the archive gave it none."""

    image_id: str
    name: str | None


LoadEvent = LayerProgress | Renamed | Loaded


@dataclass(frozen=True, slots=True)
class Removal:
    """What a delete did, in order: ``("untagged", name)``, ``("deleted", id or chain id)``."""

    steps: tuple[tuple[str, str], ...] = field(default=())


def image_from_config(
    image_id: str,
    config: ImageConfig,
    record: ImageRecord,
    chain_id: str | None,
    layer_sizes: tuple[int, ...],
) -> Image:
    """The image that a config describes, without names."""
    return Image(
        id=image_id,
        config=config.config,
        architecture=config.architecture,
        os=config.os,
        os_version=config.os_version,
        variant=config.variant,
        created=config.created,
        author=config.author,
        comment=config.comment,
        docker_version=config.docker_version,
        parent=record.parent,
        layers=tuple(config.rootfs.diff_ids),
        layer_sizes=layer_sizes,
        chain_id=chain_id,
        history=tuple(config.history),
        last_tagged_ns=record.last_tagged_ns,
    )
