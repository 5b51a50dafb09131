"""Images that are made of what comes in: an archive of images, a root file system, a container's changes.

Each makes its layers first, see ``layer_intake``, and records them with the image when they are on the disk.
What was not recorded goes again.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, closing

from scow.image.archive import Archive, spooled
from scow.image.archive_formats import LayerSource, read_images
from scow.image.archive_region import RegionReader
from scow.image.arrival import Arrival, Wanted
from scow.image.catalog import Catalog
from scow.image.changes import apply_changes
from scow.image.committed import CommitRequest, config_of_commit
from scow.image.holds import Holds
from scow.image.imported import ImportRequest, config_of_import
from scow.image.layer_intake import LayerIntake
from scow.image.model import Image, LayerProgress, LoadEvent
from scow.image.records import ImageRecords
from scow.image.rootfs import RootfsStore
from scow.image.threads import run_to_end
from scow.image.visits import Visit
from scow.spec.digest import sha256_of
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.platform import Platform
from scow.spec.reference import Reference


class ImageMaker:
    """``temporary`` is a folder for archives on their way in; ``host`` is what images are for by default."""

    def __init__(
        self,
        intake: LayerIntake,
        rootfs: RootfsStore,
        holds: Holds,
        records: ImageRecords,
        catalog: Catalog,
        temporary: str,
        host: Platform,
    ) -> None:
        self._intake = intake
        self._rootfs = rootfs
        self._holds = holds
        self._records = records
        self._catalog = catalog
        self._temporary = temporary
        self._host = host

    async def load(
        self,
        arriving: AbstractAsyncContextManager[Arrival],
        chunks: AsyncIterator[bytes],
        platform: Platform | None,
    ) -> AsyncGenerator[LoadEvent, None]:
        """See ``ImageStore.load``."""
        async with arriving as arrival:
            self._intake.unpackers.warm("")
            async with spooled(chunks, self._temporary) as (fd, size):
                images = await run_to_end(lambda: read_images(Archive(fd, size), self._host, platform))
                for variant in [variant for image in images for variant in image.variants]:
                    layers = zip(variant.config.rootfs.diff_ids, variant.layers, strict=True)
                    wanted = [Wanted.at_hand(diff_id, source) for diff_id, source in layers]
                    async with aclosing(_bring(arrival, wanted)) as steps:
                        async for step in steps:
                            yield step
            ids = {image.id for image in images}
            for image in images:
                parent = image.parent if image.parent in ids - {image.id} else None
                raw_configs = [variant.raw_config for variant in image.variants]
                platforms = [variant.platform for variant in image.variants]
                await self._holds.sync(arrival.held)
                for event in await self._records.add(raw_configs, parent, image.names, platforms):
                    yield event

    async def import_rootfs(self, chunks: AsyncIterator[bytes], request: ImportRequest) -> Image:
        """See ``ImageStore.import_rootfs``."""
        config = apply_changes(ContainerConfig(), request.changes)
        held: list[str | None] = []
        try:
            async with spooled(chunks, self._temporary) as (fd, size), self._intake.session():
                source = LayerSource(RegionReader(fd, 0, size))
                layer = await self._intake.import_archive(source, held)
            raw_config = config_of_import(request, config, layer.diff_id, self._host)
            return await self._record(raw_config, None, request.reference, held)
        finally:
            await self._holds.let_go(held)

    async def commit(self, visit: Visit, parent_id: str | None, request: CommitRequest) -> Image:
        """See ``ImageStore.commit``."""
        held: list[str | None] = []
        try:
            try:
                parent = self._catalog.get(parent_id) if parent_id is not None else None
                chain_id = parent.chain_id if parent is not None else None
                with closing(self._rootfs.layer_tar(visit)) as pieces:
                    layer = await self._intake.import_own(chain_id, pieces, held)
            finally:
                await self._rootfs.end_visit(visit)
            diff_id = None if layer.is_empty else layer.diff_id
            raw_config = config_of_commit(request, parent, diff_id, self._host)
            return await self._record(raw_config, parent_id, request.reference, held)
        finally:
            await self._holds.let_go(held)

    async def _record(
        self, raw_config: bytes, parent_id: str | None, name: Reference | None, held: list[str | None]
    ) -> Image:
        await self._holds.sync(held)
        await self._records.add([raw_config], parent_id, [name] if name else [])
        return self._catalog.get(sha256_of(raw_config))


async def _bring(arrival: Arrival, wanted: list[Wanted]) -> AsyncGenerator[LayerProgress, None]:
    """The layers of one image, from the bottom."""
    arrival.begin()
    async with aclosing(arrival.add(wanted)) as ticks:
        async for tick in ticks:
            for step in tick.progress:
                yield step
