"""Images and their names, as they are recorded: each change is one transaction, then memory follows.

One change is made after the other, under one lock. What has begun is carried out to its end, whoever asked
for it and left: otherwise database and memory would tell different stories.
"""

import asyncio
import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from scow.errors import NotFoundError, ScowError
from scow.image.catalog import Catalog
from scow.image.content import ContentStore
from scow.image.holds import Holds
from scow.image.layers import LayerStore, chain_on
from scow.image.model import (
    Image,
    ImageRecord,
    ImageUser,
    Loaded,
    Removal,
    Renamed,
    image_from_config,
)
from scow.image.names import canonical, check_taggable
from scow.image.parts import Kinds
from scow.image.platforms import Platforms, Variant, platform_of, platforms_of
from scow.image.threads import run_to_end
from scow.spec.digest import chain_ids, sha256_of
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform
from scow.spec.reference import Reference
from scow.store import Change, Delete, Put, Store
from scow.tasks import to_end

if TYPE_CHECKING:
    from scow.image.deletion import Plan


class ImageRecords:
    """See the module. ``changes`` is held while the database and ``catalog`` differ."""

    def __init__(
        self,
        store: Store,
        kinds: Kinds,
        content: ContentStore,
        layers: LayerStore,
        holds: Holds,
        catalog: Catalog,
        changes: asyncio.Lock,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._content = content
        self._layers = layers
        self._holds = holds
        self._catalog = catalog
        self._changes = changes

    async def add(
        self,
        raw_configs: Sequence[bytes],
        parent: str | None,
        names: Iterable[Reference],
        platforms: Sequence[Platform] = (),
    ) -> list[Renamed | Loaded]:
        """Record an image, of so many platforms, whose layers are held and synced; says what happened.

        ``platforms`` if configs do not say it well. Raises InvalidArgumentError for two of one platform,
        ``sqlite3.Error``, ``OSError``.
        """
        configs = [decode_document(raw, ImageConfig, "image config") for raw in raw_configs]
        async with self._changes:
            return await to_end(self._add(raw_configs, configs, parent, list(names), platforms))

    async def _add(
        self,
        raw_configs: Sequence[bytes],
        configs: Sequence[ImageConfig],
        parent: str | None,
        names: Sequence[Reference],
        platforms: Sequence[Platform],
    ) -> list[Renamed | Loaded]:
        known = {it for raw in raw_configs if (it := sha256_of(raw)) in self._catalog}
        images = []
        try:
            for raw, config in zip(raw_configs, configs, strict=True):
                image_id = await run_to_end(self._content.put, raw)
                images.append(self._described(image_id, config, parent))
            index = None
            if len(images) > 1:
                index = await run_to_end(self._index_of, images, raw_configs, platforms)
            target = images[0].id if index is None else index.id
            stacks = {put.key: put for it in images for put in self._layers.puts(it.chain_id)}
            layers = list(stacks.values())
            puts = [*layers, *map(self._image_put, images), *([self._index_put(index)] if index else [])]
            await self._store.commit(*puts, *(self._name_put(name, target) for name in names))
        except (sqlite3.Error, ScowError, OSError):
            for raw in raw_configs:
                if (image_id := sha256_of(raw)) not in known:
                    await run_to_end(self._content.remove, image_id)
            raise
        self._layers.recorded(layers)
        for image in images:
            if image.id not in known:
                self._layers.hold(image.chain_id)
            self._catalog.put(image)
        if index is not None:
            self._catalog.put_index(index)
        return self._name_all(target, names)

    def _index_of(
        self, images: Sequence[Image], raw_configs: Sequence[bytes], platforms: Sequence[Platform]
    ) -> Platforms:
        """Blocks: counts the bytes of tars."""
        offered = platforms or [platform_of(image) for image in images]
        variants = [
            Variant(
                image,
                platform,
                len(raw),
                [(tar.diff_id, tar.size) for tar in map(self._layers.tar, chain_ids(image.layers))],
            )
            for image, platform, raw in zip(images, offered, raw_configs, strict=True)
        ]
        return platforms_of(variants, time.time_ns())

    def _described(self, image_id: str, config: ImageConfig, parent: str | None) -> Image:
        """The image as it will be; one that is here already keeps its parent."""
        if image_id in self._catalog:
            return replace(self._catalog.get(image_id), last_tagged_ns=time.time_ns())
        record = ImageRecord(parent=parent, last_tagged_ns=time.time_ns())
        chain_id: str | None = None
        for diff_id in config.rootfs.diff_ids:
            chain_id = chain_on(chain_id, diff_id)
        return image_from_config(image_id, config, record, chain_id, self._layers.sizes(chain_id))

    def _name_all(self, image_id: str, names: Iterable[Reference]) -> list[Renamed | Loaded]:
        events: list[Renamed | Loaded] = []
        for name in names:
            before = self._catalog.named(name)
            if before not in (None, image_id):
                events.append(Renamed(name.familiar(), str(before)))
            self._catalog.set_name(name, image_id)
            events.append(Loaded(image_id, name.familiar()))
        return events or [Loaded(image_id, None)]

    async def tag(self, image_id: str, reference: Reference) -> None:
        """See ``ImageStore.tag``."""
        check_taggable(reference)
        async with self._changes:
            await to_end(self._tag(image_id, reference))

    async def _tag(self, image_id: str, reference: Reference) -> None:
        name, now_ns = self._name_put(reference, image_id), time.time_ns()
        if (index := self._catalog.index(image_id)) is not None:
            index = index.tagged(now_ns)
            await self._store.commit(self._index_put(index), name)
            self._catalog.put_index(index)
        else:
            image = replace(self._catalog.get(image_id), last_tagged_ns=now_ns)
            await self._store.commit(self._image_put(image), name)
            self._catalog.put(image)
        self._catalog.set_name(reference, image_id)

    async def tag_digest(self, image_id: str, reference: Reference) -> None:
        """See ``ImageStore.tag_digest``."""
        async with self._changes:
            if not self._catalog.knows(image_id):
                raise NotFoundError(f"No such image: {image_id}")
            if self._catalog.named(reference) != image_id:
                await to_end(self._tag_digest(image_id, reference))

    async def _tag_digest(self, image_id: str, reference: Reference) -> None:
        await self._store.commit(self._name_put(reference, image_id))
        self._catalog.set_name(reference, image_id)

    async def untag(self, reference: Reference) -> None:
        """See ``ImageStore.untag``."""
        async with self._changes:
            await to_end(self._untag(reference))

    async def _untag(self, reference: Reference) -> None:
        await self._store.commit(Delete(self._kinds.tag, str(canonical(reference))))
        self._catalog.remove_name(reference)

    async def delete(self, name: str, users: Sequence[ImageUser], *, force: bool, prune: bool) -> Removal:
        """See ``ImageStore.delete``."""
        return await to_end(self._delete(name, users, force, prune))

    async def _delete(self, name: str, users: Sequence[ImageUser], force: bool, prune: bool) -> Removal:
        from scow.image.deletion import plan_deletion

        async with self._changes:
            target = self._catalog.find(name).target
            index = self._catalog.index(target)
            if index is not None:  # whoever uses a variant uses it
                users = [replace(it, image_id=target) for it in users if it.image_id in index.image_ids]
            plan = plan_deletion(name, target, self._catalog, users, force=force, prune=prune)
            if index is not None and plan.delete:
                plan.delete = self._catalog.only_of(index)
                plan.steps += [("deleted", image_id) for image_id in plan.delete]
                removed = await self._remove(plan, index)
            else:
                removed = await self._remove(plan, None)
        gone = await self._holds.let_go([image.chain_id for image in removed])
        return Removal((*plan.steps, *(("deleted", layer.chain_id) for layer in gone)))

    async def _remove(self, plan: "Plan", index: Platforms | None) -> list[Image]:
        """Names and images, ``index`` too; the images that are gone, whose layers are held still."""
        changes: list[Change] = [Delete(self._kinds.tag, str(it)) for it in plan.untag]
        changes += [Delete(self._kinds.index, index.id)] if index is not None else []
        changes += [Delete(self._kinds.image, it) for it in plan.delete]
        await self._store.commit(*changes)
        for reference in plan.untag:
            self._catalog.remove_name(reference)
        if index is not None:
            self._catalog.remove_index(index.id)
        return await self._take_out(plan.delete)

    async def delete_variants(self, target: str, image_ids: Collection[str]) -> Removal:
        """See ``ImageStore.delete_variants``."""
        return await to_end(self._delete_variants(target, image_ids))

    async def _delete_variants(self, target: str, image_ids: Collection[str]) -> Removal:
        async with self._changes:
            index = self._catalog.index(target)
            if index is None:
                raise NotFoundError(f"No such image: {target}")
            going = [it for it in self._catalog.only_of(index) if it in image_ids]
            left = index.without(image_ids)
            await self._store.commit(self._index_put(left), *(Delete(self._kinds.image, it) for it in going))
            self._catalog.put_index(left)
            removed = await self._take_out(going)
        await self._holds.let_go([image.chain_id for image in removed])
        return Removal(tuple(("deleted", it.manifest) for it in index.here if it.image_id in image_ids))

    async def _take_out(self, image_ids: Sequence[str]) -> list[Image]:
        """Out of memory; configs under the lock, for the same image may be on its way in again."""
        removed = [self._catalog.remove(it) for it in image_ids]
        for image in removed:
            await run_to_end(self._content.remove, image.id)
        return removed

    def _image_put(self, image: Image) -> Put:
        record = ImageRecord(parent=image.parent, last_tagged_ns=image.last_tagged_ns)
        return Put(self._kinds.image, image.id, msgspec.json.encode(record))

    def _index_put(self, index: Platforms) -> Put:
        return Put(self._kinds.index, index.id, msgspec.json.encode(index.record))

    def _name_put(self, reference: Reference, image_id: str) -> Put:
        return Put(self._kinds.tag, str(canonical(reference)), image_id.encode())
