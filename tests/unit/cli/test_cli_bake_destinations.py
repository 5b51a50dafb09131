"""``--push`` and ``--load`` on top of what targets say of their results, and other words of ``--set``."""

import pytest

from scow.cli.bake.destinations import loaded, pushed
from scow.cli.bake.overrides import overridden, parse_overrides
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("outputs", "wanted", "expected"),
    [
        ([], True, ["type=image,push=true"]),
        (["type=docker"], True, ["type=docker", "type=image,push=true"]),
        (["type=image,name=x"], True, ["type=image,name=x,push=true"]),
        (["type=image,push=false"], True, ["type=image,push=true"]),
        (["type=local,dest=x"], True, ["type=local,dest=x"]),
        (["out"], True, ["out"]),
        (["type=registry", "type=image,push=true"], False, ["type=image,push=false"]),
    ],
)
def test_push(outputs: list[str], wanted: bool, expected: list[str]) -> None:
    assert pushed(outputs, wanted=wanted) == expected


@pytest.mark.parametrize(
    ("outputs", "wanted", "expected"),
    [
        ([], True, ["type=docker"]),
        (["type=docker"], True, ["type=docker"]),
        (["type=docker,dest=x.tar"], True, ["type=docker,dest=x.tar", "type=docker"]),
        (["type=registry"], True, ["type=registry", "type=docker"]),
        (["out"], True, ["out"]),
        (["type=registry"], False, ["type=registry"]),
    ],
)
def test_load(outputs: list[str], wanted: bool, expected: list[str]) -> None:
    assert loaded(outputs, wanted=wanted) == expected


def after(fields: dict[str, object], *settings: str) -> dict[str, object]:
    return overridden(fields, parse_overrides(settings, ["t"])["t"])


def test_a_secret_is_taken_from_elsewhere() -> None:
    fields: dict[str, object] = {"secret": ["id=a,src=x", "id=b,env=B"]}
    assert after(fields, "t.secret.a=env=A")["secret"] == ["id=a,env=A", "id=b,env=B"]
    with pytest.raises(InvalidArgumentError, match='secret "c" must be declared before it can be overridden'):
        after(fields, "t.secret.c=env=A")
    with pytest.raises(InvalidArgumentError, match='override id "b" does not match declared secret "a"'):
        after(fields, "t.secret.a=id=b,env=A")


def test_resources_are_limited() -> None:
    fields: dict[str, object] = {"resources": {"memory": "1g", "cpu-shares": "2"}}
    assert after(fields, "t.resources.memory=2g")["resources"] == {"memory": "2g", "cpu-shares": "2"}
