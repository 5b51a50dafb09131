"""Where blobs of a cache or of an image lie: a repository of a registry, a folder of the build's client."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from scow.distribution.repository import Repository
from scow.errors import IntegrityError, ScowError
from scow.image.remote.download import Download
from scow.image.threads import run_to_end, run_transfer
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.digest import is_digest_of
from scow.spec.frontend_build import BuildClient
from scow.spec.oci_image import MAX_DOCUMENT_BYTES


class RepositorySource:
    """See ``BlobSource``. ``close`` it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def document(self, digest: str, size: int) -> bytes:
        return await run_transfer(self._repository.small_blob, digest, size)

    async def manifest(self, digest: str) -> bytes:
        """A manifest, which registries keep apart from blobs."""
        return (await run_transfer(self._repository.document, digest)).data

    async def fetch(self, digest: str, size: int, path: Path) -> None:
        download = Download(path, digest, size)
        try:
            await run_transfer(
                download.fetch,
                lambda offset, cancellation: self._repository.open_blob(digest, offset, cancellation),
            )
        except BaseException:
            download.cancellation.cancel()
            raise

    def close(self) -> None:
        """No more questions."""
        self._repository.transport.close()


class ClientSource:
    """See ``BlobSource``: an OCI layout in a folder that the client lends as ``store``."""

    def __init__(self, client: BuildClient, store: str) -> None:
        self._client = client
        self._store = store

    async def document(self, digest: str, size: int) -> bytes:
        data = b""
        async for piece in self._client.layout_blob(self._store, digest):
            data += piece
            if len(data) > MAX_DOCUMENT_BYTES:
                raise ScowError(f"blob {digest} is larger than {MAX_DOCUMENT_BYTES} bytes")
        if not is_digest_of(digest, data):
            raise IntegrityError(f"verification failed for digest {digest}")
        return data

    async def manifest(self, digest: str) -> bytes:
        """See ``RepositorySource``: in a layout it is a blob like others."""
        return await self.document(digest, 0)

    async def fetch(self, digest: str, size: int, path: Path) -> None:
        written = await _written(self._client.layout_blob(self._store, digest), path, size)
        if written != digest:
            raise IntegrityError(f"verification failed for digest {digest}")

    def close(self) -> None:
        """The client ends by itself."""


async def _written(pieces: AsyncIterator[bytes], path: Path, size: int) -> str:
    """The digest of what was written; more than ``size`` bytes are refused."""
    digest, total = bulk_sha256(), 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        async for piece in pieces:
            total += len(piece)
            if total > size:
                raise IntegrityError(f"blob is longer than the {size} bytes it should have")
            digest.update(piece)
            await run_to_end(file.write, piece)
    return f"sha256:{digest.hexdigest()}"
