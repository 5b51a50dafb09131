"""Images of other machines, and in layouts of the client's, that a build stands on: their layers are brought
in, they are no images here.

The name in the engine stays what it is: it means this machine's image.
"""

from typing import Any

import msgspec

from scow.build.cache_transfer.layers import BlobSource, LayerBlob, bring_stack
from scow.build.cache_transfer.sources import ClientSource, RepositorySource
from scow.build.evaluate.base import BaseImage
from scow.build.frontend.logins import login_of
from scow.build.frontend.workbench import Workbench
from scow.distribution.resolve import best_of_index, resolve
from scow.errors import InvalidArgumentError, ScowError
from scow.image.threads import run_transfer
from scow.spec.digest import chain_ids, parse_digest, sha256_of
from scow.spec.oci_image import ImageConfig, Index, Manifest, decode_document
from scow.spec.platform import Platform
from scow.spec.reference import Reference

OCI_LAYOUT = "oci-layout://"
"""What the address of an image in a client's layout begins with."""
_MAX_INDEX_DEPTH = 3


class RegistryBases:
    """For one build, whose lease holds the layers.

    ``describes``: they stay where they are, so nothing can be built on what is found.
    """

    def __init__(self, bench: Workbench, *, describes: bool = False) -> None:
        self._bench = bench
        self._describes = describes

    async def bring(self, text: str, name: Reference, platform: Platform) -> BaseImage:
        """``name``, which is written as ``text``.

        Raises NotFoundError if there is none for ``platform``, ScowError.
        """
        at = name.digest or name.tag or "latest"
        credentials = await login_of(self._bench.client)(name)
        pulling = self._bench.workshop.directory.pulling
        try:
            found, repository = await run_transfer(
                pulling,
                name,
                credentials,
                lambda it: resolve(it, at, platform),
            )
        except ScowError as exc:
            raise type(exc)(f"{text}: failed to resolve source metadata for {name}: {exc.message}") from exc
        source = RepositorySource(repository)
        self._bench.stack.callback(source.close)
        return await self._brought(str(name), source, found.manifest, found.digest, platform)

    async def bring_layout(self, address: str, platform: Platform) -> BaseImage:
        """``oci-layout://<name>[:tag]@<digest>``: an image in a folder that the client lends by that name."""
        name, at, digest = address.removeprefix(OCI_LAYOUT).partition("@")
        if not at:
            raise InvalidArgumentError(f"invalid OCI layout {address}: a digest is required")
        source = ClientSource(self._bench.client, f"oci:{name.partition(':')[0]}")
        raw = await source.manifest(parse_digest(digest))
        for _ in range(_MAX_INDEX_DEPTH):
            if not _is_index(raw):
                break
            chosen = best_of_index(decode_document(raw, Index, "index"), platform)
            raw = await source.manifest(chosen.digest)
        manifest = decode_document(raw, Manifest, "manifest")
        return await self._brought(address, source, manifest, digest, platform)

    async def _brought(
        self, name: str, source: BlobSource, manifest: Manifest, digest: str, platform: Platform
    ) -> BaseImage:
        raw = await source.document(manifest.config.digest, manifest.config.size)
        config = decode_document(raw, ImageConfig, "image config")
        if self._describes:
            return BaseImage(name, None, config, sha256_of(raw), digest, platform)
        diff_ids, layers = config.rootfs.diff_ids, manifest.layers
        if len(diff_ids) != len(layers):
            raise InvalidArgumentError("layers from manifest don't match image configuration")
        blobs: dict[str, LayerBlob] = {}
        top: str | None = None
        for chain_id, diff_id, blob in zip(chain_ids(diff_ids), diff_ids, layers, strict=True):
            blobs[chain_id] = LayerBlob(diff_id, top, blob.digest, blob.size, source)
            top = chain_id
        workshop = self._bench.workshop
        await bring_stack(workshop.images, self._bench.lease, workshop.folder, blobs, top)
        return BaseImage(name, top, config, sha256_of(raw), digest, platform, raw)


def _is_index(raw: bytes) -> bool:
    """By what only an index has."""
    try:
        return "manifests" in msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"manifest cannot be read: {exc}") from exc
