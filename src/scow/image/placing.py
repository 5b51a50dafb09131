"""Entries of an archive that a person sends, where something may be in the way of them."""

from collections.abc import Callable

from scow.errors import InvalidArgumentError, ScowError
from scow.image.tar.reader import Entry, TarReader
from scow.image.tree_maker import TreeMaker, components

Clearing = Callable[[int, str, str], None]
"""``clear(folder_fd, path, name)`` takes away what is at ``path`` from the root, or raises ScowError."""


def place(entry: Entry, archive: TarReader, maker: TreeMaker, clear: Clearing) -> None:
    """Make ``entry``, which is not the root itself, in the place of what ``clear`` takes away.

    Raises InvalidArgumentError for an entry that leads nowhere, ScowError.
    """
    parts = components(entry.name)
    folder, name, path = "/".join(parts[:-1]), parts[-1], "/".join(parts)
    try:
        try:
            maker.make(entry, archive, maker.folder(folder, entry.name), path, name)
        except FileExistsError:
            folder_fd = maker.folder(folder, entry.name)
            clear(folder_fd, path, name)
            maker.forget(path)
            maker.make(entry, archive, folder_fd, path, name)
    except FileNotFoundError as exc:
        raise InvalidArgumentError(f"{entry.name}: {exc.strerror}: {entry.link or entry.name}") from exc
    except OSError as exc:
        raise ScowError(f"{entry.name}: {(exc.strerror or str(exc)).lower()}") from exc
