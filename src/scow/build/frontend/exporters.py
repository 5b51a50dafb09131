"""A result brought where it is wanted: the engine's images, a registry, an archive or files."""

import base64
import json
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import Any

from scow.build.export.attestations import Attestation
from scow.build.export.blobs import Blob, Spool, described, document
from scow.build.export.documents import DOCKER, OCI, Described, MediaTypes
from scow.build.export.files import FolderOfResults, ResultFiles, tar_of
from scow.build.export.layout import oci_layout
from scow.build.export.options import ImageOptions, read_image_options
from scow.build.export.repository import Destination, opened
from scow.build.export.whole_image import Part, WholeImage, assemble, media_types
from scow.build.frontend.built_image import BuiltImage
from scow.build.frontend.clamping import with_clamped_layers
from scow.build.frontend.logins import credentials_host, login_of
from scow.build.frontend.told import Internal
from scow.build.frontend.workbench import Workbench
from scow.build.image_config import rfc3339
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.image.layers import LayerTar
from scow.image.model import Loaded
from scow.image.save import SavedImage, archive
from scow.image.threads import run_to_end, run_to_open
from scow.linux.mount_views import MountView
from scow.spec.build_history import IN_TOTO, BlobEntry, Document
from scow.spec.digest import chain_ids
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.frontend_build import Exchange
from scow.spec.reference import Reference

_IMAGE_KINDS = frozenset({"moby", "image", "registry"})
_ARCHIVE_KINDS = {"docker": "docker image format", "oci": "oci image format"}
_NANOSECONDS = 1_000_000_000
_DOCUMENTS = frozenset(
    {IN_TOTO, *(kind for types in (OCI, DOCKER) for kind in (types.manifest, types.index, types.config))}
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What is exported. ``attestations`` are by image; ``as_index``: of several platforms, or to look so."""

    images: Sequence[BuiltImage]
    attestations: Sequence[Sequence[Attestation]]
    as_index: bool
    epoch_s: int | None


class Exports:
    """Exports of one build. ``spool`` holds layers on their way."""

    def __init__(self, bench: Workbench, spool: Spool) -> None:
        self._workshop = bench.workshop
        self._images = bench.workshop.images
        self._lease = bench.lease
        self._client = bench.client
        self._telling = bench.telling
        self._spool = spool
        self._count = 0
        self._roots: dict[int, BlobEntry] = {}
        self._documents: dict[str, Blob] = {}

    def history(self) -> tuple[dict[int, BlobEntry], list[Document]]:
        """The root document of each export that had one, by its number, and all documents but layers."""
        found = self._documents.values()
        return self._roots, [Document(_entry(it.described), b"".join(it.read())) for it in found]

    def _remember(self, root: Described, blobs: Sequence[Blob]) -> None:
        self._roots[self._count - 1] = _entry(root)
        for blob in blobs:
            if blob.described.media_type in _DOCUMENTS:
                self._documents[blob.described.digest] = blob

    async def export(self, found: Finished, wanted: Exchange) -> dict[str, str]:
        """What the client is told of it. Raises ScowError."""
        self._count += 1
        options = read_image_options(wanted.attributes, found.epoch_s)
        if options.rewrite_times:
            found = await with_clamped_layers(found, options, self._images, self._lease, self._spool)
        if wanted.kind in _IMAGE_KINDS:
            return await self._to_images(found, options, wanted.kind)
        if wanted.kind == "oci":
            return await self._to_layout(found, options)
        if wanted.kind == "docker":
            return await self._to_archive(found, options)
        if wanted.kind in ("tar", "local"):
            return await self._to_files(found, wanted, options)
        raise UnsupportedError(f"exporter {wanted.kind!r} could not be found")

    # Images

    async def _to_images(self, found: Finished, options: ImageOptions, kind: str) -> dict[str, str]:
        if not (options.push or kind == "registry"):
            return await self._to_store(found, options)
        attested = any(found.attestations)
        if not (found.as_index or attested) and options.is_plain and options.names:
            response = await self._to_store(found, options)
            for name in options.names:
                await self._push(name)
            return response
        return await self._to_registry(found, options)

    async def _to_store(self, found: Finished, options: ImageOptions) -> dict[str, str]:
        with self._telling.internal("exporting to image") as told:
            told.step("exporting layers")
            raw_configs = [image.raw_config for image in found.images]
            platforms = [image.platform for image in found.images]
            done = await self._images.record_platforms(self._lease, raw_configs, options.names, platforms)
            image_id = next(it.image_id for it in done if isinstance(it, Loaded))
            told.step(f"writing image {image_id}")
            for name in options.names:
                self._workshop.tell_image(image_id, "tag", name.familiar())
                told.step(f"naming to {name}")
        if len(found.images) == 1:
            root = described(raw_configs[0], DOCKER.config)
            self._remember(root, [document(raw_configs[0], root)])
        return _response(image_id, image_id if len(found.images) == 1 else "", options.names)

    async def _push(self, name: Reference) -> None:
        """As the engine pushes what it has."""
        with self._telling.internal(f"pushing {name}") as told:
            username, password = await self._client.credentials(credentials_host(name))
            auth = AuthConfig(username=username, password=password, server_address=name.registry)
            messages = await self._workshop.registries.push(name.name, name.tag or "latest", auth)
            async for message in messages:
                _tell_push(told, message)

    async def _to_registry(self, found: Finished, options: ImageOptions) -> dict[str, str]:
        if not options.names:
            raise InvalidArgumentError("image name is required to push")
        login = login_of(self._client)
        async with AsyncExitStack() as stack:
            destinations = [
                await stack.enter_async_context(
                    opened(self._workshop.directory, name, await login(name), self._images.origins)
                )
                for name in options.names
            ]
            with self._telling.internal("exporting to image") as told:
                one = {(it.registry, it.repository) for it in options.names}
                known = destinations[0] if len(one) == 1 else None
                whole = await self._whole(found, options, told, DOCKER, known)
            with self._telling.internal("pushing layers") as told:
                for name, destination in zip(options.names, destinations, strict=True):
                    documents = {it.described.digest for it in whole.documents}
                    await destination.send([it for it in whole.blobs if it.described.digest not in documents])
                    told.step(f"pushing manifest for {name}@{whole.root.digest}")
                    await destination.name(whole.documents, by_digest=options.by_digest)
        return self._whole_response(found, whole, options.names)

    async def _whole(
        self,
        found: Finished,
        options: ImageOptions,
        told: Internal,
        default: MediaTypes,
        destination: Destination | None = None,
    ) -> WholeImage:
        """``destination``: what it has already is not packed again."""
        attested = any(found.attestations)
        types = media_types(options, attested=attested, default=default)
        parts = []
        for image, attestations in zip(found.images, found.attestations, strict=True):
            layers = [await self._packed(tar, options, types, destination) for tar in await self._tars(image)]
            described = [it.described for it in layers]
            vouched = [it.with_layers(described) for it in attestations]
            parts.append(Part(image.platform, image.raw_config, layers, vouched))
        told.step("exporting layers")
        whole = assemble(parts, types, options, as_index=found.as_index or attested)
        for it in whole.documents:
            what = "manifest list" if it.described.media_type == types.index else "manifest"
            told.step(f"exporting {what} {it.described.digest}")
        return whole

    async def _packed(
        self, tar: LayerTar, options: ImageOptions, types: MediaTypes, destination: Destination | None
    ) -> Blob:
        if destination is not None:
            there = await destination.has_layer(tar.diff_id, options.compression, types)
            if there is not None:
                return there
        return await self._spool.layer(tar, options.compression, types)

    async def _tars(self, image: BuiltImage) -> list[LayerTar]:
        if image.chain_id is None:
            return []
        chains = chain_ids(self._images.layer_diff_ids(image.chain_id))
        return [await self._lease.tar(it) for it in chains]

    # Archives

    async def _to_layout(self, found: Finished, options: ImageOptions) -> dict[str, str]:
        with self._telling.internal(f"exporting to {_ARCHIVE_KINDS['oci']}") as told:
            whole = await self._whole(found, options, told, OCI)
            created = rfc3339(options.epoch_s * _NANOSECONDS) if options.epoch_s is not None else ""
            told.step("sending tarball")
            pieces = oci_layout(whole.blobs, whole.root, options.names, created)
            await self._client.send_file(stepwise(pieces), {})
        return self._whole_response(found, whole, options.names)

    async def _to_archive(self, found: Finished, options: ImageOptions) -> dict[str, str]:
        if found.as_index:
            raise UnsupportedError("docker exporter does not currently support exporting manifest lists")
        image = found.images[0]
        with self._telling.internal(f"exporting to {_ARCHIVE_KINDS['docker']}") as told:
            layers = await self._tars(image)
            told.step("exporting layers")
            pieces = archive([SavedImage(image.id, image.raw_config, layers, options.names)])
            told.step("sending tarball")
            await self._client.send_file(stepwise(pieces), {})
        return _response(image.id, image.id, options.names)

    # Files

    async def _to_files(self, found: Finished, wanted: Exchange, options: ImageOptions) -> dict[str, str]:
        what = "tarball" if wanted.kind == "tar" else "directory"
        split = found.as_index and wanted.attributes.get("platform-split") != "false"
        async with AsyncExitStack() as stack:
            results = []
            for image, attestations in zip(found.images, found.attestations, strict=True):
                view = None
                if image.chain_id is not None:
                    view = await run_to_open(MountView.close, self._lease.view, image.chain_id)
                    stack.push_async_callback(run_to_end, view.close)
                added = {
                    wanted.attributes.get("attestation-prefix", "") + it.file_name: it.statement([])
                    for it in attestations
                    if not it.inline_only
                }
                folder = str(image.platform).replace("/", "_") if split else ""
                results.append(ResultFiles(view, folder, added, options.epoch_s))
            with self._telling.internal(f"exporting to client {what}") as told:
                if wanted.kind == "tar":
                    told.step("sending tarball")
                    await self._client.send_file(stepwise(tar_of(results)), {})
                else:
                    await self._send_folder(results, told)
        return {}

    async def _send_folder(self, results: Sequence[ResultFiles], told: Internal) -> None:
        folder = FolderOfResults(results, lambda sent: told.transferred("copying files", sent))
        try:
            await self._client.send_files(folder)
        finally:
            folder.close()
        told.transferred("copying files", folder.sent, complete=True)

    def _whole_response(
        self, found: Finished, whole: WholeImage, names: Sequence[Reference]
    ) -> dict[str, str]:
        config = found.images[0].id if len(found.images) == 1 else ""
        response = _response(whole.root.digest, config, names)
        self._remember(whole.root, whole.blobs)
        described = json.dumps(whole.root.document()).encode()
        return {**response, "containerimage.descriptor": base64.b64encode(described).decode()}


async def stepwise(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Pieces of blocking work, each made in the pool."""
    with closing(pieces):
        while (piece := await run_to_end(next, pieces, None)) is not None:
            yield piece


def _entry(found: Described) -> BlobEntry:
    return BlobEntry(
        media_type=found.media_type,
        digest=found.digest,
        size=found.size,
        annotations=dict(found.annotations),
    )


def _response(digest: str, config_digest: str, names: Sequence[Reference]) -> dict[str, str]:
    found = {"containerimage.digest": digest}
    if config_digest:
        found["containerimage.config.digest"] = config_digest
    return found | ({"image.name": ",".join(map(str, names))} if names else {})


def _tell_push(told: Internal, message: Mapping[str, Any]) -> None:
    if what := message.get("id"):
        detail = message.get("progressDetail") or {}
        told.transferred(f"{message.get('status', '')} {what}", detail.get("current", 0))
