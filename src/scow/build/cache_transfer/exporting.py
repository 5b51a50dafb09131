"""``--cache-to``: what a build came to, written down for other engines.

mode=min    layers of the result; of all other steps only what they came to
mode=max    layers of every step
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scow.build.cache_transfer.documents import (
    CONFIG_TYPE,
    CacheConfig,
    CacheLayer,
    CacheMount,
    CacheRecord,
    LayerAnnotations,
    encode_config,
    record_of,
)
from scow.build.export.blobs import Blob, described, document
from scow.build.export.compression import Compression, read_compression
from scow.build.export.documents import DOCKER, OCI, MediaTypes, index, manifest
from scow.build.graph.job import Result
from scow.build.graph.ops import Vertex
from scow.build.image_config import rfc3339
from scow.errors import InvalidArgumentError
from scow.spec.digest import chain_ids


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """``as_manifest``: a manifest with the layers, which every registry takes, not an index. ``with_mounts``:
    the files of cache mounts go along.
    """

    everything: bool = False
    compression: Compression = field(default_factory=Compression)
    types: MediaTypes = OCI
    as_manifest: bool = True
    ignore_errors: bool = False
    with_mounts: bool = False


def read_cache_options(attributes: Mapping[str, str]) -> CacheOptions:
    """Raises InvalidArgumentError."""
    mode = attributes.get("mode", "") or "min"
    if mode not in ("min", "max"):
        raise InvalidArgumentError(f"invalid cache export mode {mode}")
    oci = attributes.get("oci-mediatypes", "true") == "true"
    as_manifest = attributes.get("image-manifest", "true" if oci else "false") == "true"
    if as_manifest and not oci:
        raise InvalidArgumentError("invalid configuration for image-manifest: oci-mediatypes must be true")
    return CacheOptions(
        everything=mode == "max",
        compression=read_compression(
            attributes.get("compression", ""),
            attributes.get("compression-level", ""),
            forced=attributes.get("force-compression") == "true",
        ),
        types=OCI if oci else DOCKER,
        as_manifest=as_manifest,
        with_mounts=attributes.get("mounts") == "true",
        ignore_errors=attributes.get("ignore-error") == "true",
    )


def of_result(targets: Iterable[Vertex]) -> set[Vertex]:
    """The steps whose layers are those of the results."""
    found: set[Vertex] = set()
    for target in targets:
        vertex: Vertex | None = target
        while vertex is not None:
            found.add(vertex)
            vertex = vertex.base
    return found


def inline_records(
    results: Mapping[Vertex, Result], target: Vertex, diff_ids: Sequence[str]
) -> list[CacheRecord]:
    """For the config of the image of ``target``, whose layers are ``diff_ids``."""
    places = {chain_id: number for number, chain_id in enumerate(chain_ids(diff_ids))}
    own = of_result([target])
    return [
        record_of(
            result.record,
            result.memos,
            places.get(result.chain_id or "") if vertex in own else None,
            rfc3339(result.created_ns),
        )
        for vertex, result in _each_once(results)
        if result.record is not None
    ]


def wanted_chains(results: Mapping[Vertex, Result], own: set[Vertex], *, everything: bool) -> list[str]:
    """The stacks whose layers go along."""
    found = dict.fromkeys(
        result.chain_id
        for vertex, result in results.items()
        if result.chain_id is not None and (everything or vertex in own)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """A layer with its blob, and the chain ids of the stacks with and without it."""

    chain_id: str
    parent: str | None
    diff_id: str
    blob: Blob


def cache_config(
    results: Mapping[Vertex, Result], layers: Sequence[PackedLayer], mounts: Sequence[CacheMount]
) -> CacheConfig:
    """``layers`` stand after those that they are on; records whose top is none of them go without."""
    places = {it.chain_id: number for number, it in enumerate(layers)}
    return CacheConfig(
        layers=[
            CacheLayer(
                blob=it.blob.described.digest,
                parent=places[it.parent] if it.parent else -1,
                annotations=LayerAnnotations(
                    diff_id=it.diff_id, size=it.blob.described.size, media_type=it.blob.described.media_type
                ),
            )
            for it in layers
        ],
        records=[
            record_of(
                result.record, result.memos, places.get(result.chain_id or ""), rfc3339(result.created_ns)
            )
            for _, result in _each_once(results)
            if result.record is not None
        ],
        mounts=list(mounts),
    )


def cache_documents(config: CacheConfig, layers: Sequence[Blob], options: CacheOptions) -> tuple[Blob, Blob]:
    """The config, and the manifest or index that names it and the layers."""
    raw_config = encode_config(config)
    config_blob = document(raw_config, described(raw_config, CONFIG_TYPE))
    entries = list({it.described.digest: it.described for it in layers}.values())
    if options.as_manifest:
        raw, media_type = manifest(options.types, config_blob.described, entries, {}), options.types.manifest
    else:
        raw, media_type = index(options.types, [*entries, config_blob.described], {}), options.types.index
    return config_blob, document(raw, described(raw, media_type))


def _each_once(results: Mapping[Vertex, Result]) -> Iterator[tuple[Vertex, Result]]:
    """The same step of two platforms is one record; in the order of their keys, so that equal builds give
    equal documents.
    """
    by_key: dict[str, tuple[Vertex, Result]] = {}
    for vertex, result in results.items():
        if result.record is not None:
            by_key.setdefault(result.record.key, (vertex, result))
    for key in sorted(by_key):
        yield by_key[key]
