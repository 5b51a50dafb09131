"""``docker push``: an image of the store into a registry.

A layer that the repository has, or can mount from another one of the same registry, is not sent. What is
sent is compressed while it goes out, from the layer's own tar, so nothing is staged on disk.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scow.distribution.cancellation import Cancellation, Cancelled
from scow.distribution.credentials import Credentials
from scow.distribution.registries import Registries
from scow.distribution.repository import Repository
from scow.distribution.upload import Upload
from scow.image.layers import LayerTar
from scow.image.model import Image
from scow.image.origins import Origin, Origins
from scow.image.platforms import platform_document
from scow.image.remote.progress import Progress, Pushed, short_id
from scow.image.remote.slots import Slots
from scow.image.store import ImageStore
from scow.image.threads import run_transfer
from scow.spec.digest import sha256_of
from scow.spec.platform import Platform
from scow.spec.reference import Reference
from scow.tasks import TaskOwner

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_GZIP_LEVEL = 1
_PROGRESS_INTERVAL_S = 0.1
_MOST_MOUNTS = 4


@dataclass(slots=True)
class _Layer:
    """One layer on its way out; written by its transfer thread, read by the loop."""

    tar: LayerTar
    known: list[Origin]
    status: str = "Waiting"
    sent: int = 0
    size: int = 0
    blob: Origin | None = None
    told: tuple[str, int] = ("Waiting", 0)

    def progress(self) -> Progress | None:
        """What there is to tell that has not been told."""
        now = (self.status, self.sent)
        if now == self.told:
            return None
        self.told = now
        if self.status == "Pushing":
            return Progress("Pushing", short_id(self.tar.diff_id), self.sent, self.size)
        return Progress(self.status, short_id(self.tar.diff_id))


@dataclass(slots=True)
class Pusher:
    """Pushes from one store, ``limit`` layers at once (``max-concurrent-uploads``)."""

    registries: Registries
    store: ImageStore
    origins: Origins
    limit: int
    _slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._slots = Slots(self.limit)

    def configure(self, limit: int) -> None:
        """So many layers at once from now on."""
        self.limit = limit
        self._slots.resize(limit)

    async def push(
        self, reference: Reference, image: Image, credentials: Credentials, *, alone: bool = False
    ) -> AsyncGenerator[Progress | Pushed, None]:
        """Send ``image`` as ``reference``, of one for several platforms all, or ``alone`` this variant.

        Closed early, transfers end.

        Raises UnauthenticatedError, PermissionDeniedError, UnavailableError, IntegrityError.
        """
        repository = await run_transfer(self.registries.pushing, reference, credentials)
        tag = reference.tag or "latest"
        published: list[tuple[str, int]] = []
        try:
            parts = [] if alone else self.store.variants(image)
            for image_id in [variant.id for variant, _ in parts] or [image.id]:
                steps = self._image(repository, reference, image_id, "" if parts else tag, published)
                async with aclosing(steps):
                    async for step in steps:
                        yield step
            digest, size = published[0]
            if parts:
                platforms = [record.platform for _, record in parts]
                digest, size = await run_transfer(_publish_index, repository, tag, published, platforms)
            await self.store.tag_digest(image.target, reference.with_digest(digest))
            yield Progress(f"{tag}: digest: {digest} size: {size}")
            yield Pushed(tag, digest, size)
        finally:
            repository.transport.close()

    async def _image(
        self,
        repository: Repository,
        reference: Reference,
        image_id: str,
        place: str,
        published: list[tuple[str, int]],
    ) -> AsyncGenerator[Progress, None]:
        """One platform, to be found at ``place`` or, "", by digest; adds its manifest to ``published``."""
        cancellation = Cancellation()
        async with self.store.tars(image_id) as (raw_config, tars), TaskOwner("push") as tasks:
            layers = [_Layer(tar, self.origins.of(tar.diff_id)) for tar in tars]
            for layer in reversed(layers):
                yield Progress("Preparing", short_id(layer.tar.diff_id))
            work = [
                tasks.start(self._send(repository, reference, layer, cancellation), name=layer.tar.diff_id)
                for diff_id, layer in {layer.tar.diff_id: layer for layer in layers}.items()
            ]
            try:
                async for step in _watch(layers, work):
                    yield step
                blobs = _blobs(layers)
                await self.origins.remember(blobs)
                ordered = [blobs[tar.diff_id] for tar in tars]
                published.append(await run_transfer(_publish, repository, place, raw_config, ordered))
            finally:
                cancellation.cancel()

    async def _send(
        self, repository: Repository, reference: Reference, layer: _Layer, cancellation: Cancellation
    ) -> Exception | None:
        """Returns its failure: the push raises the first one."""
        layer.status = "Waiting"
        async with self._slots.take():
            try:
                await run_transfer(_send_layer, repository, reference, layer, cancellation)
            except Exception as exc:
                return exc
        return None


async def _watch(
    layers: list[_Layer], work: "list[asyncio.Task[Exception | None]]"
) -> AsyncGenerator[Progress, None]:
    waiting = set(work)
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=_PROGRESS_INTERVAL_S)
        for layer in layers:
            if (step := layer.progress()) is not None:
                yield step
        for task in done:
            if (error := task.result()) is not None and not isinstance(error, Cancelled):
                raise error


def _send_layer(
    repository: Repository, reference: Reference, layer: _Layer, cancellation: Cancellation
) -> None:
    """Have the layer in the repository, by the cheapest way. Blocks."""
    for origin in layer.known:
        if _registry(origin.repository) != reference.registry:
            continue
        if repository.blob_size(origin.digest) is not None:
            layer.blob, layer.status = origin, "Layer already exists"
            return
    for origin in [it for it in layer.known if it.repository != reference.name][:_MOST_MOUNTS]:
        source = origin.repository.partition("/")[2]
        if _registry(origin.repository) == reference.registry and repository.mount_blob(
            origin.digest, source
        ):
            layer.blob, layer.status = origin, f"Mounted from {source}"
            return
    layer.size = layer.tar.size
    layer.status = "Pushing"
    sent = Upload(repository, partial(_compressed, layer), cancellation).run()
    layer.blob = Origin(repository=reference.name, digest=sent.digest, size=sent.size, media_type=_LAYER)
    layer.status = "Pushed"


def _compressed(layer: _Layer) -> Iterator[bytes]:
    """The layer's tar as gzip; the same bytes every time, so that the digest is the same, too."""
    from isal import isal_zlib

    layer.sent = 0
    compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, 31)
    for piece in layer.tar.read():
        layer.sent += len(piece)
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


def _publish(repository: Repository, place: str, raw_config: bytes, blobs: list[Origin]) -> tuple[str, int]:
    """The config, then the manifest that names it: nobody sees an image that is not whole. Blocks."""
    repository.upload_document(raw_config)
    manifest = _manifest(raw_config, blobs)
    digest = repository.put_manifest(place or sha256_of(manifest), MANIFEST, manifest)
    return digest, len(manifest)


def _publish_index(
    repository: Repository, tag: str, published: list[tuple[str, int]], platforms: list[Platform]
) -> tuple[str, int]:
    """The list of the manifests that are there. Blocks."""
    entries = [
        {"mediaType": MANIFEST, "size": size, "digest": digest, "platform": platform_document(platform)}
        for (digest, size), platform in zip(published, platforms, strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": _LIST, "manifests": entries}
    data = json.dumps(document, indent=3).encode()
    return repository.put_manifest(tag, _LIST, data), len(data)


def _manifest(raw_config: bytes, blobs: list[Origin]) -> bytes:
    """Indented as Docker indents it: the digest covers the spaces, and Docker's users compare digests."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(raw_config), "digest": sha256_of(raw_config)},
        "layers": [{"mediaType": _media_type(it), "size": it.size, "digest": it.digest} for it in blobs],
    }
    return json.dumps(document, indent=3).encode()


def _media_type(blob: Origin) -> str:
    """A layer that came from an OCI image goes out in a manifest of Docker's kind."""
    return blob.media_type if "vnd.docker." in blob.media_type or "zstd" in blob.media_type else _LAYER


def _blobs(layers: list[_Layer]) -> dict[str, Origin]:
    return {layer.tar.diff_id: layer.blob for layer in layers if layer.blob is not None}


def _registry(repository: str) -> str:
    return repository.partition("/")[0]
