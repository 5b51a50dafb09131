"""Whose files become: ``--chown``, and the ``USER`` that a ``WORKDIR`` is made for, in numbers."""

from scow.errors import ScowError
from scow.linux.rootpath import read_in_root
from scow.runtime.users import ResolvedUser, resolve_user

_MAX_ACCOUNTS_BYTES = 4 << 20


def owner_of(root_fd: int, text: str, *, lenient: bool) -> tuple[int, int]:
    """``user[:group]``, by the accounts of the file system; a user alone brings its group.

    Raises ScowError for who is not among them, unless ``lenient``: then an unknown user is root, and an
    unknown group that of the user.
    """
    user, _, group = text.partition(":")
    passwd, groups = _accounts(root_fd, "passwd"), _accounts(root_fd, "group")
    try:
        found = resolve_user(user, passwd, groups)
    except ScowError:
        if not lenient:
            raise
        found = ResolvedUser()
    gid = found.uid if user.isdigit() else found.gid
    if not group or (lenient and ":" in group):
        return found.uid, gid
    try:
        return found.uid, resolve_user(f"0:{group}", passwd, groups).gid
    except ScowError:
        if not lenient:
            raise
        return found.uid, gid


def _accounts(root_fd: int, name: str) -> str:
    try:
        return read_in_root(root_fd, f"/etc/{name}", _MAX_ACCOUNTS_BYTES).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
