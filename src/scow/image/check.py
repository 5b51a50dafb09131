"""Is everything there that should be, whole, and nothing else? For ``system check``, while the engine works.

    database     the file itself
    record       a document without what it tells of: an image that start-up left out, a name of no image
    directory    a snapshot, recipe or config on disk that no record has, and nobody is making or removing
    config       an image's config is not what its digest says
    layer        its directory is gone, or its tar does not come out as its diff id says

Repairing removes what is not whole, so that pulling or loading it again brings it back: records, directories,
and images that stand on a damaged layer. What a container stands on is told and left.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from scow import tasks
from scow.errors import IntegrityError, ScowError
from scow.image.model import Image
from scow.image.parts import StoreParts
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.store import Delete


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: ``kind`` as in the module, ``subject`` its id, name or path."""

    kind: str
    subject: str
    detail: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at; ``size`` in bytes of layers' tars."""

    images: int
    layers: int
    size: int


Remover = Callable[..., Awaitable[object]]
_Removal = tuple[str, str, Callable[[], None]]


class ImageCheck:
    """One walk. ``remove`` is the image store's ``delete``."""

    def __init__(self, parts: StoreParts, remove: Remover, *, repair: bool) -> None:
        self._parts = parts
        self._remove = remove
        self._repair = repair

    async def run(self) -> AsyncGenerator[Finding | Checked, None]:
        """Findings as they are made, and the sum."""
        for text in await tasks.run_blocking(self._parts.store.damage):
            yield Finding("database", "scow.db", text)
        images = len(list(self._parts.catalog))
        async for finding in self._configs():
            yield finding
        count = size = 0
        for chain_id in list(self._parts.layers.records()):
            if chain_id in self._parts.layers:
                count += 1
                found, layer_size = await self._layer(chain_id)
                size += layer_size
                if found is not None:
                    yield found
        # Last: what became of the above is in here.
        async for finding in self._records():
            yield finding
        async for finding in self._directories():
            yield finding
        yield Checked(images, count, size)

    async def _configs(self) -> AsyncGenerator[Finding, None]:
        for image in list(self._parts.catalog):
            try:
                await tasks.run_blocking(self._parts.content.get, image.id)
            except (OSError, IntegrityError) as exc:
                if image.id in self._parts.catalog:
                    repaired = await self._remove_images([image])
                    yield Finding("config", image.id, str(exc), repaired)

    async def _layer(self, chain_id: str) -> tuple[Finding | None, int]:
        """Read one layer, which is held meanwhile."""
        layers = self._parts.layers
        layers.hold(chain_id)
        try:
            return None, await run_to_end(layers.verify, chain_id)
        except ScowError as exc:
            error = exc
        finally:
            await self._parts.holds.let_go([chain_id])
        repaired = await self._remove_layer(chain_id)
        users = "" if repaired or not self._repair else "; a container or a build stands on it"
        return Finding("layer", chain_id, f"{error.message}{users}", repaired), 0

    async def _remove_layer(self, chain_id: str) -> bool:
        """Remove what stands on a layer; whether it is gone with that."""
        if not self._repair or any(self._stands_on(it, chain_id) for it in self._container_stacks()):
            return False
        roots = [name for name, top in self._parts.roots.all().items() if self._stands_on(top, chain_id)]
        await self._parts.roots.drop(roots)
        standing = [it for it in self._parts.catalog if self._stands_on(it.chain_id, chain_id)]
        await self._remove_images(standing)
        return chain_id not in self._parts.layers

    async def _remove_images(self, images: list[Image]) -> bool:
        """Those that were made from others first."""
        if not self._repair or any(it.chain_id in self._container_stacks() for it in images):
            return False
        lost = {image.id for image in images}
        indexes = [it.id for it in self._parts.catalog.indexes() if not lost.isdisjoint(it.image_ids)]
        by_depth = sorted(images, key=lambda it: len(it.layers), reverse=True)
        for target in [*indexes, *(image.id for image in by_depth)]:
            if not self._parts.catalog.knows(target):
                continue  # went with the image of several platforms
            try:
                await self._remove(target, force=True, prune=False)
            except ScowError:
                return False
        return True

    def _container_stacks(self) -> set[str | None]:
        return set(self._parts.rootfs.stacks().values())

    def _stands_on(self, top: str | None, chain_id: str) -> bool:
        records = self._parts.layers.records()
        while top is not None and top != chain_id:
            record = records.get(top)
            top = record.parent if record else None
        return top == chain_id

    async def _records(self) -> AsyncGenerator[Finding, None]:
        """Documents that nothing in memory stands for."""
        # Under the lock: what is stored comes into memory later. After an empty change: what has left memory
        # has been deleted by then.
        async with self._parts.changes:
            await self._parts.store.commit()
            lost = await self._lost_records()
            if self._repair:
                await self._parts.store.commit(*(Delete(kind, key) for kind, key in lost))
        for kind, key in lost:
            what = kind.rpartition("/")[2]
            yield Finding("record", key, f"{what} is in the database only", self._repair)

    async def _lost_records(self) -> list[tuple[str, str]]:
        kinds, parts = self._parts.kinds, self._parts
        wanted = (kinds.image, kinds.tag, kinds.layer, kinds.root, kinds.init, kinds.index)
        known = set(self._known_records())
        stored = await tasks.run_blocking(parts.store.read, *wanted)
        # What left memory meanwhile was there before, what came is there now.
        known.update(self._known_records())
        moving = {
            (kinds.init, key) for key, body in stored[kinds.init] if body.decode() in parts.layers.moving
        }
        found = {(kind, key) for kind in wanted for key, _ in stored[kind]}
        return sorted(found - known - moving)

    def _known_records(self) -> Iterator[tuple[str, str]]:
        """Kinds and keys of all that is in memory."""
        kinds, parts = self._parts.kinds, self._parts
        for image in parts.catalog:
            yield kinds.image, image.id
            for name in parts.catalog.references(image.id):
                yield kinds.tag, str(name)
        for index in parts.catalog.indexes():
            yield kinds.index, index.id
            for name in parts.catalog.references(index.id):
                yield kinds.tag, str(name)
        yield from ((kinds.layer, chain_id) for chain_id in parts.layers.records())
        yield from ((kinds.root, name) for name in parts.roots.all())
        yield from ((kinds.init, chain_id or "none") for chain_id in parts.rootfs.init_snapshots())

    async def _directories(self) -> AsyncGenerator[Finding, None]:
        before = {name for name, _, _ in await self._lost()}
        if not before:
            return
        # Again, for what was being made and not yet recorded at the first look. A config lies there before
        # its image is recorded, under the lock.
        async with self._parts.changes:
            lost = [it for it in await self._lost() if it[0] in before]
            for _, _, remove in lost:
                if self._repair:
                    await run_to_end(remove)
        for name, detail, _ in lost:
            yield Finding("directory", name, detail, self._repair)

    async def _lost(self) -> list[_Removal]:
        found = await tasks.run_blocking(lambda: list(self._on_disk()))
        known = self._known()
        return [removal for owner, removal in found if owner not in known]

    def _on_disk(self) -> "Iterator[tuple[str, _Removal]]":
        """All there is: whose it is, and what to say and do if that is nobody."""
        parts = self._parts
        for name, snapshot in parts.driver.lost(set()):
            remove = partial(parts.driver.remove_lost, name)
            yield snapshot, (name, "no record has this snapshot", remove)
        for folder in parts.layers.lost_recipes(()):
            yield folder.name, (str(folder), "no record has this recipe", partial(remove_path, str(folder)))
        for path in parts.content.lost(()):
            yield f"sha256:{path.name}", (str(path), "no image has this config", path.unlink)

    def _known(self) -> set[str]:
        """Snapshots and configs that somebody has."""
        parts = self._parts
        known = {record.snapshot for record in parts.layers.records().values()}
        known.update(parts.rootfs.init_snapshots().values(), parts.rootfs.stacks(), parts.layers.moving)
        known.update(image.id for image in parts.catalog)
        return known
