"""The image store: what the engine asks for images and their names; ``rootfs`` has containers' file systems.

    <data root>/overlay2/ or vfs/              snapshots, see ``snapshots``
    <data root>/image/<driver>/imagedb/…       configs by digest, see ``content``
    <data root>/image/<driver>/rootfs/         containers' claims, see ``rootfs``
    <data root>/tmp                            archives on their way in: files without names
    documents "<driver>/image", "…/tag", "…/layer", "…/init"

Reads come from memory. Changes of images and names are one transaction each, made one after the other
under one lock; memory follows when the transaction is stored. Layers go after the images that used them,
in a transaction of their own: a kill between the two is finished at start-up.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scow import tasks
from scow.deferred import deferred
from scow.image.catalog import Catalog
from scow.image.container_rootfs import ContainerRootfs
from scow.image.content import ContentStore
from scow.image.drivers import open_driver
from scow.image.holds import Holds
from scow.image.layers import LayerStore, LayerTar
from scow.image.model import (
    Image,
    ImageUser,
    Loaded,
    LoadEvent,
    Removal,
    Renamed,
)
from scow.image.origins import Origins
from scow.image.parts import StoreParts, kinds_of
from scow.image.platforms import (
    VariantRecord,
    not_provided,
    platform_of,
)
from scow.image.records import ImageRecords
from scow.image.restore import restore
from scow.image.rootfs import RootfsStore
from scow.image.roots import Roots
from scow.image.snapshots.base import SnapshotDriver
from scow.image.visits import Visit
from scow.spec.digest import chain_ids
from scow.spec.platform import Platform, host_platform, rank
from scow.spec.reference import Reference
from scow.store import Store

if TYPE_CHECKING:
    # What images come and go with is loaded when the first does, 0.8 MB.
    from scow.image.arrival import Arrival
    from scow.image.check import Checked, Finding
    from scow.image.committed import CommitRequest
    from scow.image.imported import ImportRequest
    from scow.image.layer_intake import LayerIntake
    from scow.image.leases import Holding, Lease
    from scow.image.making import ImageMaker

_log = logging.getLogger(__name__)


class ImageStore:
    """See the module. Made by ``open``."""

    def __init__(self, root: Path, store: Store, driver: SnapshotDriver) -> None:
        self._driver = driver
        kinds = kinds_of(driver.name)
        self._temporary = root / "tmp"
        self._temporary.mkdir(mode=0o700, exist_ok=True)
        home = root / "image" / driver.name
        self._content = ContentStore(home / "imagedb" / "content" / "sha256")
        self._layers = LayerStore(driver, kinds.layer, home / "recipes")
        self._intake = deferred(lambda: _open_intake(driver, self._layers))
        self._rootfs = RootfsStore(driver, self._layers, home / "rootfs", store, kinds.init)
        self._changes = asyncio.Lock()
        self._holds = Holds(driver, self._layers, self._rootfs, store)
        self.roots = Roots(store, kinds.root, self._layers, self._holds, self._changes)
        self.origins = Origins(store, kinds.origin)
        self._host = host_platform(os.uname().machine)
        self._catalog = Catalog(self._host)
        self._records = ImageRecords(
            store, kinds, self._content, self._layers, self._holds, self._catalog, self._changes
        )
        self._parts = StoreParts(
            driver,
            store,
            kinds,
            self._content,
            self._layers,
            self._rootfs,
            self.roots,
            self._catalog,
            self._holds,
            self._changes,
        )
        self._maker = deferred(self._open_maker)
        self.rootfs = ContainerRootfs(driver, self._layers, self._rootfs, self._holds, self._catalog)
        self.driver_name = driver.name
        self.problems: list[str] = []

    @classmethod
    async def open(
        cls, root: Path, store: Store, driver: str | None, options: Sequence[str] = ()
    ) -> "ImageStore":
        """Open the images of data root ``root`` with storage driver ``driver``; ``None`` chooses.

        What start-up found wrong is in ``problems``, and logged. Raises UnsupportedError for a driver that
        is not to be had here, before anything is touched.
        """
        self = await tasks.run_blocking(lambda: cls(root, store, open_driver(root, driver, options)))
        restored = await tasks.run_blocking(restore, self._parts)
        self.problems = restored.problems
        for problem in self.problems:
            _log.warning("%s", problem)
        for chain_id in restored.unused:
            self._layers.hold(chain_id)
        await self._holds.let_go(restored.unused)
        diff_ids = {diff_id for image in self._catalog for diff_id in image.layers}
        await self.origins.keep_only(diff_ids.__contains__)
        return self

    async def aclose(self) -> None:
        """The end of the store: see ``Holds.aclose``."""
        await self._holds.aclose()

    async def settle(self) -> None:
        """Wait until the disk space of all that was removed is free."""
        await self._holds.settle()

    def driver_status(self) -> list[tuple[str, str]]:
        """Lines for ``docker info``."""
        return self._driver.status()

    # Images

    def resolve(self, name: str) -> Image:
        """Find by name[:tag][@digest], id or prefix of an id. Raises NotFoundError, InvalidArgumentError."""
        return self._catalog.find(name)

    def get(self, image_id: str) -> Image:
        """Find by whole id. Raises NotFoundError."""
        return self._catalog.get(image_id)

    def all(self) -> list[Image]:
        """All images, in no order."""
        return list(self._catalog)

    def shown(self) -> list[Image]:
        """All images as people see them: see ``Catalog.shown``."""
        return self._catalog.shown()

    def variants(self, image: Image) -> list[tuple[Image, VariantRecord]]:
        """The variants of an image of several platforms, with their places in its index; none of another."""
        index = self._catalog.index(image.target)
        return list(zip(self._catalog.variants(index), index.here, strict=True)) if index else []

    def variant_records(self, image: Image) -> list[VariantRecord]:
        """What the index of an image of several platforms has, also what is not here; nothing of another."""
        index = self._catalog.index(image.target)
        return index.record.variants if index else []

    def for_platform(self, image: Image, wanted: Platform) -> Image:
        """``image`` as it is on a platform, exactly. Raises NotFoundError in Docker's words."""
        index = self._catalog.index(image.target)
        if index is not None:
            found = self._catalog.variant(index, wanted)
        else:
            found = image if rank(wanted, platform_of(image)) == 0 else None
        if found is None:
            raise not_provided((image.repo_tags or (image.target,))[0], wanted)
        return found

    def children(self, image_id: str) -> set[str]:
        """Images that were made from this one and say so."""
        return self._catalog.children(image_id)

    async def raw_config(self, image_id: str) -> bytes:
        """The config exactly as it arrived. Raises NotFoundError, IntegrityError."""
        return await tasks.run_blocking(self._content.get, self._catalog.get(image_id).id)

    def load(
        self, chunks: AsyncIterator[bytes], platform: Platform | None = None
    ) -> AsyncGenerator[LoadEvent, None]:
        """Take in an archive: any ``docker save`` with a manifest.json, or an OCI layout; any compression.

        Of images of several platforms all variants that are in it, or the one for ``platform``.

        All of it or nothing: images become visible when every layer of every image is there. Ends early if
        the iterator is closed. Raises InvalidArgumentError, IntegrityError, UnsupportedError, ScowError.
        """
        return self._maker.load(self.arrival(), chunks, platform)

    @asynccontextmanager
    async def arrival(self) -> "AsyncIterator[Arrival]":
        """Bring in layers, to be recorded by ``record`` within the block; what is not, goes again."""
        from scow.image.arrival import Arrival

        arrival = Arrival(self._layers, self._intake)
        try:
            async with self._intake.session():
                yield arrival
        finally:
            await self._holds.let_go(arrival.held)

    @asynccontextmanager
    async def lease(self) -> "AsyncIterator[Lease]":
        """Work on layers: see ``leases``. What it made and nobody recorded within the block, goes."""
        from scow.image.leases import Lease

        lease = Lease(self._driver, self._layers, self._intake, self._rootfs)
        try:
            yield lease
        finally:
            try:
                await lease.aclose()
            finally:
                await self._holds.let_go(lease.held)

    async def record(
        self, holding: "Holding", raw_config: bytes, names: Iterable[Reference], *, parent: str | None = None
    ) -> list[Renamed | Loaded]:
        """Make an image of layers that an arrival or a lease holds; says what became of names."""
        await self._holds.sync(holding.held)
        return await self._records.add([raw_config], parent, names)

    async def record_platforms(
        self,
        holding: "Holding",
        raw_configs: Sequence[bytes],
        names: Iterable[Reference],
        platforms: Sequence[Platform] = (),
    ) -> list[Renamed | Loaded]:
        """Make an image of several platforms, of variants in this order, as ``record`` makes one.

        ``platforms`` if configs do not say it well. Of one config it is an image like any other. Raises
        InvalidArgumentError for two of one platform.
        """
        await self._holds.sync(holding.held)
        return await self._records.add(raw_configs, None, names, platforms)

    def to_save(self, names: Sequence[str]) -> dict[str, list[Reference]]:
        """What ``docker save`` of these names means: ids of images and images of several platforms, each with
        the names that go along.

        A name without a tag is all tags of the repository. Raises NotFoundError, InvalidArgumentError.
        """
        from scow.image.save import images_to_save

        return images_to_save(names, self._catalog)

    def save(self, images: Mapping[str, list[Reference]]) -> AsyncGenerator[bytes, None]:
        """An archive of images, as found by ``to_save``; their layers stay while it is being read.

        Raises ScowError for an image without layers, IntegrityError for one that was changed on disk.
        """
        from scow.image.saving import save

        return save(images, self._catalog, self.tars)

    @asynccontextmanager
    async def tars(self, image_id: str) -> AsyncIterator[tuple[bytes, list[LayerTar]]]:
        """An image's config and the tars of its layers, lowest first, which stay within the block.

        Raises NotFoundError, IntegrityError.
        """
        image = self._catalog.get(image_id)
        self._layers.hold(image.chain_id)
        try:
            raw_config = await tasks.run_blocking(self._content.get, image_id)
            yield raw_config, [self._layers.tar(it) for it in chain_ids(image.layers)]
        finally:
            await self._holds.let_go([image.chain_id])

    def has_stack(self, chain_id: str | None) -> bool:
        """Whether a stack of layers is here."""
        return chain_id is None or chain_id in self._layers

    def layer_diff_ids(self, chain_id: str | None) -> tuple[str, ...]:
        """The diff id of each layer of a stack that somebody holds, lowest first."""
        return self._layers.diff_ids(chain_id)

    def layer_sizes(self, chain_id: str) -> tuple[int, ...]:
        """Bytes of each layer of a stack, lowest first. Raises ``KeyError`` if it is not there."""
        return self._layers.sizes(chain_id)

    def tags(self, repository: Reference) -> list[Reference]:
        """All names with a tag in the repository of this reference."""
        return list(self._catalog.tags(repository.name))

    async def import_rootfs(self, chunks: AsyncIterator[bytes], request: "ImportRequest") -> Image:
        """Make an image of one layer out of a root file system's tar, compressed or not."""
        return await self._maker.import_rootfs(chunks, request)

    async def commit(self, visit: Visit, parent_id: str | None, request: "CommitRequest") -> Image:
        """Make an image of a container's changes on top of the image that it was made from.

        All or nothing; ``visit`` is ended as soon as the layer is made. Raises NotFoundError if the image is
        gone, ScowError.
        """
        return await self._maker.commit(visit, parent_id, request)

    async def tag(self, image_id: str, reference: Reference) -> None:
        """Give an image, or one of several platforms, a name, taking it from whatever had it.

        Raises NotFoundError, InvalidArgumentError.
        """
        await self._records.tag(image_id, reference)

    async def tag_digest(self, image_id: str, reference: Reference) -> None:
        """Note that a registry has the image by this digest. Raises NotFoundError."""
        await self._records.tag_digest(image_id, reference)

    async def untag(self, reference: Reference) -> None:
        """Take a name away; the image stays. Not an error when nothing has it."""
        await self._records.untag(reference)

    async def delete(
        self, name: str, *, users: Sequence[ImageUser] = (), force: bool = False, prune: bool = True
    ) -> Removal:
        """``docker rmi``: the name, and the image with it if that was the last; or by id, the image.

        ``users`` are all containers. Raises NotFoundError, ConflictError, InvalidArgumentError.
        """
        return await self._records.delete(name, users, force=force, prune=prune)

    async def delete_variants(self, image: Image, image_ids: Collection[str]) -> Removal:
        """Some variants of an image of several platforms, which keeps its id and names; not all of them.

        Their images stay if something else has them. Raises NotFoundError.
        """
        return await self._records.delete_variants(image.target, image_ids)

    def check(self, *, repair: bool) -> "AsyncGenerator[Finding | Checked, None]":
        """Look whether all of it is whole: see ``check``. The last thing that comes is the sum."""
        from scow.image.check import ImageCheck

        return ImageCheck(self._parts, self.delete, repair=repair).run()

    def graph_data(self, image_id: str) -> dict[str, str]:
        """``GraphDriver.Data`` of an image by its whole id. Raises NotFoundError."""
        snapshots = self._layers.stack(self._catalog.get(image_id).chain_id)
        return self._driver.paths(snapshots[0], snapshots[1:]) if snapshots else {}

    # Inside

    def _open_maker(self) -> "ImageMaker":
        from scow.image.making import ImageMaker

        return ImageMaker(
            self._intake,
            self._rootfs,
            self._holds,
            self._records,
            self._catalog,
            str(self._temporary),
            self._host,
        )


def _open_intake(driver: SnapshotDriver, layers: LayerStore) -> "LayerIntake":
    from scow.image.layer_intake import LayerIntake

    return LayerIntake(driver, layers)
