"""``docker save``: images as one archive that every Docker and every reader of OCI layouts understands.

    blobs/sha256/<hex>    layers (plain tars), configs and OCI manifests, each once however many share it
    index.json            the OCI layout: one descriptor a name
    manifest.json         Docker's own list; what ``docker load`` goes by
    repositories          names to top layers, for Docker before 1.10
    oci-layout

The archive is streamed: nothing is staged on disk, every size is known from the layer's recipe before its
content is read. All times are the epoch, so the same images give the same bytes.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scow.errors import InvalidArgumentError, ScowError
from scow.image.catalog import Catalog
from scow.image.layers import LayerTar
from scow.image.names import is_id_prefix
from scow.spec.digest import hex_of, sha256_of
from scow.spec.reference import Reference, parse_reference

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_BLOBS = "blobs/sha256"


@dataclass(slots=True)
class SavedImage:
    """An image to write, under the names by which it was asked for: none if it was by id."""

    id: str
    raw_config: bytes
    layers: Sequence[LayerTar]
    names: Sequence[Reference]
    parent: str | None = None


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
        return [(catalog.find(text).id, None)]
    if reference.tag is None and reference.digest is None:
        tags = catalog.tags(reference.name)
        if tags:
            return [(image_id, tag) for tag, image_id in tags.items()]
    found = catalog.find(text).id
    by_id = catalog.named(reference) is None and is_id_prefix(found, text)
    return [(found, None if by_id or reference.digest else reference)]


def archive(images: Sequence[SavedImage]) -> Generator[bytes, None, None]:
    """The archive's bytes. Blocks. Raises ScowError for an image without layers, IntegrityError."""
    written: set[str] = set()
    manifests: list[dict[str, Any]] = []
    saved: list[dict[str, Any]] = []
    repositories: dict[str, dict[str, str]] = {}
    for item in images:
        if not item.layers:
            raise ScowError("empty export - not implemented")
        for layer in item.layers:
            if layer.diff_id not in written:
                written.add(layer.diff_id)
                yield from _member(f"{_BLOBS}/{hex_of(layer.diff_id)}", layer.size, layer.read())
        manifest = _encoded(_oci_manifest(item))
        for blob in (item.raw_config, manifest):
            if (digest := sha256_of(blob)) not in written:
                written.add(digest)
                yield from _document(f"{_BLOBS}/{hex_of(digest)}", blob)
        manifests += _descriptors(item, manifest)
        saved.append(_saved(item, {other.id for other in images}))
        for name in item.names:
            tags = repositories.setdefault(name.familiar_name, {})
            tags[name.tag or ""] = hex_of(item.layers[-1].diff_id)
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    yield from _document("index.json", _encoded(index))
    yield from _document("manifest.json", _encoded(saved))
    yield from _document("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    if repositories:
        yield from _document("repositories", _encoded(repositories))
    yield bytes(1024)


def _oci_manifest(item: SavedImage) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": item.id, "size": len(item.raw_config)},
        "layers": [_layer_descriptor(layer) for layer in item.layers],
    }


def _layer_descriptor(layer: LayerTar) -> dict[str, Any]:
    return {"mediaType": _LAYER, "digest": layer.diff_id, "size": layer.size}


def _descriptors(item: SavedImage, manifest: bytes) -> Iterator[dict[str, Any]]:
    bare = {"mediaType": _MANIFEST, "digest": sha256_of(manifest), "size": len(manifest)}
    if not item.names:
        yield bare
    for name in item.names:
        names = {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag}
        yield {**bare, "annotations": names}


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
