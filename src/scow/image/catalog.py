"""All images of a store in memory: by id, by name, by parent. Changed on the event loop only.

A name points at an image, or at an image of several platforms; of the latter, what is found is the variant
for the host. Variants are images like all others, but for the names, which they need not have.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from scow.errors import NotFoundError
from scow.image.model import Image
from scow.image.names import IdIndex, NameIndex, find_image
from scow.image.platforms import Platforms
from scow.spec.platform import Platform, rank
from scow.spec.reference import Reference


class Catalog:
    """Every ``Image`` in here carries its current names."""

    def __init__(self, host: Platform) -> None:
        self._host = host
        self._images: dict[str, Image] = {}
        self._indexes: dict[str, Platforms] = {}
        self._variants: Counter[str] = Counter()
        self._children: dict[str, set[str]] = {}
        self._names = NameIndex()
        self._ids = IdIndex()

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._images

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images.values())

    def get(self, image_id: str) -> Image:
        """Raises NotFoundError."""
        try:
            return self._images[image_id]
        except KeyError:
            raise NotFoundError(f"No such image: {image_id}") from None

    def find(self, text: str) -> Image:
        """What a person means by ``text``. Raises NotFoundError, InvalidArgumentError."""
        found = find_image(text, self._names, self._ids)
        return self._for_host(self._indexes[found]) if found in self._indexes else self._images[found]

    def knows(self, target: str) -> bool:
        """Whether something is here that a name may point at."""
        return target in self._images or target in self._indexes

    def index(self, target: str) -> Platforms | None:
        """The image of several platforms with this id."""
        return self._indexes.get(target)

    def indexes(self) -> list[Platforms]:
        """All images of several platforms."""
        return list(self._indexes.values())

    def shown(self) -> list[Image]:
        """What people see: each image of several platforms once; its variants only if they have own names."""
        return [self._for_host(index) for index in self._indexes.values()] + [
            image
            for image in self._images.values()
            if not self.is_variant(image.id) or image.repo_tags or image.repo_digests
        ]

    def is_variant(self, image_id: str) -> bool:
        """Whether an image of several platforms has this one."""
        return self._variants[image_id] > 0

    def variants(self, index: Platforms) -> list[Image]:
        """The variants as they are by themselves, in order."""
        return [self._images[image_id] for image_id in index.image_ids]

    def variant(self, index: Platforms, wanted: Platform) -> Image | None:
        """The variant for exactly this platform, with the names of the whole."""
        at = index.best_for(wanted)
        if at is None or rank(wanted, index.here[at].platform) != 0:
            return None
        return self._seen_as(index, self.variants(index)[at])

    def _for_host(self, index: Platforms) -> Image:
        """Without one for the host, the first."""
        return self._seen_as(index, self.variants(index)[index.best_for(self._host) or 0])

    def _seen_as(self, index: Platforms, variant: Image) -> Image:
        tags, digests = self._shown_names(index.id)
        return replace(
            variant,
            index_id=index.id,
            repo_tags=tags,
            repo_digests=digests,
            last_tagged_ns=index.record.last_tagged_ns,
        )

    def only_of(self, index: Platforms) -> list[str]:
        """Variants that nothing else keeps: no name, no other index, no image made of them."""
        return [
            image_id
            for image_id in index.image_ids
            if self._variants[image_id] == 1
            and not self._names.references(image_id)
            and not self._children.get(image_id)
        ]

    def put_index(self, index: Platforms) -> None:
        """Add an image of several platforms, whose variants are here, or replace what is known of it."""
        known = self._indexes.get(index.id)
        if known is None:
            self._ids.add(index.id)
        else:
            self._variants.subtract(known.image_ids)
        self._variants.update(index.image_ids)
        self._indexes[index.id] = index

    def remove_index(self, index_id: str) -> Platforms:
        """Take out an image of several platforms that has no names any more; its variants stay."""
        index = self._indexes.pop(index_id)
        self._ids.remove(index_id)
        self._variants.subtract(index.image_ids)
        return index

    def named(self, reference: Reference) -> str | None:
        """The id of the image that has this name."""
        return self._names.get(reference)

    def references(self, image_id: str) -> list[Reference]:
        """All names of an image, in order."""
        return self._names.references(image_id)

    def tags(self, repository: str) -> dict[Reference, str]:
        """The tags of one repository ("docker.io/library/busybox") and the images they name."""
        return self._names.tags(repository)

    def children(self, image_id: str) -> set[str]:
        """Images that say this one is their parent."""
        return set(self._children.get(image_id, ()))

    def parent(self, image_id: str) -> str | None:
        """The image that this one was made from, if it is here."""
        image = self._images.get(image_id)
        return image.parent if image is not None and image.parent in self._images else None

    def put(self, image: Image) -> None:
        """Add an image, or replace what is known of it."""
        if image.id not in self._images:
            self._ids.add(image.id)
        self._images[image.id] = image
        if image.parent is not None:
            self._children.setdefault(image.parent, set()).add(image.id)
        self._show_names(image.id)

    def remove(self, image_id: str) -> Image:
        """Take out an image that has no names any more."""
        image = self._images.pop(image_id)
        self._ids.remove(image_id)
        if image.parent is not None:
            siblings = self._children[image.parent]
            siblings.discard(image_id)
            if not siblings:
                del self._children[image.parent]
        return image

    def set_name(self, reference: Reference, image_id: str) -> None:
        """Give ``image_id`` a name, taking it from whatever had it."""
        before = self._names.get(reference)
        self._names.set(reference, image_id)
        for changed in {before, image_id} - {None}:
            self._show_names(changed)

    def remove_name(self, reference: Reference) -> None:
        """Not an error when nothing has it."""
        before = self._names.get(reference)
        self._names.remove(reference)
        self._show_names(before)

    def _show_names(self, image_id: str | None) -> None:
        if image_id not in self._images:
            return
        tags, digests = self._shown_names(image_id)
        self._images[image_id] = replace(self._images[image_id], repo_tags=tags, repo_digests=digests)

    def _shown_names(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tags, and digests."""
        references = self._names.references(target)
        return (
            tuple(it.familiar() for it in references if not it.digest),
            tuple(it.familiar() for it in references if it.digest),
        )
