import pytest

from scow.errors import ScowError
from scow.runtime.users import ResolvedUser, resolve_user

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001::/home/app:/bin/sh

broken line
app:x:2000:2000:second of that name::
"""
GROUP = """\
root:x:0:root
app:x:1001:
video:x:44:root,app
extra:x:55:app
"""


def resolve(spec: str, *extra: str) -> ResolvedUser:
    return resolve_user(spec, PASSWD, GROUP, extra)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", ResolvedUser(0, 0, (0, 44))),
        ("root", ResolvedUser(0, 0, (0, 44))),
        ("app", ResolvedUser(1000, 1001, (1001, 44, 55))),
        ("1000", ResolvedUser(1000, 1001, (1001, 44, 55))),
        ("app:video", ResolvedUser(1000, 44, (44,))),
        ("app:7", ResolvedUser(1000, 7, (7,))),
        (":video", ResolvedUser(0, 44, (44,))),
        ("4242", ResolvedUser(4242, 0, (0,))),
        ("4242:4343", ResolvedUser(4242, 4343, (4343,))),
        ("2147483647", ResolvedUser(2147483647, 0, (0,))),
    ],
)
def test_a_user_is_looked_up_in_the_image(spec: str, expected: ResolvedUser) -> None:
    assert resolve(spec) == expected


def test_extra_groups_may_be_names_and_unknown_numbers() -> None:
    assert resolve("4242", "extra", "77", "55").groups == (0, 55, 77)


def test_numbers_need_no_files() -> None:
    assert resolve_user("5:6", "", "", ["7"]) == ResolvedUser(5, 6, (6, 7))
    assert resolve_user("", "", "") == ResolvedUser(0, 0, (0,))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nobody", "unable to find user nobody: no matching entries in passwd file"),
        ("app:nogroup", "unable to find group nogroup: no matching entries in group file"),
        ("-1", "uids and gids must be in range 0-2147483647"),
        ("2147483648", "uids and gids must be in range 0-2147483647"),
        ("0:" + "9" * 4000, "uids and gids must be in range 0-2147483647"),
    ],
)
def test_what_is_not_there_is_named(spec: str, message: str) -> None:
    with pytest.raises(ScowError) as caught:
        resolve(spec)
    assert caught.value.message == message


def test_an_unknown_extra_group_is_an_error() -> None:
    with pytest.raises(ScowError, match=r"^unable to find group nope: no matching entries in group file$"):
        resolve("app", "nope")
