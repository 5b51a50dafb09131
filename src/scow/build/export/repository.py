"""Blobs into a registry: what is there already is not sent, what has a name goes last."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from scow.build.export.blobs import Blob
from scow.build.export.compression import Compression
from scow.build.export.documents import DOCKER, OCI, Described, MediaTypes
from scow.distribution.cancellation import Cancellation
from scow.distribution.credentials import Credentials
from scow.distribution.registries import Registries
from scow.distribution.repository import Repository
from scow.distribution.upload import Upload
from scow.errors import ScowError
from scow.image.origins import Origin, Origins
from scow.image.threads import run_transfer
from scow.spec.reference import Reference

_AT_ONCE = 5
_COMPRESSIONS = {media_type: kind for types in (DOCKER, OCI) for kind, media_type in types.layer.items()}


class Destination:
    """A repository that takes blobs. Made by ``opened``."""

    def __init__(self, repository: Repository, name: Reference, origins: Origins) -> None:
        self._repository = repository
        self._name = name
        self._origins = origins
        self._cancellation = Cancellation()
        self._there: set[str] = set()

    def cancel(self) -> None:
        """Nothing more is sent."""
        self._cancellation.cancel()

    async def has_layer(self, diff_id: str, compression: Compression, types: MediaTypes) -> Blob | None:
        """The form in which the registry has a layer already, so that it need not be packed."""
        for origin in self._origins.of(diff_id):
            kind = _COMPRESSIONS.get(origin.media_type)
            if kind is None or (compression.forced and kind != compression.kind):
                continue
            if origin.repository.partition("/")[0] != self._name.registry:
                continue
            if await run_transfer(self._have, origin):
                self._there.add(origin.digest)
                return Blob(Described(types.layer[kind], origin.digest, origin.size), _not_here)
        return None

    def _have(self, origin: Origin) -> bool:
        if self._repository.blob_size(origin.digest) is not None:
            return True
        source = origin.repository.partition("/")[2]
        return origin.repository != self._name.name and self._repository.mount_blob(origin.digest, source)

    async def send(self, blobs: Sequence[Blob]) -> None:
        """All of these are there afterwards. Raises ScowError, UnavailableError."""
        unique = {it.described.digest: it for it in blobs}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(blob: Blob) -> None:
            async with slots:
                await run_transfer(self._send, blob)

        await asyncio.gather(*map(one, unique.values()))

    def _send(self, blob: Blob) -> None:
        digest = blob.described.digest
        self._cancellation.check()
        if digest in self._there or self._repository.blob_size(digest) is not None:
            return
        sent = Upload(self._repository, blob.read, self._cancellation).run()
        if sent.digest != digest:
            raise ScowError(f"blob {digest} was changed while it was sent")
        self._there.add(digest)

    async def name(self, documents: Sequence[Blob], *, by_digest: bool = False) -> None:
        """Manifests, those before the ones that list them; the last gets the tag."""
        for number, blob in enumerate(documents, 1):
            last = number == len(documents) and not by_digest
            reference = self._name.tag or "latest" if last else blob.described.digest
            data = b"".join(blob.read())
            await run_transfer(self._repository.put_manifest, reference, blob.described.media_type, data)

    async def remember(self, layers: Sequence[tuple[str, Described]]) -> None:
        """Blobs of layers, by diff id: the next push need not send them."""
        await self._origins.remember(
            {
                diff_id: Origin(
                    repository=self._name.name, digest=it.digest, size=it.size, media_type=it.media_type
                )
                for diff_id, it in layers
            }
        )


@asynccontextmanager
async def opened(
    registries: Registries, name: Reference, credentials: Credentials, origins: Origins
) -> AsyncIterator[Destination]:
    """A repository to push to, until the block ends. Raises UnauthenticatedError, UnavailableError."""
    repository = await run_transfer(registries.pushing, name, credentials)
    destination = Destination(repository, name, origins)
    try:
        yield destination
    finally:
        destination.cancel()
        repository.transport.close()


def _not_here() -> Iterator[bytes]:
    raise AssertionError("a blob that the registry has is not sent")
