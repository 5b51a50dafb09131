"""Who a container's process is: ``--user`` and ``--group-add`` looked up in the image's own files.

Grammar: ``[name|uid][:[name|gid]]``. What is all digits is a number, whether the files know it or not; any
other name must be there. Malformed lines are passed over, as the C library does (passwd(5), group(5)).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scow.errors import ScowError

_MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ResolvedUser:
    """Numbers for the OCI document; ``groups`` are the supplementary ones, the primary first, as Docker."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class _Passwd:
    """A line of ``/etc/passwd`` (passwd(5))."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class _Group:
    """A line of ``/etc/group`` (group(5))."""

    name: str
    gid: int
    members: tuple[str, ...]


def resolve_user(spec: str, passwd: str, group: str, extra_groups: Iterable[str] = ()) -> ResolvedUser:
    """Numbers for ``spec``. ``passwd`` and ``group`` are the image's files, "" where it has none.

    Raises ScowError with Docker's message for an unknown name or a number out of range.
    """
    user_arg, _, group_arg = spec.partition(":")
    group_arg = group_arg.partition(":")[0]
    groups = list(_parse_group(group))
    entry, uid = _find_user(user_arg, list(_parse_passwd(passwd)))
    gid = entry.gid if entry else 0
    supplementary: list[int] = []
    if group_arg:
        gid = _find_group(group_arg, groups)
    elif entry:
        supplementary = [g.gid for g in groups if entry.name in g.members]
    extra = [_find_group(name, groups) for name in extra_groups]
    return ResolvedUser(uid, gid, tuple(dict.fromkeys([gid, *supplementary, *extra])))


def _find_user(arg: str, users: list[_Passwd]) -> tuple[_Passwd | None, int]:
    number = _number(arg) if arg else 0
    if number is None:
        found = next((user for user in users if user.name == arg), None)
        if found is None:
            raise ScowError(f"unable to find user {arg}: no matching entries in passwd file")
        return found, found.uid
    return next((user for user in users if user.uid == number), None), number


def _find_group(arg: str, groups: list[_Group]) -> int:
    number = _number(arg)
    if number is not None:
        return number
    found = next((group for group in groups if group.name == arg), None)
    if found is None:
        raise ScowError(f"unable to find group {arg}: no matching entries in group file")
    return found.gid


def _number(arg: str) -> int | None:
    digits = arg[1:] if arg[:1] in ("+", "-") else arg
    if not (digits.isascii() and digits.isdigit()):
        return None
    # Longer than any id: refused without building a number of a client's length.
    value = int(arg) if len(digits) <= 20 else _MAX_ID + 1
    if not 0 <= value <= _MAX_ID:
        raise ScowError(f"uids and gids must be in range 0-{_MAX_ID}")
    return value


def _parse_passwd(text: str) -> Iterator[_Passwd]:
    for fields in _lines(text):
        yield _Passwd(fields[0], _lenient_number(fields, 2), _lenient_number(fields, 3))


def _parse_group(text: str) -> Iterator[_Group]:
    for fields in _lines(text):
        members = fields[3].split(",") if len(fields) > 3 else []
        yield _Group(fields[0], _lenient_number(fields, 2), tuple(members))


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.strip():
            yield line.strip().split(":")


def _lenient_number(fields: list[str], index: int) -> int:
    try:
        return int(fields[index])
    except (IndexError, ValueError):
        return 0
