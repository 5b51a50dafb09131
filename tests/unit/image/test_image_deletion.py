"""``docker rmi`` as a plan: names, conflicts, force, parents."""

from dataclasses import dataclass, field

import pytest

from scow.errors import ConflictError
from scow.image.deletion import plan_deletion
from scow.image.model import ImageUser
from scow.spec.reference import Reference, parse_reference

ID = "sha256:" + "1" * 64
BASE = "sha256:" + "2" * 64
DIGEST = "sha256:" + "d" * 64
BOX = "c" * 64


@dataclass
class Images:
    names: dict[str, list[str]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def references(self, image_id: str) -> list[Reference]:
        return [parse_reference(name) for name in self.names.get(image_id, [])]

    def children(self, image_id: str) -> set[str]:
        return {child for child, parent in self.parents.items() if parent == image_id}

    def is_variant(self, image_id: str) -> bool:
        return False

    def parent(self, image_id: str) -> str | None:
        return self.parents.get(image_id)


def plan(
    text: str, images: Images, *users: ImageUser, force: bool = False, prune: bool = True
) -> list[tuple[str, str]]:
    return plan_deletion(text, ID, images, users, force=force, prune=prune).steps


def conflict(text: str, images: Images, *users: ImageUser, force: bool = False) -> str:
    with pytest.raises(ConflictError) as caught:
        plan(text, images, *users, force=force)
    return caught.value.message


STOPPED = ImageUser(BOX, ID, running=False)
RUNNING = ImageUser(BOX, ID, running=True)


def test_one_of_several_names_is_only_untagged() -> None:
    assert plan("a:1", Images({ID: ["a:1", "b:1"]})) == [("untagged", "a:1")]


def test_the_last_name_takes_the_image_along() -> None:
    assert plan("a:1", Images({ID: ["a:1"]})) == [("untagged", "a:1"), ("deleted", ID)]


def test_the_last_tag_takes_the_digests_of_its_repository_along() -> None:
    images = Images({ID: ["a:1", f"a@{DIGEST}"]})
    assert plan("a:1", images) == [("untagged", "a:1"), ("untagged", f"a@{DIGEST}"), ("deleted", ID)]
    images = Images({ID: ["a:1", f"b@{DIGEST}"]})
    assert plan("a:1", images) == [("untagged", "a:1")]


def test_an_id_with_one_tag_is_untagged_and_deleted() -> None:
    assert plan("111", Images({ID: ["a:1"]})) == [("untagged", "a:1"), ("deleted", ID)]
    assert plan("111", Images()) == [("deleted", ID)]


def test_an_id_with_several_names_needs_force() -> None:
    images = Images({ID: ["a:1", "b:1"]})
    assert conflict(ID, images) == (
        "conflict: unable to delete 111111111111 (must be forced) - "
        "image is referenced in multiple repositories"
    )
    assert plan(ID, images, force=True) == [("untagged", "a:1"), ("untagged", "b:1"), ("deleted", ID)]


def test_a_stopped_container_needs_force() -> None:
    images = Images({ID: ["a:1"]})
    assert conflict("a:1", images, STOPPED) == (
        'conflict: unable to remove repository reference "a:1" (must force) - '
        "container cccccccccccc is using its referenced image 111111111111"
    )
    assert conflict("111", images, STOPPED) == (
        "conflict: unable to delete 111111111111 (must be forced) - "
        "image is being used by stopped container cccccccccccc"
    )
    assert plan("a:1", images, STOPPED, force=True) == [("untagged", "a:1"), ("deleted", ID)]


def test_a_running_container_keeps_the_image_even_from_force() -> None:
    images = Images({ID: ["a:1"]})
    assert conflict("111", images, RUNNING, force=True) == (
        "conflict: unable to delete 111111111111 (cannot be forced) - "
        "image is being used by running container cccccccccccc"
    )
    assert plan("a:1", images, RUNNING, force=True) == [("untagged", "a:1")]


def test_a_child_keeps_its_parent() -> None:
    images = Images({ID: ["a:1"]}, {BASE: ID})
    assert conflict("111", images, force=True) == (
        "conflict: unable to delete 111111111111 (cannot be forced) - image has dependent child images"
    )
    assert plan("a:1", images) == [("untagged", "a:1")]


def test_parents_without_names_go_along_unless_told_not_to() -> None:
    images = Images({ID: ["a:1"]}, {ID: BASE})
    assert plan("a:1", images)[-2:] == [("deleted", ID), ("deleted", BASE)]
    assert plan("a:1", images, prune=False)[-1] == ("deleted", ID)
    named = Images({ID: ["a:1"], BASE: ["base:1"]}, {ID: BASE})
    assert plan("a:1", named)[-1] == ("deleted", ID)
    used = plan("a:1", images, ImageUser(BOX, BASE, running=False))
    assert used[-1] == ("deleted", ID)
