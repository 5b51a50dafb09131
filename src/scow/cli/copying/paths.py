"""Docker's rules for what a copy means, from the spelling of both paths and what is there.

``/a/b`` is a file or directory by that name, ``/a/b/`` says that it is a directory, ``/a/b/.`` means what is
in it. Base names and parents are those of Go's path/filepath.
"""

import os
import posixpath

from scow.cli.exits import CommandError
from scow.cli.go_values import quote

_MOST_LINKS = 10


class CopyEnd:
    """One end of a copy. ``rebase_name`` replaces the base name of a source that was reached by a link."""

    __slots__ = ("exists", "is_dir", "path", "rebase_name")

    def __init__(
        self, path: str, *, exists: bool = False, is_dir: bool = False, rebase_name: str = ""
    ) -> None:
        self.path = path
        self.exists = exists
        self.is_dir = is_dir
        self.rebase_name = rebase_name

    @property
    def name(self) -> str:
        """The base name that the entries of an archive of this source begin with."""
        return self.rebase_name or split_entry(self.path)[1]


def split_argument(text: str) -> tuple[str, str]:
    """(container, path) of ``container:path``; the container is "" for a path of this machine."""
    container, colon, path = text.partition(":")
    # A name with a colon is written ./name:x or as an absolute path.
    return (container, path) if colon and text[0] not in "/." else ("", text)


def clean(path: str) -> str:
    """filepath.Clean."""
    path = posixpath.normpath(path or ".")
    return path[1:] if path.startswith("//") else path


def base_name(path: str) -> str:
    """filepath.Base: the last part, also behind a trailing slash; "." of nothing."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def split_entry(path: str) -> tuple[str, str]:
    """(directory, entry) of a path; the entry is "." where the path says so."""
    cleaned = clean(path)
    if _means_content(path):
        return cleaned, "."
    return clean(posixpath.dirname(cleaned)), base_name(cleaned)


def absolute(path: str) -> str:
    """From the working directory, with the trailing ``/`` or ``/.`` kept, for they have a meaning."""
    found = clean(posixpath.join(os.getcwd(), path))
    if _means_content(path) and base_name(found) != ".":
        found += "." if found.endswith("/") else "/."
    return f"{found}/" if path.endswith("/") and not found.endswith("/") else found


def link_target(path: str, target: str) -> str:
    """Where a link at ``path`` leads."""
    return target if target.startswith("/") else clean(posixpath.join(split_entry(path)[0], target))


def rebased(path: str, resolved: str) -> tuple[str, str]:
    """(``resolved`` with the ending of ``path``, the name to keep if the last part is another now)."""
    if _means_content(path) and not _means_content(resolved):
        resolved += "/."
    if path.endswith("/") and not resolved.endswith("/"):
        resolved += "/"
    name = base_name(path)
    return resolved, name if name != base_name(resolved) else ""


def local_source(path: str, *, follow: bool) -> CopyEnd:
    """What is at an absolute path; links before the last part are followed, with ``follow`` all.

    Raises CommandError in Go's words.
    """
    try:
        return _local_source(path, follow=follow)
    except NotADirectoryError as exc:
        raise CommandError("not a directory") from exc
    except OSError as exc:
        raise CommandError(f"lstat {exc.filename}: {(exc.strerror or '').lower()}") from exc


def _local_source(path: str, *, follow: bool) -> CopyEnd:
    name = ""
    if follow:
        resolved, name = rebased(path, os.path.realpath(path, strict=True))
    else:
        directory, slash, last = path.rpartition("/")
        # Two slashes at the root, as Docker joins them: they show in errors.
        resolved = f"{os.path.realpath(directory + slash, strict=True)}/{last}"
        if path.endswith("/") and base_name(path) != base_name(resolved):
            name = base_name(path)
    os.lstat(resolved)
    is_dir = os.path.isdir(resolved) and not os.path.islink(resolved)
    return CopyEnd(resolved, exists=True, is_dir=is_dir, rebase_name=name)


def local_destination(path: str) -> CopyEnd:
    """What is at an absolute path, links followed; the parent must be there. Raises OSError, CommandError."""
    given = path
    for _ in range(_MOST_LINKS + 2):
        if not os.path.islink(path):
            break
        path = link_target(path, os.readlink(path))
    else:
        raise CommandError(f"too many symlinks in {given}")
    try:
        os.lstat(path)
    except FileNotFoundError:
        parent = split_entry(path)[0]
        os.stat(parent)
        if not os.path.isdir(parent):
            raise CommandError("not a directory") from None
        return CopyEnd(path)
    return CopyEnd(path, exists=True, is_dir=os.path.isdir(path))


def check_local_destination(path: str) -> None:
    """Refuse a path without a parent and what is neither file nor directory. Raises CommandError, OSError."""
    directory = clean(posixpath.dirname(clean(path)))
    if directory != "." and not os.path.exists(directory):
        raise CommandError(f"invalid output path: directory {quote(directory)} does not exist")
    if os.path.exists(path) and is_device(os.stat(path).st_mode):
        raise CommandError(
            f"invalid output path: {quote(path)} must be a directory or a regular file: got a device"
        )


def is_device(mode: int) -> bool:
    """Whether a file of that st_mode is a device."""
    import stat

    return stat.S_ISBLK(mode) or stat.S_ISCHR(mode)


def place(source: CopyEnd, destination: CopyEnd) -> tuple[str, str]:
    """(directory to extract in, base name that the entries get there). Raises CommandError."""
    if destination.exists and destination.is_dir:
        return destination.path, source.name
    if destination.exists and source.is_dir:
        raise CommandError("cannot copy directory")
    path = destination.path
    if not destination.exists and not source.is_dir and (path.endswith("/") or _means_content(path)):
        raise CommandError("no such directory")
    return split_entry(path)


def _means_content(path: str) -> bool:
    return base_name(path) == "."
