"""What ``docker rmi`` does: a name, or the image with its names, its layers and its nameless parents.

Pure: looks at an image store through the few questions of ``View`` and says what has to go. Soft
conflicts (a stopped container, names in several repositories) yield to force; hard ones (a running
container, an image made from this one) do not. Docker's daemon/images/image_delete.go is the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scow.errors import ConflictError
from scow.image.model import ImageUser
from scow.image.names import canonical, is_id_prefix
from scow.spec.digest import short
from scow.spec.reference import Reference, parse_reference


class View(Protocol):
    """An image store as a deletion sees it."""

    def references(self, image_id: str) -> list[Reference]:
        """All names of an image."""

    def children(self, image_id: str) -> set[str]:
        """Images that say this one is their parent."""

    def parent(self, image_id: str) -> str | None:
        """The image that this one was made from, if it is here."""

    def is_variant(self, image_id: str) -> bool:
        """Whether it is part of an image of several platforms, which would lack it."""


@dataclass(slots=True)
class Plan:
    """What goes, in order; ``steps`` pairs each with the familiar name or the id."""

    untag: list[Reference] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)


def plan_deletion(
    text: str,
    image_id: str,
    view: View,
    users: Sequence[ImageUser],
    *,
    force: bool,
    prune: bool,
) -> Plan:
    """Plan the removal of ``text``, which was found to mean ``image_id``. Raises ConflictError.

    ``prune`` also removes parents that nothing else needs.
    """
    return _Deletion(view, users).run(text, image_id, force, prune)


class _Deletion:
    def __init__(self, view: View, users: Sequence[ImageUser]) -> None:
        self._view = view
        self._users = users
        self._plan = Plan()

    def run(self, text: str, image_id: str, force: bool, prune: bool) -> Plan:
        if is_id_prefix(image_id, text):
            self._by_id(image_id, force)
            self._image(image_id, force=force, prune=prune, quiet=False)
        elif self._by_name(text, image_id, force):
            self._image(image_id, force=force, prune=prune, quiet=True)
        return self._plan

    def _by_name(self, text: str, image_id: str, force: bool) -> bool:
        """Remove one name; True if it was the last."""
        users = [user for user in self._users if user.image_id == image_id]
        if not force and users and _single_reference(self._references(image_id)):
            raise ConflictError(
                f'conflict: unable to remove repository reference "{text}" (must force) - container '
                f"{users[0].container_id[:12]} is using its referenced image {short(image_id)}"
            )
        reference = canonical(parse_reference(text))
        self._untag(reference)
        left = self._references(image_id)
        if not reference.digest and not any(it.name == reference.name and it.tag for it in left):
            # The last tag takes the digests of its repository along.
            for orphan in [it for it in left if it.name == reference.name]:
                self._untag(orphan)
        return not self._references(image_id)

    def _by_id(self, image_id: str, force: bool) -> None:
        references = self._references(image_id)
        if _single_reference(references):
            self._check(image_id, force=force, names_matter=False)
            for reference in references:
                self._untag(reference)

    def _image(self, image_id: str, *, force: bool, prune: bool, quiet: bool) -> None:
        conflict = self._conflict(image_id, force=force, names_matter=True)
        if conflict is not None:
            dangling = not self._references(image_id) and not self._children(image_id)
            if quiet and (not dangling or conflict.used):
                return
            raise conflict.error(image_id)
        parent = self._view.parent(image_id)
        for reference in self._references(image_id):
            self._untag(reference)
        self._plan.delete.append(image_id)
        self._plan.steps.append(("deleted", image_id))
        if prune and parent is not None:
            self._image(parent, force=False, prune=True, quiet=True)

    def _check(self, image_id: str, *, force: bool, names_matter: bool) -> None:
        conflict = self._conflict(image_id, force=force, names_matter=names_matter)
        if conflict is not None:
            raise conflict.error(image_id)

    def _conflict(self, image_id: str, *, force: bool, names_matter: bool) -> "_Conflict | None":
        if self._children(image_id):
            return _Conflict("image has dependent child images", hard=True)
        if self._view.is_variant(image_id):
            return _Conflict("image is a variant of an image of several platforms", hard=True, used=True)
        users = [user for user in self._users if user.image_id == image_id]
        for user in users:
            if user.running:
                text = f"image is being used by running container {user.container_id[:12]}"
                return _Conflict(text, hard=True, used=True)
        if force:
            return None
        if names_matter and self._references(image_id):
            return _Conflict("image is referenced in multiple repositories")
        if users:
            text = f"image is being used by stopped container {users[0].container_id[:12]}"
            return _Conflict(text, used=True)
        return None

    def _untag(self, reference: Reference) -> None:
        self._plan.untag.append(reference)
        self._plan.steps.append(("untagged", reference.familiar()))

    def _references(self, image_id: str) -> list[Reference]:
        return [it for it in self._view.references(image_id) if it not in self._plan.untag]

    def _children(self, image_id: str) -> set[str]:
        return self._view.children(image_id).difference(self._plan.delete)


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Why an image stays; ``hard``: whatever the force."""

    reason: str
    hard: bool = False
    used: bool = False

    def error(self, image_id: str) -> ConflictError:
        way = "cannot be forced" if self.hard else "must be forced"
        return ConflictError(f"conflict: unable to delete {short(image_id)} ({way}) - {self.reason}")


def _single_reference(references: list[Reference]) -> bool:
    """Whether there is at most one tag, and all names are of one repository. False for none at all."""
    tags = [it for it in references if it.tag]
    return len({it.name for it in references}) == 1 and len(tags) <= 1
