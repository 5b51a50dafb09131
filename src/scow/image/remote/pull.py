"""``docker pull``: an image from a registry into the store.

Layers are fetched and unpacked side by side, each as soon as it is whole; those that the store has already
are not fetched. The image and its names are recorded in one transaction when everything is there; a kill
before that leaves only downloads, which the next pull goes on with.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from scow.distribution.credentials import Credentials
from scow.distribution.registries import Registries
from scow.distribution.repository import Repository
from scow.distribution.resolve import Resolved, resolve
from scow.errors import IntegrityError, InvalidArgumentError, NotFoundError, UnsupportedError
from scow.image.archive_formats import LayerSource
from scow.image.archive_region import RegionReader
from scow.image.arrival import Arrival, Tick, Wanted
from scow.image.origins import Origin, Origins
from scow.image.remote.downloads import Downloads, Taken
from scow.image.remote.progress import Progress, Pulled, short_id
from scow.image.store import ImageStore
from scow.image.threads import run_transfer
from scow.spec.oci_image import Descriptor, ImageConfig, decode_document
from scow.spec.platform import Platform, rank
from scow.spec.reference import Reference

_PROGRESS_INTERVAL_S = 0.1


@dataclass(slots=True)
class _Layer:
    """A layer on its way, and what was told of it."""

    diff_id: str
    blob: Descriptor
    taken: Taken
    told: tuple[str, int] = ("", 0)

    def progress(self) -> list[Progress]:
        """What there is to tell that has not been told."""
        if self.taken.done:
            now = ("Download complete", 0)
        elif self.taken.begun:
            now = ("Downloading", self.taken.position)
        else:
            now = ("Waiting", 0)
        if now == self.told:
            return []
        self.told = now
        name = short_id(self.blob.digest)
        if now[0] == "Downloading":
            return [Progress(now[0], name, now[1], self.blob.size)]
        if now[0] == "Download complete":
            # That was done while it came.
            return [Progress("Verifying Checksum", name), Progress(now[0], name)]
        return [Progress(now[0], name)]


class Puller:
    """Pulls into one store."""

    def __init__(
        self, registries: Registries, downloads: Downloads, store: ImageStore, origins: Origins
    ) -> None:
        self._registries = registries
        self._downloads = downloads
        self._store = store
        self._origins = origins

    async def pull(
        self, reference: Reference, platform: Platform, credentials: Credentials
    ) -> AsyncGenerator[Progress | Pulled, None]:
        """Find the image, then return what brings it in while being read.

        Raises NotFoundError, UnauthenticatedError, UnavailableError, UnsupportedError before there is
        anything to tell; the rest, IntegrityError too, on the way. Closing it early ends the transfer.
        """
        at = reference.digest or reference.tag or ""
        found, repository = await run_transfer(
            self._registries.pulling, reference, credentials, lambda it: resolve(it, at, platform)
        )
        return self._bring(reference, platform, found, repository)

    def configure(self, downloads: int, attempts: int) -> None:
        """See ``Downloads.configure``."""
        self._downloads.configure(downloads, attempts)

    async def tags(self, reference: Reference, credentials: Credentials) -> list[Reference]:
        """Every tag of a repository. Raises as ``pull``."""
        found, repository = await run_transfer(
            self._registries.pulling, reference, credentials, Repository.tags
        )
        repository.transport.close()
        return [reference.with_tag(tag) for tag in found]

    async def _bring(
        self, reference: Reference, platform: Platform, found: Resolved, repository: Repository
    ) -> AsyncGenerator[Progress | Pulled, None]:
        try:
            place = str(reference) if reference.digest else reference.tag or ""
            yield Progress(f"Pulling from {reference.repository}", place)
            raw_config = await self._config(found.manifest.config, repository)
            config = decode_document(raw_config, ImageConfig, "image config")
            _check(config, found, reference, platform)
            names = [reference.with_digest(found.digest)]
            if not reference.digest:
                names.append(reference)
            is_new = self._named(names[-1]) != found.manifest.config.digest
            if is_new or self._named(names[0]) != found.manifest.config.digest:
                async with aclosing(self._fetched(raw_config, config, names, found, repository)) as steps:
                    async for step in steps:
                        yield step
            await self._origins.remember(dict(_blobs(config, found, reference)))
            yield Progress(f"Digest: {found.digest}")
            yield Pulled(reference.familiar(), is_new)
        finally:
            repository.transport.close()

    async def _fetched(
        self,
        raw_config: bytes,
        config: ImageConfig,
        names: Sequence[Reference],
        found: Resolved,
        repository: Repository,
    ) -> AsyncGenerator[Progress, None]:
        """Layers, and then the image under its names."""
        async with self._store.arrival() as arrival:
            async with aclosing(self._layers(arrival, config, found, repository)) as steps:
                async for step in steps:
                    yield step
            await self._store.record(arrival, raw_config, names)

    async def _config(self, config: Descriptor, repository: Repository) -> bytes:
        """The image's config: one that is here need not be fetched."""
        try:
            return await self._store.raw_config(config.digest)
        except (NotFoundError, IntegrityError):
            return await run_transfer(repository.small_blob, config.digest, config.size)

    def _named(self, name: Reference | str) -> str | None:
        try:
            return self._store.resolve(str(name)).id
        except NotFoundError:
            return None

    async def _layers(
        self, arrival: Arrival, config: ImageConfig, found: Resolved, repository: Repository
    ) -> AsyncGenerator[Progress, None]:
        wanted = list(zip(config.rootfs.diff_ids, found.manifest.layers, strict=True))
        is_here = self._named(found.manifest.config.digest) is not None
        while wanted and arrival.hold(wanted[0][0]):
            name = short_id(wanted.pop(0)[1].digest)
            # Of an image that is here, by another name, Docker tells nothing.
            if not is_here:
                yield Progress("Already exists", name)
        for _, blob in wanted:
            yield Progress("Pulling fs layer", short_id(blob.digest))
        async with AsyncExitStack() as stack:
            layers = [
                _Layer(diff_id, blob, await stack.enter_async_context(self._take(repository, blob)))
                for diff_id, blob in wanted
            ]
            wanted_layers = [Wanted(it.diff_id, partial(_opened, it)) for it in layers]
            async with aclosing(arrival.add(wanted_layers)) as ticks:
                async for tick in ticks:
                    for step in _news(layers):
                        yield step
                    for step in _extracting(layers, tick):
                        yield step

    def _take(self, repository: Repository, blob: Descriptor) -> AbstractAsyncContextManager[Taken]:
        return self._downloads.take(blob.digest, blob.size, partial(repository.open_blob, blob.digest))


@asynccontextmanager
async def _opened(layer: _Layer) -> AsyncIterator[LayerSource]:
    """The layer's bytes, when they have come; their digest was checked then."""
    await layer.taken.wait()
    fd = os.open(layer.taken.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield LayerSource(RegionReader(fd, 0, layer.blob.size))
    finally:
        os.close(fd)


def _extracting(layers: Sequence[_Layer], tick: Tick) -> Iterator[Progress]:
    names = {layer.diff_id: short_id(layer.blob.digest) for layer in layers}
    for step in tick.progress:
        yield Progress("Extracting", names[step.diff_id], step.current, step.total)
    for number in tick.arrived:
        yield Progress("Pull complete", short_id(layers[number].blob.digest))


def _news(layers: list[_Layer]) -> Iterator[Progress]:
    for layer in layers:
        yield from layer.progress()


def _blobs(config: ImageConfig, found: Resolved, reference: Reference) -> Iterator[tuple[str, Origin]]:
    for diff_id, blob in zip(config.rootfs.diff_ids, found.manifest.layers, strict=True):
        yield (
            diff_id,
            Origin(repository=reference.name, digest=blob.digest, size=blob.size, media_type=blob.media_type),
        )


def _check(config: ImageConfig, found: Resolved, reference: Reference, platform: Platform) -> None:
    """Raises InvalidArgumentError, UnsupportedError for what cannot be an image for this machine."""
    if len(config.rootfs.diff_ids) != len(found.manifest.layers):
        raise InvalidArgumentError(
            f"layers from manifest don't match image configuration: {len(found.manifest.layers)} layers, "
            f"{len(config.rootfs.diff_ids)} diff ids"
        )
    if config.os not in ("", platform.os):
        raise UnsupportedError(
            f'image operating system "{config.os}" cannot be used on this platform: operating system is not '
            "supported"
        )
    offered = Platform(config.os or platform.os, config.architecture, config.variant)
    if config.architecture and rank(platform, offered) is None:
        raise NotFoundError(
            f"image with reference {reference.familiar()} was found but does not provide the specified "
            f"platform ({platform})"
        )
