import pytest

from scow.errors import InvalidArgumentError
from scow.runtime.security import SecurityOptions, parse_security_options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], SecurityOptions()),
        (["no-new-privileges"], SecurityOptions(no_new_privileges=True)),
        (["no-new-privileges:true"], SecurityOptions(no_new_privileges=True)),
        (["no-new-privileges=false"], SecurityOptions()),
        (["seccomp=unconfined", "apparmor:mine"], SecurityOptions(seccomp="unconfined", apparmor="mine")),
        (['seccomp={"a":"b=c"}'], SecurityOptions(seccomp='{"a":"b=c"}')),
        (["label=disable", "disable"], SecurityOptions(labels=("disable", "disable"))),
        (["label=level:s0:c1,c2"], SecurityOptions(labels=("level:s0:c1,c2",))),
        (["writable-cgroups"], SecurityOptions(writable_cgroups=True)),
        (["writable-cgroups=false"], SecurityOptions(writable_cgroups=False)),
    ],
)
def test_options_are_read_in_both_spellings(options: list[str], expected: SecurityOptions) -> None:
    assert parse_security_options(options) == expected


def test_a_container_can_take_back_the_engines_default() -> None:
    assert parse_security_options([], no_new_privileges=True).no_new_privileges
    assert not parse_security_options(["no-new-privileges=0"], no_new_privileges=True).no_new_privileges


@pytest.mark.parametrize(
    ("option", "number"),
    [("bogus", 1), ("", 1), ("bogus=1", 2), ("no-new-privileges=maybe", 2), ("systempaths=unconfined", 2)],
)
def test_anything_else_is_an_error(option: str, number: int) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_security_options([option])
    assert caught.value.message == f'invalid --security-opt {number}: "{option}"'
