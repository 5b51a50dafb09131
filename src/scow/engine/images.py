"""The image nouns of the API, over the image store: views, deletion with containers in mind, events."""

import fnmatch
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from scow.engine.events import EventBus
from scow.engine.image_layers import chain_sizes, shared_sizes
from scow.engine.manifest_summaries import manifest_summary
from scow.engine.prune_filters import read_switch
from scow.engine.timestamps import parse_past, parse_rfc3339, rfc3339
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError
from scow.image.imported import ImportRequest
from scow.image.model import Image, ImageUser, LayerProgress, Loaded, LoadEvent, Renamed
from scow.image.store import ImageStore
from scow.spec.digest import short
from scow.spec.engine_api.container_views import GraphDriver
from scow.spec.engine_api.image import (
    HistoryItem,
    ImageDeleteItem,
    ImageInspect,
    ImageMetadata,
    ImageSummary,
    ManifestSummary,
    RootFS,
)
from scow.spec.filters import Filters
from scow.spec.platform import Platform, parse_image_platform
from scow.spec.reference import Reference, parse_reference

MISSING = "<missing>"
_FILTERS = ("before", "dangling", "label", "reference", "since", "until")


class Images:
    """What ``routes/images.py`` calls. ``users`` gives the containers made from images."""

    def __init__(self, store: ImageStore, events: EventBus, users: Callable[[], Iterable[ImageUser]]) -> None:
        self._store = store
        self._events = events
        self._users = users

    async def inspect(
        self, name: str, platform: Platform | None = None, *, manifests: bool = False
    ) -> ImageInspect:
        """One image; of one for several platforms the variant for the host, or for ``platform``.

        Raises NotFoundError.
        """
        image = self._found(name, platform)
        summaries = self._manifests(image) if manifests else []
        return ImageInspect(
            id=image.target,
            manifests=summaries or msgspec.UNSET,
            repo_tags=list(image.repo_tags),
            repo_digests=list(image.repo_digests),
            parent=image.parent or "",
            comment=image.comment,
            created=image.created,
            docker_version=image.docker_version,
            author=image.author,
            config=image.config,
            architecture=image.architecture,
            variant=image.variant or msgspec.UNSET,
            os=image.os,
            os_version=image.os_version or msgspec.UNSET,
            size=image.size,
            graph_driver=GraphDriver(name=self._store.driver_name, data=self._store.graph_data(image.id)),
            root_fs=RootFS(type="layers", layers=list(image.layers) or msgspec.UNSET),
            metadata=ImageMetadata(last_tag_time=rfc3339(image.last_tagged_ns)),
        )

    def _found(self, name: str, platform: Platform | None) -> Image:
        image = self._store.resolve(name)
        return image if platform is None else self._store.for_platform(image, platform)

    def _manifests(self, image: Image) -> list[ManifestSummary]:
        """Those of an image of several platforms; there are none of another."""
        users = list(self._users())
        here = {record.image_id: variant for variant, record in self._store.variants(image)}
        return [
            manifest_summary(
                here.get(record.image_id),
                record,
                [it.container_id for it in users if it.image_id == record.image_id],
            )
            for record in self._store.variant_records(image)
        ]

    async def history(self, name: str, platform: Platform | None = None) -> list[HistoryItem]:
        """The steps that made an image, newest first. Raises NotFoundError."""
        image = self._found(name, platform)
        sizes = iter(image.layer_sizes)
        items = [
            HistoryItem(
                id=MISSING,
                created=parse_rfc3339(step.created) // 1_000_000_000 if step.created else 0,
                created_by=step.created_by,
                tags=None,
                size=0 if step.empty_layer else next(sizes, 0),
                comment=step.comment,
            )
            for step in image.history
        ][::-1]
        self._name_steps(image, items)
        return items

    def _name_steps(self, image: Image, items: Iterable[HistoryItem]) -> None:
        """Ids and tags of the images that the steps left here; further down they are missing."""
        for item in items:
            item.id, item.tags = image.id, list(image.repo_tags) or None
            if not image.parent:
                return
            try:
                image = self._store.get(image.parent)
            except NotFoundError:
                return

    async def tag(self, name: str, repo: str, tag: str) -> None:
        """Give an image a further name. Raises NotFoundError, InvalidArgumentError."""
        image = self._store.resolve(name)
        reference = _target(repo, tag)
        await self._store.tag(image.target, reference)
        self.tell(image.target, "tag", reference.familiar())

    async def delete(
        self, name: str, force: bool, noprune: bool, platforms: Sequence[Platform] = ()
    ) -> list[ImageDeleteItem]:
        """Take a name away, and the image with its last one. Raises NotFoundError, ConflictError.

        ``platforms`` are the variants of it that go; with the last that is here, the image goes.
        """
        image = self._store.resolve(name)
        variants = {self._variant_to_delete(image, platform) for platform in platforms}
        here = {it.id for it, _ in self._store.variants(image)}
        if variants and here and variants != here:
            return await self._delete_variants(name, image, variants, force)
        labels = image.config.labels or {}
        known = {it.target for it in self._store.shown()}
        removal = await self._store.delete(name, force=force, prune=not noprune, users=list(self._users()))
        items = []
        for kind, value in removal.steps:
            if kind == "untagged":
                items.append(ImageDeleteItem(untagged=value))
                self._events.publish("image", "untag", image.target, {**labels, "name": image.target})
            else:
                items.append(ImageDeleteItem(deleted=value))
                if value in known:  # and not a layer
                    self.tell(value, "delete", value)
        return items

    def _variant_to_delete(self, image: Image, platform: Platform) -> str:
        try:
            return self._store.for_platform(image, platform).id
        except NotFoundError as exc:
            raise NotFoundError(
                f"failed to delete platform {platform} for image {image.target}: {exc.message}"
            ) from exc

    async def _delete_variants(
        self, name: str, image: Image, variants: set[str], force: bool
    ) -> list[ImageDeleteItem]:
        for user in self._users():
            if not force and user.image_id in variants:
                raise ConflictError(
                    f"conflict: unable to delete {name} (must be forced) - container "
                    f"{user.container_id[:12]} is using its referenced image {short(image.target)}"
                )
        removal = await self._store.delete_variants(image, variants)
        return [ImageDeleteItem(deleted=manifest) for _, manifest in removal.steps]

    async def save(self, names: Sequence[str], platform: Platform | None = None) -> AsyncIterator[bytes]:
        """An archive of images, streamed. Raises NotFoundError, InvalidArgumentError before it begins."""
        images = self._store.to_save(names)
        if platform is not None:
            images = {
                self._store.for_platform(self._store.resolve(target), platform).id: found
                for target, found in images.items()
            }
        for image_id in images:
            self.tell(image_id, "save", image_id)
        return self._store.save(images)

    async def load(
        self, chunks: AsyncIterator[bytes], quiet: bool, platform: Platform | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Take in an archive; a failure half-way is the last object of the stream."""
        return self._load(chunks, quiet, platform)

    async def _load(
        self, chunks: AsyncIterator[bytes], quiet: bool, platform: Platform | None
    ) -> AsyncIterator[dict[str, Any]]:
        told: set[str] = set()
        async for event in self._store.load(chunks, platform):
            if isinstance(event, LayerProgress) and quiet:
                continue
            yield _load_message(event)
            if isinstance(event, Loaded) and event.image_id not in told:
                told.add(event.image_id)
                self.tell(event.image_id, "load", event.image_id)

    async def import_(
        self,
        chunks: AsyncIterator[bytes],
        *,
        repo: str,
        tag: str,
        message: str,
        changes: list[str],
        platform: str,
    ) -> AsyncIterator[dict[str, Any]]:
        """Make an image of one layer from an archive of a root file system, before anything is told.

        Raises InvalidArgumentError, ScowError.
        """
        reference = _target(repo, tag) if repo else None
        request = ImportRequest(
            reference, tuple(changes), message, parse_image_platform(platform) if platform else None
        )
        image = await self._store.import_rootfs(chunks, request)
        if reference:
            self.tell(image.id, "tag", reference.familiar())
        self.tell(image.id, "import", image.id)
        return _once({"status": image.id})

    def tell(self, image_id: str, action: str, name: str) -> None:
        """An event about an image, which may be gone."""
        try:
            labels = self._store.resolve(image_id).config.labels or {}
        except NotFoundError:
            labels = {}
        self._events.publish("image", action, image_id, {**labels, "name": name})

    async def list(
        self,
        *,
        all: bool,
        filters: Filters,
        shared_size: bool,
        digests: bool,
        manifests: bool = False,
    ) -> list[ImageSummary]:
        """Images that pass ``filters``, newest first; without ``all`` no intermediate ones."""
        del digests  # always part of the answer
        filters.check(*_FILTERS)
        dangling = read_switch(filters, "dangling", False) if "dangling" in filters else None
        images = self._store.shown()
        parts = {image.target: [it for it, _ in self._store.variants(image)] or [image] for image in images}
        parents = {image.parent for image in self._store.all() if image.parent}
        counts = Counter(user.image_id for user in self._users())
        shared = shared_sizes(parts) if shared_size else {}
        chosen = [
            image
            for image in images
            if (all or _has_names(image) or image.id not in parents)
            and (dangling is None or (not image.repo_tags if dangling else _has_names(image)))
            and self._passes(image, filters)
        ]
        chosen.sort(key=_created_ns, reverse=True)
        return [
            ImageSummary(
                id=image.target,
                parent_id=image.parent or "",
                repo_tags=_matching_names(image.repo_tags, filters),
                repo_digests=_matching_names(image.repo_digests, filters),
                created=_created_ns(image) // 1_000_000_000,
                size=sum(chain_sizes(parts[image.target]).values()),
                shared_size=shared.get(image.target, -1),
                labels=image.config.labels,
                containers=sum(counts[part.id] for part in parts[image.target]),
                manifests=(self._manifests(image) if manifests else []) or msgspec.UNSET,
            )
            for image in chosen
        ]

    def _passes(self, image: Image, filters: Filters) -> bool:
        if not filters.match_labels(image.config.labels or {}):
            return False
        names = (*image.repo_tags, *image.repo_digests)
        if "reference" in filters and not _matching_names(names, filters):
            return False
        created = _created_ns(image)
        if any(created >= _created_ns(self._store.resolve(name)) for name in filters.get("before")):
            return False
        if any(created <= _created_ns(self._store.resolve(name)) for name in filters.get("since")):
            return False
        return not any(created > parse_past(text, time.time_ns()) for text in filters.get("until"))


def _target(repo: str, tag: str) -> Reference:
    if not repo:
        raise InvalidArgumentError("invalid reference format")
    reference = parse_reference(f"{repo}:{tag}" if tag else repo)
    if reference.digest:
        raise InvalidArgumentError("refusing to create a tag with a digest reference")
    return reference


def _has_names(image: Image) -> bool:
    return bool(image.repo_tags or image.repo_digests)


def _created_ns(image: Image) -> int:
    return parse_rfc3339(image.created) if image.created else 0


def _matching_names(names: Iterable[str], filters: Filters) -> list[str]:
    """The names that a ``reference`` filter lets through: ``busybox``, ``busybox:1.*``, ``*/app``."""
    patterns = filters.get("reference")
    if not patterns:
        return list(names)
    return [name for name in names if any(_name_matches(name, pattern) for pattern in patterns)]


def _name_matches(name: str, pattern: str) -> bool:
    """As Docker's FamiliarMatch: a star does not cross a slash; a pattern without tag means every tag."""
    repository = name.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    return _glob(name, pattern) or _glob(repository, pattern)


def _glob(name: str, pattern: str) -> bool:
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _load_message(event: LoadEvent) -> dict[str, Any]:
    match event:
        case LayerProgress(diff_id, current, total):
            return {
                "status": "Loading layer",
                "progressDetail": {"current": current, "total": total},
                "id": diff_id.removeprefix("sha256:")[:12],
            }
        case Renamed(name, old_id):
            return {
                "stream": f"The image {name} already exists, renaming the old one with ID {old_id} to empty "
                "string\n"
            }
        case Loaded(image_id, None):
            return {"stream": f"Loaded image ID: {image_id}\n"}
        case Loaded(_, name):
            return {"stream": f"Loaded image: {name}\n"}


async def _once(item: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield item
