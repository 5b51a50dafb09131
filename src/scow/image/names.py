"""Which name means which image, in memory: the rules of ``docker tag`` and of finding an image.

A tag reference (``name:tag``) and a digest reference (``name@digest``) are both names. Names win over
ids; an id may be given whole, with or without ``sha256:``, or as a prefix that only one image has.
"""

from bisect import bisect_left
from collections.abc import Iterator

from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.digest import hex_of, is_sha256
from scow.spec.reference import Reference, parse_reference


class NameIndex:
    """References to image ids, and back."""

    def __init__(self) -> None:
        self._images: dict[Reference, str] = {}
        self._references: dict[str, set[Reference]] = {}

    def __iter__(self) -> Iterator[Reference]:
        return iter(self._images)

    def get(self, reference: Reference) -> str | None:
        """The image that ``reference`` names. With tag and digest the digest decides."""
        return self._images.get(canonical(reference))

    def references(self, image_id: str) -> list[Reference]:
        """All names of an image, in order."""
        return sorted(self._references.get(image_id, ()), key=str)

    def tags(self, repository: str) -> dict[Reference, str]:
        """Names with a tag in one repository, in order."""
        found = [it for it in self._images if it.tag and it.name == repository]
        return {it: self._images[it] for it in sorted(found, key=str)}

    def set(self, reference: Reference, image_id: str) -> None:
        """Point ``reference`` at ``image_id``, away from what it named before."""
        self.remove(reference)
        key = canonical(reference)
        self._images[key] = image_id
        self._references.setdefault(image_id, set()).add(key)

    def remove(self, reference: Reference) -> None:
        """Forget ``reference``; not an error when it is not known."""
        key = canonical(reference)
        image_id = self._images.pop(key, None)
        if image_id is not None:
            self._references[image_id].discard(key)
            if not self._references[image_id]:
                del self._references[image_id]


class IdIndex:
    """Image ids in order, to find one by a prefix."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def add(self, image_id: str) -> None:
        """Once for each image."""
        self._ids.insert(bisect_left(self._ids, image_id), image_id)

    def remove(self, image_id: str) -> None:
        """Raises ``IndexError`` if it is not there."""
        del self._ids[bisect_left(self._ids, image_id)]

    def find(self, prefix: str) -> str | None:
        """The id that begins with ``prefix``, ``sha256:`` optional; ``None`` if none or several do."""
        whole = prefix if prefix.startswith("sha256:") else f"sha256:{prefix}"
        if whole == "sha256:":
            return None
        at = bisect_left(self._ids, whole)
        found = self._ids[at : at + 2]
        if not found or not found[0].startswith(whole) or (len(found) == 2 and found[1].startswith(whole)):
            return None
        return found[0]


def canonical(reference: Reference) -> Reference:
    """The form that is stored: a digest makes the tag meaningless, and nothing at all means ``latest``."""
    if reference.digest:
        return Reference(reference.registry, reference.repository, None, reference.digest)
    return reference if reference.tag else reference.with_tag("latest")


def find_image(text: str, names: NameIndex, ids: IdIndex) -> str:
    """The id of the image that a person means by ``text``.

    Raises NotFoundError or InvalidArgumentError with Docker's messages.
    """
    if is_sha256(text) or is_sha256(f"sha256:{text}"):
        if (found := ids.find(text)) is not None:
            return found
        raise NotFoundError(f"No such image: sha256:{hex_of(text) or text}")
    reference = parse_reference(text)
    found = names.get(reference) or ids.find(text)
    if found is None:
        raise NotFoundError(f"No such image: {reference.familiar()}")
    return found


def is_id_prefix(image_id: str, text: str) -> bool:
    """Whether ``text`` is the beginning of the id, and so was not used as a name."""
    return image_id.startswith(text) or hex_of(image_id).startswith(text)


def check_taggable(reference: Reference) -> None:
    """Raises InvalidArgumentError for what ``docker tag`` refuses."""
    if reference.digest:
        raise InvalidArgumentError("refusing to create a tag with a digest reference")
    if reference.familiar_name == "sha256":
        raise InvalidArgumentError("refusing to create an ambiguous tag using digest algorithm as name")
