"""Which image a name, an id or a prefix means."""

import pytest

from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.names import IdIndex, NameIndex, check_taggable, find_image, is_id_prefix
from scow.spec.reference import parse_reference

ONE = "sha256:" + "ab12" + "0" * 60
TWO = "sha256:" + "ab34" + "0" * 60


@pytest.fixture
def store() -> tuple[NameIndex, IdIndex]:
    names, ids = NameIndex(), IdIndex()
    for image in (TWO, ONE):
        ids.add(image)
    names.set(parse_reference("app:1"), ONE)
    names.set(parse_reference("app@" + TWO), TWO)
    names.set(parse_reference("ab34"), ONE)
    return names, ids


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("app:1", ONE),
        ("docker.io/library/app:1", ONE),
        (ONE, ONE),
        (ONE[7:], ONE),
        ("ab12", ONE),
        ("sha256:ab12", ONE),
        (f"app@{TWO}", TWO),
        (f"app:1@{TWO}", TWO),
        ("ab34", ONE),  # a name wins over an id
        ("ab340", TWO),
    ],
)
def test_names_come_before_ids_and_ids_before_prefixes(
    store: tuple[NameIndex, IdIndex], text: str, image: str
) -> None:
    assert find_image(text, *store) == image


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "No such image: nope:latest"),
        ("app", "No such image: app:latest"),
        ("ab", "No such image: ab:latest"),  # two images begin so
        ("ff" * 32, "No such image: sha256:" + "ff" * 32),
        ("sha256:" + "ff" * 32, "No such image: sha256:" + "ff" * 32),
    ],
)
def test_what_means_nothing_or_too_much_is_not_found(
    store: tuple[NameIndex, IdIndex], text: str, message: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_image(text, *store)
    assert caught.value.message == message


def test_an_image_forgets_the_names_that_moved_on(store: tuple[NameIndex, IdIndex]) -> None:
    names, _ = store
    names.set(parse_reference("app:1"), TWO)
    assert [it.familiar() for it in names.references(ONE)] == ["ab34:latest"]
    assert [it.familiar() for it in names.references(TWO)] == ["app:1", f"app@{TWO}"]
    names.remove(parse_reference("app:1"))
    names.remove(parse_reference("app:1"))
    assert names.get(parse_reference("app:1")) is None


def test_ids_leave_the_index() -> None:
    ids = IdIndex()
    ids.add(ONE)
    ids.add(TWO)
    ids.remove(TWO)
    assert ids.find("ab") == ONE
    assert ids.find("") is None


def test_tags_may_not_look_like_digests() -> None:
    with pytest.raises(InvalidArgumentError, match="with a digest reference"):
        check_taggable(parse_reference(f"a@{ONE}"))
    with pytest.raises(InvalidArgumentError, match="ambiguous tag"):
        check_taggable(parse_reference("sha256:abc"))
    check_taggable(parse_reference("a:1"))


def test_an_id_given_with_or_without_its_algorithm_is_an_id() -> None:
    assert is_id_prefix(ONE, "ab1")
    assert is_id_prefix(ONE, "sha256:ab")
    assert not is_id_prefix(ONE, "app")
