"""``--cache-to``: a build's results brought where other engines find them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import msgspec

from scow.build.cache_transfer.documents import CacheMount, inline
from scow.build.cache_transfer.exporting import (
    CacheOptions,
    PackedLayer,
    cache_config,
    cache_documents,
    inline_records,
    of_result,
    read_cache_options,
    wanted_chains,
)
from scow.build.cache_transfer.importing import GHA_WITHOUT_URL, NO_GHA
from scow.build.cache_transfer.mounts import mounts_of
from scow.build.export.blobs import Blob, Spool
from scow.build.export.repository import Destination, opened
from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.logins import login_of
from scow.build.frontend.told import Internal
from scow.build.frontend.workbench import Workbench
from scow.build.graph.job import Result
from scow.build.graph.ops import Vertex
from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.spec.digest import chain_ids
from scow.spec.frontend_build import Exchange, SentBlob
from scow.spec.oci_image import ImageConfig
from scow.spec.reference import parse_reference

_NANOSECONDS = 1_000_000_000


def with_inline_cache(image: BuiltImage, results: Mapping[Vertex, Result], epoch_s: int | None) -> BuiltImage:
    """The image with what is known of its steps in its config, all of it at ``epoch_s`` if that is given."""
    if epoch_s is not None:
        results = {vertex: _at(result, epoch_s * _NANOSECONDS) for vertex, result in results.items()}
    config = msgspec.json.decode(image.raw_config, type=ImageConfig)
    records = inline_records(results, image.vertex, config.rootfs.diff_ids)
    return replace(image, raw_config=inline(image.raw_config, records))


def _at(result: Result, moment_ns: int) -> Result:
    record = result.record
    if record is not None:
        record = msgspec.structs.replace(record, created_ns=moment_ns)
    return replace(result, created_ns=moment_ns, record=record)


class CacheExports:
    """Of one build."""

    def __init__(self, bench: Workbench, spool: Spool) -> None:
        self._workshop = bench.workshop
        self._lease = bench.lease
        self._client = bench.client
        self._telling = bench.telling
        self._spool = spool

    async def export(self, outcome: Outcome, wanted: Exchange) -> dict[str, str]:
        """What the client is told of it. Raises ScowError, unless that is to be ignored."""
        options = read_cache_options(wanted.attributes)
        try:
            with self._telling.internal(f"exporting cache to {_shown_kind(wanted.kind)}") as told:
                if wanted.kind == "registry":
                    return await self._to_registry(outcome, wanted, options, told)
                if wanted.kind == "local":
                    return await self._to_folder(outcome, wanted, options, told)
                if wanted.kind == "gha":
                    raise UnsupportedError(NO_GHA if wanted.attributes.get("url") else GHA_WITHOUT_URL)
                raise UnsupportedError(f"unknown cache exporter: {wanted.kind!r}")
        except ScowError:
            if not options.ignore_errors:
                raise
            return {}

    async def _to_registry(
        self, outcome: Outcome, wanted: Exchange, options: CacheOptions, told: Internal
    ) -> dict[str, str]:
        name = parse_reference(_required(wanted, "ref"))
        credentials = await login_of(self._client)(name)
        registries, origins = self._workshop.directory, self._workshop.images.origins
        async with opened(registries, name, credentials, origins) as destination:
            layers = await self._layers(outcome, options, told, destination)
            mounts = await self._mounts(outcome, options, told)
            blobs = [*(it.blob for it in layers), *mounts.values()]
            config, top = cache_documents(cache_config(outcome.results, layers, list(mounts)), blobs, options)
            await destination.send([*blobs, config])
            told.step(f"writing config {config.described.digest}")
            await destination.name([top])
        return _manifest_response(top, told)

    async def _to_folder(
        self, outcome: Outcome, wanted: Exchange, options: CacheOptions, told: Internal
    ) -> dict[str, str]:
        folder = _required(wanted, "dest")
        layers = await self._layers(outcome, options, told, None)
        mounts = await self._mounts(outcome, options, told)
        blobs = [*(it.blob for it in layers), *mounts.values()]
        config, top = cache_documents(cache_config(outcome.results, layers, list(mounts)), blobs, options)
        await self._client.send_layout(folder, [_sent(it) for it in (*blobs, config)], _sent(top))
        return _manifest_response(top, told)

    async def _mounts(
        self, outcome: Outcome, options: CacheOptions, told: Internal
    ) -> dict[CacheMount, Blob]:
        """The cache mounts of the build's steps, if they are to go along."""
        found = {}
        for mount_id in mounts_of(outcome.results) if options.with_mounts else ():
            packed = await self._workshop.mounts.packed(mount_id, self._spool)
            if packed is not None:
                found[packed[0]] = packed[1]
                told.step(f"writing cache mount {mount_id}")
        return found

    async def _layers(
        self, outcome: Outcome, options: CacheOptions, told: Internal, destination: Destination | None
    ) -> list[PackedLayer]:
        """Each once, after what it is on. Stacks that are only known of have none."""
        own = of_result(it.vertex for it in outcome.images)
        found: dict[str, PackedLayer] = {}
        for top in wanted_chains(outcome.results, own, everything=options.everything):
            if not self._lease.has(top):
                continue
            diff_ids = self._workshop.images.layer_diff_ids(top)
            below: str | None = None
            for chain_id, diff_id in zip(chain_ids(diff_ids), diff_ids, strict=True):
                if chain_id not in found:
                    blob = await self._packed(chain_id, options, destination)
                    found[chain_id] = PackedLayer(chain_id, below, diff_id, blob)
                    told.step(f"writing layer {blob.described.digest}")
                below = chain_id
        return list(found.values())

    async def _packed(self, chain_id: str, options: CacheOptions, destination: Destination | None) -> Blob:
        tar = await self._lease.tar(chain_id)
        if destination is not None:
            there = await destination.has_layer(tar.diff_id, options.compression, options.types)
            if there is not None:
                return there
        return await self._spool.layer(tar, options.compression, options.types)


def _shown_kind(kind: str) -> str:
    return {"registry": "registry", "local": "client directory", "gha": "GitHub Actions Cache"}.get(
        kind, kind
    )


def _required(wanted: Exchange, name: str) -> str:
    value = wanted.attributes.get(name, "")
    if not value:
        raise InvalidArgumentError(f"{wanted.kind} cache exporter requires {name}")
    return value


def _sent(blob: Blob) -> SentBlob:
    it = blob.described
    return SentBlob(it.media_type, it.digest, it.size, partial(blob.read))


def _manifest_response(top: Blob, told: Internal) -> dict[str, str]:
    told.step(f"writing cache manifest {top.described.digest}")
    return {"cache.manifest": json.dumps(top.described.document())}
