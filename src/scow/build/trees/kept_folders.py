"""Folders that clients send file by file, kept: the next time only what is new of them is asked for.

A file with the path, the size and the time of a kept one is that one, as BuildKit takes it (fsutil's
``sameFile``). Contents lie in one file, in no order, and stand among the kept archives: see there.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from scow.build.trees.archive_index import index_of
from scow.build.trees.file_table import FileTable, Place
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.spooled import SpooledTree
from scow.spec.sent_files import SentFile


class KeptFolder:
    """One folder of one client, as it was sent last. To be closed."""

    def __init__(self, archives: KeptArchives, shared_key: str, folder: str) -> None:
        """``shared_key`` is the client's for all its builds of ``folder``. Blocks."""
        self._archives = archives
        self._name = hashlib.sha256(f"{shared_key}\0{folder}".encode()).hexdigest()[:32]
        self._earlier = archives.folder(self._name)
        self._known = self._earlier.index.table if self._earlier is not None else FileTable()
        self._rows = dict(zip(self._known.paths, range(len(self._known)), strict=True))

    def find(self, file: SentFile) -> int | None:
        """The number that the same file has here, if it is here."""
        row = self._rows.get(file.path)
        if row is None or not self._known.is_version_of(row, file) or self._known.place(row) is None:
            return None
        return row

    def place(self, number: int) -> Place:
        """Where the content of that file lies. See ``find``."""
        place = self._known.place(number)
        assert place is not None
        return place

    def new(self) -> tuple[int, Path]:
        """See ``KeptArchives.new``."""
        return self._archives.new()

    def drop(self, new: Path) -> None:
        """See ``KeptArchives.drop``."""
        self._archives.drop(new)

    def close(self) -> None:
        """Nothing more is asked of it."""
        if self._earlier is not None:
            self._earlier.close()
            self._earlier = None

    def lend_to(self, tree: SpooledTree, new: Path) -> None:
        """All files of ``tree`` are kept ones. Blocks."""
        assert self._earlier is not None
        tree.lie_in(self._earlier.lend())
        self.drop(new)

    def complete(self, tree: SpooledTree, fd: int, end: int, taken: Mapping[str, int], new: Path) -> None:
        """Put the contents of ``taken``, numbers by path, behind the ``end`` bytes of ``fd``, and keep all.

        Blocks. Raises ``OSError``.
        """
        run_start = run_end = 0
        for path, number in sorted(taken.items(), key=lambda it: self.place(it[1]).offset):
            place = self.place(number)
            if not run_start <= place.offset <= run_end:
                end += self._copy(fd, run_start, run_end)
                run_start = run_end = place.offset
            tree.move(path, Place(end + place.offset - run_start, place.digest))
            run_end = max(run_end, place.offset + self._known.size(number))
        self._copy(fd, run_start, run_end)
        index = index_of(tree, ((path, 0) for path in tree.paths()), is_plain=False)
        self._archives.keep_folder(self._name, new, index)

    def _copy(self, fd: int, start: int, end: int) -> int:
        if self._earlier is not None and end > start:
            self._earlier.copy_to(fd, end - start, start)
        return end - start
