"""What ``build`` refuses before anything is done."""

import pytest

from scow.cli.building.flags import FLAGS
from scow.cli.building.outputs import outputs_of
from scow.cli.building.refusals import check_asked
from scow.cli.exits import CommandError
from scow.cli.parser import parse_flags


def check(*words: str) -> None:
    flags = parse_flags(FLAGS, list(words))
    check_asked(flags["tag"], outputs_of(flags), flags["allow"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-t", "app", "-t", "a:b:c"), 'ERROR: invalid tag "a:b:c": invalid reference format'),
        (("-t", "Foo"), "repository name (library/Foo) must be lowercase"),
        (("--push",), "ERROR: tag is needed when pushing to registry"),
        (("-o", "type=registry"), "ERROR: tag is needed when pushing to registry"),
        (("--allow", "network.hots"), "ERROR: unknown entitlement network.hots"),
    ],
)
def test_what_cannot_be_right_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        check(*words)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-t", "reg.lan:5000/app:1", "--push"),
        ("-t", "app", "-t", ""),
        ("-o", "type=registry,name=reg.lan/app"),
        ("-o", "type=image,name=reg.lan/app,push=true"),
        ("--allow", "network.host", "--allow", "security.insecure", "--allow", "device=vendor/it"),
    ],
)
def test_what_can_be_right_is_not(words: tuple[str, ...]) -> None:
    check(*words)
