"""What git says of the folder that a build is made from, as options of the front end.

    vcs:source, vcs:revision       where the repository was taken from, and its commit; part of the provenance
    vcs:localdir:NAME              where in the repository each folder of the client is
    label:…                        the same as labels of the image, where BUILDX_GIT_LABELS asks for them

Only of a folder that is in a repository, see ``context.is_in_repository``: starting git takes its time.
"""

import os

from scow.cli.go_values import parse_bool
from scow.errors import InvalidArgumentError
from scow.spec.redaction import redacted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_INFO, _LABELS, _DIRTY = "BUILDX_GIT_INFO", "BUILDX_GIT_LABELS", "BUILDX_GIT_CHECK_DIRTY"
_REVISION_LABEL = "org.opencontainers.image.revision"
_SOURCE_LABEL = "org.opencontainers.image.source"
_DOCKERFILE_LABEL = "com.docker.image.source.entrypoint"
_NO_COMMIT = ("unknown revision or path not in the working tree", "bad revision", "needed a single revision")


class GitError(Exception):
    """What git would not say."""


def git_options(
    environ: "Mapping[str, str]", folders: "Mapping[str, str]", dockerfile: str
) -> dict[str, str]:
    """``folders`` by the names that the engine has for them; ``context`` is the one that counts.

    ``dockerfile`` is a path. Raises GitError for a repository that git cannot read.
    """
    wants_info, wants_labels = _switch(environ, _INFO, default=True), _wants_labels(environ)
    context = folders.get("context", "")
    if not context or not (wants_info or wants_labels):
        return {}
    root = worktree_of(context)
    if not root:
        return {}
    revision, source = _revision(environ, context), remote_address(context)
    found: dict[str, str] = {}
    if wants_info:
        found |= {"vcs:revision": revision, "vcs:source": source}
        found |= {f"vcs:localdir:{name}": _below(root, folder) for name, folder in folders.items()}
    if wants_labels:
        entry = _below(root, dockerfile) if dockerfile else ""
        labels = {_REVISION_LABEL: revision, _SOURCE_LABEL: source, _DOCKERFILE_LABEL: entry}
        found |= {f"label:{name}": value for name, value in labels.items()}
    return {name: value for name, value in found.items() if value}


def worktree_of(folder: str) -> str:
    """The top of the working tree that ``folder`` is in; "" for none. Raises GitError."""
    if not os.path.isdir(os.path.join(folder, ".git")):
        try:
            inside = _git(folder, "rev-parse", "--is-inside-work-tree")
        except GitError:
            return ""
        return os.path.realpath(_git(folder, "rev-parse", "--show-toplevel")) if inside == "true" else ""
    return os.path.realpath(_git(folder, "rev-parse", "--show-toplevel"))


def remote_address(folder: str) -> str:
    """Where the repository was taken from: what its branch follows, or ``origin``, or ``upstream``."""
    for name in (_followed(folder), "origin", "upstream"):
        if name and (address := _said(folder, "remote", "get-url", name)):
            return redacted(address)
    return ""


def _followed(folder: str) -> str:
    branch = _said(folder, "symbolic-ref", "-q", "HEAD")
    return _said(folder, "for-each-ref", "--format=%(upstream:remotename)", branch) if branch else ""


def _revision(environ: "Mapping[str, str]", folder: str) -> str:
    """The commit; "" where there is none yet. Raises GitError."""
    try:
        commit = _git(folder, "show", "--format=%H", "HEAD", "--quiet", "--")
    except GitError as exc:
        if any(text in str(exc).lower() for text in _NO_COMMIT):
            return ""
        raise
    return f"{commit}-dirty" if _switch(environ, _DIRTY, default=False) and _is_dirty(folder) else commit


def _is_dirty(folder: str) -> bool:
    try:
        return bool(_git(folder, "status", "--porcelain", "--ignored"))
    except GitError:
        return True


def _below(root: str, path: str) -> str:
    """Relative to ``root``; "" for what is not in it."""
    relative = os.path.relpath(os.path.realpath(path), root)
    return "" if relative.startswith("..") else relative


def _switch(environ: "Mapping[str, str]", name: str, *, default: bool) -> bool:
    """A value that is no truth counts as none, as in buildx."""
    try:
        return parse_bool(environ.get(name, ""))
    except InvalidArgumentError:
        return default


def _wants_labels(environ: "Mapping[str, str]") -> bool:
    return environ.get(_LABELS) == "full" or _switch(environ, _LABELS, default=False)


def _said(folder: str, *words: str) -> str:
    """The first line, "" if git refuses."""
    try:
        return _git(folder, *words)
    except GitError:
        return ""


def _git(folder: str, *words: str) -> str:
    """The first line of what git writes. Raises GitError with what it says instead."""
    import subprocess

    try:
        done = subprocess.run(
            ["git", "-c", "log.showSignature=false", "-C", folder, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as exc:
        raise GitError("git was not found in the system") from exc
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip())
    return done.stdout.decode(errors="replace").partition("\n")[0].replace("'", "")
