"""Files that a build's client sends, or is sent, one by one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class SentFile(NamedTuple):
    """One file. ``mode`` is that of stat(2), kind and all; the path is relative, with slashes.

    ``link`` is a symlink's text; of a regular file it is the path of an earlier one that is the same file.
    """

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    link: str = ""
    device: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which of a folder's files are wanted; patterns are those of .dockerignore, none is all of them.

    ``follow``: paths that are wanted with whatever symlinks on the way to them lead to.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()


ALL_FILES = FileChoice()


def nothing_known(_file: SentFile) -> bool:
    """Every file is wanted with its content."""
    return False


class FileStream(Protocol):
    """Files in the order of a walk, each followed by its content in pieces if it is regular and no link,
    and not one that who asked for them said to know.
    """

    def __aiter__(self) -> AsyncIterator[SentFile | bytes]: ...


class SentFolder(Protocol):
    """A folder whose files are told first, and sent when they are asked for."""

    def files(self) -> AsyncIterator[SentFile]:
        """All of them, in the order of a walk."""

    def content(self, file: SentFile) -> AsyncIterator[bytes]:
        """What is in a regular one."""
