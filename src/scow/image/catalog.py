"""All images of a store in memory: by id, by name, by parent. Changed on the event loop only."""

from collections.abc import Iterator
from dataclasses import replace

from scow.errors import NotFoundError
from scow.image.model import Image
from scow.image.names import IdIndex, NameIndex, find_image
from scow.spec.reference import Reference


class Catalog:
    """Every ``Image`` in here carries its current names."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
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
        return self._images[find_image(text, self._names, self._ids)]

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
        parent = self._images[image_id].parent
        return parent if parent in self._images else None

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
        references = self._names.references(image_id)
        self._images[image_id] = replace(
            self._images[image_id],
            repo_tags=tuple(it.familiar() for it in references if not it.digest),
            repo_digests=tuple(it.familiar() for it in references if it.digest),
        )
