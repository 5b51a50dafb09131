"""``--cache-from``: caches read from registries, folders of the client, and images of the engine.

A cache is an index or a manifest with a cache config, or an image with records in its own config.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

import msgspec

from scow.build.cache_transfer.documents import (
    CONFIG_TYPE,
    INLINE_FIELD,
    CacheConfig,
    CacheRecord,
    chains_of,
    decode_config,
    decode_inline,
)
from scow.build.cache_transfer.imported import Imported
from scow.build.cache_transfer.layers import BlobSource, LayerBlob
from scow.build.cache_transfer.sources import ClientSource, RepositorySource
from scow.build.frontend.told import Internal, Telling
from scow.distribution.credentials import Credentials
from scow.distribution.registries import Registries
from scow.errors import InvalidArgumentError, NotFoundError, ScowError, UnsupportedError
from scow.image.model import Image
from scow.image.store import ImageStore
from scow.image.threads import run_transfer
from scow.spec.digest import chain_ids, parse_digest
from scow.spec.frontend_build import BuildClient, Exchange
from scow.spec.oci_image import MANIFEST_TYPES, Descriptor, ImageConfig, Index, Manifest, decode_document
from scow.spec.reference import Reference, parse_reference

GHA_WITHOUT_URL = "url not set for github actions cache"
_MAX_MANIFESTS = 64


class CacheSource(BlobSource, Protocol):
    """Where a cache lies."""

    async def manifest(self, digest: str) -> bytes: ...


class CacheImports:
    """Of one build. What is opened is closed with ``stack``."""

    def __init__(
        self,
        images: ImageStore,
        registries: Registries,
        client: BuildClient,
        login: Callable[[Reference], Awaitable[Credentials]],
        telling: Telling,
        stack: AsyncExitStack,
    ) -> None:
        self._images = images
        self._registries = registries
        self._client = client
        self._login = login
        self._telling = telling
        self._stack = stack

    async def load(self, wanted: Sequence[Exchange], into: Imported) -> None:
        """All of them; one that cannot be read is told of, and the build goes on without it."""
        for cache in wanted:
            name = cache.attributes.get("ref") or cache.attributes.get("src") or cache.kind
            try:
                with self._telling.internal(f"importing cache manifest from {name}") as told:
                    await self._load(cache, into, told)
            except ScowError:
                continue  # the one who asked has been told

    async def _load(self, cache: Exchange, into: Imported, told: Internal) -> None:
        attributes = cache.attributes
        if cache.kind == "registry":
            await self._from_registry(_required(attributes, "ref"), into, told)
        elif cache.kind == "local":
            source = ClientSource(self._client, f"local:{_required(attributes, 'src')}")
            digest = parse_digest(_required(attributes, "digest"))
            await self._from_manifest(await source.manifest(digest), source, into)
        elif cache.kind == "gha":
            raise UnsupportedError(GHA_WITHOUT_URL if not attributes.get("url") else NO_GHA)
        else:
            raise UnsupportedError(f"unknown cache importer: {cache.kind}")

    async def _from_registry(self, ref: str, into: Imported, told: Internal) -> None:
        reference = parse_reference(ref)
        try:
            image = self._images.resolve(str(reference))
        except NotFoundError:
            pass
        else:
            records = await self._in_image_here(image)
            if records:
                told.step(f"inferred cache manifest type: image {image.id}")
                into.add(records, {})
                return
        at = reference.digest or reference.tag or ""
        document, repository = await run_transfer(
            self._registries.pulling,
            reference,
            await self._login(reference),
            lambda repository: repository.document(at),
        )
        source = RepositorySource(repository)
        self._stack.callback(source.close)
        told.step(f"inferred cache manifest type: {document.media_type}")
        await self._from_manifest(document.data, source, into)

    async def _in_image_here(self, image: Image) -> list[CacheRecord]:
        raw = await self._images.raw_config(image.id)
        return _inline_records(raw, len(image.layers))

    async def _from_manifest(self, raw: bytes, source: CacheSource, into: Imported) -> None:
        document = _loaded(raw)
        if "manifests" not in document:
            manifest = decode_document(raw, Manifest, "cache manifest")
            await self._from_image(manifest, source, into)
            return
        index = decode_document(raw, Index, "cache manifest")
        for it in index.manifests:
            if it.media_type == CONFIG_TYPE:
                _add(decode_config(await source.document(it.digest, it.size)), source, into)
                return
        for it in index.manifests[:_MAX_MANIFESTS]:
            if it.media_type in MANIFEST_TYPES and "vnd.docker.reference.type" not in it.annotations:
                found = decode_document(await source.manifest(it.digest), Manifest, "manifest")
                await self._from_image(found, source, into)

    async def _from_image(self, manifest: Manifest, source: CacheSource, into: Imported) -> None:
        raw = await source.document(manifest.config.digest, manifest.config.size)
        if manifest.config.media_type == CONFIG_TYPE:
            _add(decode_config(raw), source, into)
            return
        config = decode_document(raw, ImageConfig, "image config")
        if len(config.rootfs.diff_ids) != len(manifest.layers):
            raise InvalidArgumentError("invalid image with mismatching manifest and config")
        blobs = _stack(config.rootfs.diff_ids, manifest.layers, source)
        into.add(_inline_records(raw, len(manifest.layers)), blobs)


NO_GHA = "cache of GitHub's actions is not supported: use type=registry or type=local"


def _required(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name, "")
    if not value:
        raise InvalidArgumentError(f"cache importer requires {name}")
    return value


def _loaded(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"cache manifest cannot be read: {exc}") from exc


def _inline_records(raw_config: bytes, layers: int) -> list[CacheRecord]:
    """What an image's config tells of how it came about."""
    field = _loaded(raw_config).get(INLINE_FIELD)
    if not isinstance(field, str):
        return []
    try:
        return decode_inline(msgspec.convert(field, bytes, strict=False), layers)
    except msgspec.ValidationError as exc:
        raise InvalidArgumentError(f"inline cache cannot be read: {exc}") from exc


def _stack(diff_ids: Sequence[str], layers: Sequence[Descriptor], source: BlobSource) -> dict[str, LayerBlob]:
    found: dict[str, LayerBlob] = {}
    below: str | None = None
    for chain_id, diff_id, blob in zip(chain_ids(diff_ids), diff_ids, layers, strict=True):
        found[chain_id] = LayerBlob(diff_id, below, blob.digest, blob.size, source)
        below = chain_id
    return found


def _add(config: CacheConfig, source: BlobSource, into: Imported) -> None:
    chains = chains_of(config.layers)
    blobs: dict[str, LayerBlob] = {}
    for chain_id, layer in zip(chains, config.layers, strict=True):
        if chain_id is not None and layer.annotations is not None:
            below = chains[layer.parent] if layer.parent >= 0 else None
            known = layer.annotations
            blobs[chain_id] = LayerBlob(known.diff_id, below, layer.blob, known.size, source)
    into.add(config.records, blobs)
    into.add_mounts(config.mounts, source)
