"""The documents of an image: index, manifest, config (OCI image-spec 1.1, Docker manifest schema 2).

These structs are for reading. What is stored and sent on is always the bytes that were read: a digest
covers bytes, and a document that went through a parser is another document. Unknown fields are ignored.
"""

from typing import Annotated, Any, TypeVar

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.body import without_nulls
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.platform import Platform

T = TypeVar("T")

LAYOUT_INDEX = "application/vnd.oci.image.index.v1+json"
LAYOUT_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYOUT_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYOUT_LAYER = "application/vnd.oci.image.layer.v1.tar"
"""What this engine writes into archives: OCI's types, layers uncompressed."""
INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
MANIFEST_TYPES = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
IMAGE_CONFIG_TYPES = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)

MAX_DOCUMENT_BYTES = 8 << 20
"""Docker's and containerd's bound on one manifest or config."""

Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z|^sha512:[0-9a-f]{128}\Z")]
DiffId = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class PlatformDocument(msgspec.Struct, kw_only=True):
    """A platform as an index names it."""

    architecture: str = ""
    os: str = ""
    variant: str = ""

    def platform(self) -> Platform:
        """The value that platforms are compared by."""
        return Platform(self.os, self.architecture, self.variant)


class Descriptor(msgspec.Struct, kw_only=True, rename="camel"):
    """What some content is, its digest and its length in bytes."""

    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    media_type: str = ""
    platform: PlatformDocument | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, kw_only=True, rename="camel"):
    """A list of manifests: platforms of one image, or the images of a layout."""

    manifests: list[Descriptor]
    schema_version: int = 2
    media_type: str = ""
    annotations: dict[str, str] = {}


class Manifest(msgspec.Struct, kw_only=True, rename="camel"):
    """One image: its config and its layers, lowest first."""

    config: Descriptor
    layers: list[Descriptor]
    schema_version: int = 2
    media_type: str = ""
    annotations: dict[str, str] = {}


class RootFS(msgspec.Struct, kw_only=True):
    """The layers of an image by diff id, lowest first."""

    diff_ids: list[DiffId] = []
    type: str = "layers"


class History(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one layer, or one change of the config, came to be."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(msgspec.Struct, kw_only=True, rename={"os_version": "os.version"}):
    """The config of an image: its digest is the image's id."""

    rootfs: RootFS
    architecture: str = ""
    os: str = ""
    os_version: str = ""
    variant: str = ""
    created: str = ""
    author: str = ""
    comment: str = ""
    docker_version: str = ""
    config: ContainerConfig = msgspec.field(default_factory=ContainerConfig)
    history: list[History] = []


def decode_document(data: bytes, kind: type[T], what: str) -> T:
    """Read one of the structs above; ``null`` members count as absent, as in Go.

    Raises InvalidArgumentError that begins with ``what`` and names the field.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidArgumentError(f"{what} is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        value: Any = without_nulls(msgspec.json.decode(data))
        return msgspec.convert(value, kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"{what} cannot be read: {exc}") from exc
