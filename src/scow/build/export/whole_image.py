"""One result, of one platform or several, put together: manifests, and an index where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scow.build.export.attestations import Attestation, attestation_manifest
from scow.build.export.blobs import Blob, described, document
from scow.build.export.documents import DOCKER, OCI, Described, MediaTypes, index, manifest
from scow.build.export.options import ImageOptions
from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform


@dataclass(frozen=True, slots=True)
class Part:
    """The image of one platform. ``layers`` are packed, lowest first."""

    platform: Platform
    raw_config: bytes
    layers: Sequence[Blob]
    attestations: Sequence[Attestation] = ()


@dataclass(frozen=True, slots=True)
class WholeImage:
    """``blobs`` are all of it, what others name before those; ``documents`` are its manifests and index."""

    root: Described
    blobs: Sequence[Blob]
    documents: Sequence[Blob]


def media_types(options: ImageOptions, *, attested: bool, default: MediaTypes = DOCKER) -> MediaTypes:
    """What cannot be said in Docker's words is said in OCI's, whatever was asked for."""
    if attested or options.annotations or options.compression.kind == "zstd":
        return OCI
    if options.oci is None:
        return default
    return OCI if options.oci else DOCKER


def assemble(
    parts: Sequence[Part], types: MediaTypes, options: ImageOptions, *, as_index: bool
) -> WholeImage:
    """An index if ``as_index``, else the manifest of the only part. Raises InvalidArgumentError."""
    if not as_index and options.of("index"):
        raise InvalidArgumentError("index annotations not supported for single platform export")
    blobs: list[Blob] = []
    manifests: list[Blob] = []
    for part in parts:
        config = described(part.raw_config, types.config)
        raw = manifest(
            types, config, [it.described for it in part.layers], options.of("manifest", part.platform)
        )
        annotations = options.of("manifest-descriptor", part.platform)
        entry = replace(
            described(raw, types.manifest),
            annotations=annotations,
            platform=part.platform if as_index else None,
        )
        blobs += [*part.layers, document(part.raw_config, config)]
        manifests.append(document(raw, entry))
    for part, image in zip(parts, list(manifests), strict=True):
        if part.attestations:
            entry, found = attestation_manifest(
                part.attestations, image.described, options.names, part.platform
            )
            blobs += found[:-1]
            manifests.append(found[-1])
    if not as_index:
        return WholeImage(manifests[0].described, [*blobs, *manifests], manifests)
    raw = index(types, [it.described for it in manifests], options.of("index"))
    root = replace(described(raw, types.index), annotations=options.of("index-descriptor"))
    documents = [*manifests, document(raw, root)]
    return WholeImage(root, [*blobs, *documents], documents)
