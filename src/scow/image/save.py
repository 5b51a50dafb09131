"""``docker save``: images as one archive that every Docker and every reader of OCI layouts understands.

    blobs/sha256/<hex>    layers (plain tars), configs and OCI manifests, each once however many share it
    index.json            the OCI layout: one descriptor a name, of a manifest or of an index of platforms
    manifest.json         Docker's own list; what ``docker load`` goes by
    repositories          names to top layers, for Docker before 1.10
    oci-layout

The archive is streamed: nothing is staged on disk, every size is known from the layer's recipe before its
content is read. All times are the epoch, so the same images give the same bytes.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.catalog import Catalog
from scow.image.layers import LayerTar
from scow.image.names import is_id_prefix
from scow.image.platforms import manifest_document
from scow.spec.digest import hex_of, sha256_of
from scow.spec.oci_image import LAYOUT_INDEX, LAYOUT_LAYER, LAYOUT_MANIFEST
from scow.spec.reference import Reference, parse_reference

_BLOBS = "blobs/sha256"


@dataclass(slots=True)
class SavedImage:
    """An image to write, under the names by which it was asked for: none if it was by id."""

    id: str
    raw_config: bytes
    layers: Sequence[LayerTar]
    names: Sequence[Reference]
    parent: str | None = None


@dataclass(slots=True)
class SavedIndex:
    """An image of several platforms to write; ``for_host`` is the place of the variant for the host."""

    document: bytes
    variants: Sequence[SavedImage]
    for_host: int
    names: Sequence[Reference]

    @property
    def id(self) -> str:
        """The image's id."""
        return sha256_of(self.document)


def images_to_save(names: Sequence[str], catalog: Catalog) -> dict[str, list[Reference]]:
    """What ``names`` mean: image ids in order, each with the names that go along.

    A repository without a tag is all its tags. Raises NotFoundError, InvalidArgumentError.
    """
    wanted: dict[str, list[Reference]] = {}
    for text in names:
        for image_id, reference in _meant(text, catalog):
            known = wanted.setdefault(image_id, [])
            if reference is not None and reference not in known:
                known.append(reference)
    if not wanted:
        raise InvalidArgumentError("no images to save")
    return wanted


def _meant(text: str, catalog: Catalog) -> list[tuple[str, Reference | None]]:
    try:
        reference = parse_reference(text, default_tag=False)
    except InvalidArgumentError:
        return [(catalog.find(text).target, None)]
    if reference.tag is None and reference.digest is None:
        tags = catalog.tags(reference.name)
        if tags:
            return [(image_id, tag) for tag, image_id in tags.items()]
    try:
        found = catalog.find(text).target
    except NotFoundError:
        raise NotFoundError(f"No such image: {text}") from None
    by_id = catalog.named(reference) is None and is_id_prefix(found, text)
    return [(found, None if by_id or reference.digest else reference)]


def archive(images: Sequence[SavedImage | SavedIndex]) -> Generator[bytes, None, None]:
    """The archive's bytes. Blocks. Raises ScowError for an image without layers, IntegrityError."""
    writer = _Writer({item.id for item in images})
    for item in images:
        if isinstance(item, SavedIndex):
            yield from writer.index(item)
        else:
            yield from writer.image(item)
    yield from writer.end()


class _Writer:
    """What has been written, and what the lists at the end will say."""

    def __init__(self, ids: set[str]) -> None:
        self._ids = ids
        self._written: set[str] = set()
        self._manifests: list[dict[str, Any]] = []
        self._saved: list[dict[str, Any]] = []
        self._repositories: dict[str, dict[str, str]] = {}

    def image(self, item: SavedImage) -> Iterator[bytes]:
        """An image of one platform."""
        yield from self._blobs(item)
        manifest = _manifest(item)
        self._manifests += _descriptors(LAYOUT_MANIFEST, manifest, item.names)
        self._list(item)

    def index(self, item: SavedIndex) -> Iterator[bytes]:
        """All variants; other engines, which go by manifest.json, find the one for the host."""
        for variant in item.variants:
            yield from self._blobs(variant)
        yield from self._blob(item.document)
        self._manifests += _descriptors(LAYOUT_INDEX, item.document, item.names)
        self._list(replace(item.variants[item.for_host], names=item.names))

    def _blobs(self, item: SavedImage) -> Iterator[bytes]:
        if not item.layers:
            raise ScowError("empty export - not implemented")
        for layer in item.layers:
            if layer.diff_id not in self._written:
                self._written.add(layer.diff_id)
                yield from _member(f"{_BLOBS}/{hex_of(layer.diff_id)}", layer.size, layer.read())
        yield from self._blob(item.raw_config)
        yield from self._blob(_manifest(item))

    def _blob(self, data: bytes) -> Iterator[bytes]:
        if (digest := sha256_of(data)) not in self._written:
            self._written.add(digest)
            yield from _document(f"{_BLOBS}/{hex_of(digest)}", data)

    def _list(self, item: SavedImage) -> None:
        self._saved.append(_saved(item, self._ids))
        for name in item.names:
            tags = self._repositories.setdefault(name.familiar_name, {})
            tags[name.tag or ""] = hex_of(item.layers[-1].diff_id)

    def end(self) -> Iterator[bytes]:
        """The lists."""
        index = {"schemaVersion": 2, "mediaType": LAYOUT_INDEX, "manifests": self._manifests}
        yield from _document("index.json", _encoded(index))
        yield from _document("manifest.json", _encoded(self._saved))
        yield from _document("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        if self._repositories:
            yield from _document("repositories", _encoded(self._repositories))
        yield bytes(1024)


def _manifest(item: SavedImage) -> bytes:
    layers = ((layer.diff_id, layer.size) for layer in item.layers)
    return manifest_document((item.id, len(item.raw_config)), layers)


def _layer_descriptor(layer: LayerTar) -> dict[str, Any]:
    return {"mediaType": LAYOUT_LAYER, "digest": layer.diff_id, "size": layer.size}


def _descriptors(media_type: str, document: bytes, names: Sequence[Reference]) -> Iterator[dict[str, Any]]:
    bare = {"mediaType": media_type, "digest": sha256_of(document), "size": len(document)}
    if not names:
        yield bare
    for name in names:
        annotations = {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag}
        yield {**bare, "annotations": annotations}


def _saved(item: SavedImage, others: set[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Config": f"{_BLOBS}/{hex_of(item.id)}",
        "RepoTags": [name.familiar() for name in item.names] or None,
        "Layers": [f"{_BLOBS}/{hex_of(layer.diff_id)}" for layer in item.layers],
        "LayerSources": {layer.diff_id: _layer_descriptor(layer) for layer in item.layers},
    }
    if item.parent in others:
        entry["Parent"] = item.parent
    return entry


def _encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _document(name: str, data: bytes) -> Iterator[bytes]:
    return _member(name, len(data), iter((data,)))


def _member(name: str, size: int, content: Iterator[bytes]) -> Iterator[bytes]:
    # Only where images are saved: an idle engine does not have it in memory.
    import tarfile

    header = tarfile.TarInfo(name)
    header.size = size
    yield header.tobuf(tarfile.PAX_FORMAT)
    yield from content
    if size % 512:
        yield bytes(-size % 512)
