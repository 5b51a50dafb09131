"""Images of other machines that a build stands on: their layers are brought in, they are no images here.

The name in the engine stays what it is: it means this machine's image.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from scow.build.cache_transfer.layers import LayerBlob, bring_stack
from scow.build.cache_transfer.sources import RepositorySource
from scow.build.evaluate.base import BaseImage
from scow.distribution.credentials import Credentials
from scow.distribution.registries import Registries
from scow.distribution.resolve import resolve
from scow.errors import InvalidArgumentError, ScowError
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.image.threads import run_transfer
from scow.spec.digest import chain_ids, sha256_of
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform
from scow.spec.reference import Reference


class RegistryBases:
    """See ``scow.build.frontend.resolving.ForeignBases``. ``folder`` is for layers on their way."""

    def __init__(
        self,
        images: ImageStore,
        registries: Registries,
        login: Callable[[Reference], Awaitable[Credentials]],
        lease: Lease,
        folder: Path,
        stack: AsyncExitStack,
    ) -> None:
        self._images = images
        self._registries = registries
        self._login = login
        self._lease = lease
        self._folder = folder
        self._stack = stack

    async def bring(self, name: Reference, platform: Platform) -> BaseImage:
        """Raises NotFoundError if there is none for ``platform``, ScowError."""
        at = name.digest or name.tag or "latest"
        credentials = await self._login(name)
        try:
            found, repository = await run_transfer(
                self._registries.pulling, name, credentials, lambda it: resolve(it, at, platform)
            )
        except ScowError as exc:
            raise type(exc)(
                f"{name.familiar()}: failed to resolve source metadata for {name}: {exc.message}"
            ) from exc
        source = RepositorySource(repository)
        self._stack.callback(source.close)
        raw = await source.document(found.manifest.config.digest, found.manifest.config.size)
        config = decode_document(raw, ImageConfig, "image config")
        diff_ids, layers = config.rootfs.diff_ids, found.manifest.layers
        if len(diff_ids) != len(layers):
            raise InvalidArgumentError("layers from manifest don't match image configuration")
        blobs: dict[str, LayerBlob] = {}
        top: str | None = None
        for chain_id, diff_id, blob in zip(chain_ids(diff_ids), diff_ids, layers, strict=True):
            blobs[chain_id] = LayerBlob(diff_id, top, blob.digest, blob.size, source)
            top = chain_id
        await bring_stack(self._images, self._lease, self._folder, blobs, top)
        return BaseImage(str(name), top, config, sha256_of(raw), found.digest, platform)
