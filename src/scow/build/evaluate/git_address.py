"""Addresses of repositories, as contexts and as sources of ADD.

    https://host/path.git#ref:folder          the old way
    https://host/path.git?branch=x&subdir=y   the new one, with queries (dockerfile front end 1.18)
    git@host:path#ref, ssh://…, git://…, github.com/owner/name (a context only)

https://docs.docker.com/build/concepts/context/#git-repositories
"""

import posixpath
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from scow.build.graph.ops import GitSource
from scow.errors import InvalidArgumentError
from scow.spec.go_bool import FALSE, TRUE

_SCHEME = re.compile(r"(?:git|ssh)://", re.I)
_HTTP = re.compile(r"https?://[^?#]+\.git(?:[?#]|$)", re.I)
_SCP_LIKE = re.compile(r"[A-Za-z0-9_.-]+@[\w.-]+:(?!//)")
_WITHOUT_SCHEME = "github.com/"


def is_git_address(text: str, *, context: bool = False) -> bool:
    """Whether it is a repository; some addresses are one only as a ``context``."""
    if context and text.lower().startswith(_WITHOUT_SCHEME):
        return True
    return any(pattern.match(text) for pattern in (_SCHEME, _HTTP, _SCP_LIKE))


def parse_git_address(text: str) -> GitSource:
    """What an address for which ``is_git_address`` holds stands for. Raises InvalidArgumentError."""
    address, _, fragment = text.partition("#")
    remote, _, query = address.partition("?")
    if remote.lower().startswith(_WITHOUT_SCHEME):
        remote = f"https://{remote}"
    ref, _, folder = fragment.partition(":")
    wanted = _Wanted(ref, posixpath.normpath(f"/{folder}").lstrip("/"))
    seen: set[str] = set()
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in seen:
            raise InvalidArgumentError(f'query "{name}" has multiple values')
        seen.add(name)
        wanted.read(name, value)
    return wanted.source(remote)


class _Wanted:
    """What fragment and queries ask for, as far as they have been read."""

    def __init__(self, ref: str, subdir: str) -> None:
        self._ref = ref
        self._subdir = subdir
        self._tag = self._branch = self._commit = ""
        self._keep_git_dir: bool | None = None
        self._submodules = True
        self._commit_times = False

    def read(self, name: str, value: str) -> None:
        reader = _QUERIES.get(name)
        if reader is None:
            raise InvalidArgumentError(f'unexpected query "{name}"')
        if not value and name not in _SWITCHES:
            raise InvalidArgumentError(f'query "{name}" has no value')
        reader(self, value)

    def source(self, remote: str) -> GitSource:
        if self._tag and self._branch:
            raise InvalidArgumentError("branch conflicts with tag")
        for named, folder in ((self._tag, "refs/tags/"), (self._branch, "refs/heads/")):
            if named:
                self._set_ref(named if named.startswith(folder) else folder + named)
        return GitSource(
            remote,
            self._ref,
            self._subdir,
            keep_git_dir=self._keep_git_dir,
            commit=self._commit,
            submodules=self._submodules,
            commit_times=self._commit_times,
        )

    def _set_ref(self, value: str) -> None:
        if self._ref not in ("", value):
            raise InvalidArgumentError(f'ref conflicts: "{self._ref}" vs "{value}"')
        self._ref = value

    def _set_subdir(self, value: str) -> None:
        if self._subdir not in ("", value):
            raise InvalidArgumentError(f'subdir conflicts: "{self._subdir}" vs "{value}"')
        self._subdir = value

    def _set_tag(self, value: str) -> None:
        self._tag = value

    def _set_branch(self, value: str) -> None:
        self._branch = value

    def _set_commit(self, value: str) -> None:
        self._commit = value

    def _set_keep_git_dir(self, value: str) -> None:
        self._keep_git_dir = _truth("keep-git-dir", value)

    def _set_submodules(self, value: str) -> None:
        self._submodules = _truth("submodules", value)

    def _set_times(self, value: str) -> None:
        if value not in ("checkout", "commit"):
            raise InvalidArgumentError(f'invalid mtime value: "{value}" (must be "checkout" or "commit")')
        self._commit_times = value == "commit"


def _truth(name: str, value: str) -> bool:
    if value and value not in TRUE | FALSE:
        raise InvalidArgumentError(f'invalid {name} value: "{value}"')
    return not value or value in TRUE


_QUERIES: dict[str, Callable[[_Wanted, str], None]] = {
    "ref": _Wanted._set_ref,
    "tag": _Wanted._set_tag,
    "branch": _Wanted._set_branch,
    "subdir": _Wanted._set_subdir,
    "checksum": _Wanted._set_commit,
    "commit": _Wanted._set_commit,
    "keep-git-dir": _Wanted._set_keep_git_dir,
    "submodules": _Wanted._set_submodules,
    "mtime": _Wanted._set_times,
}
_SWITCHES = frozenset({"keep-git-dir", "submodules"})
