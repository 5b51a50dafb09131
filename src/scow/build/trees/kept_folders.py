"""Folders that clients send file by file, kept: the next time only what is new of them is asked for.

A file with the path, the size and the time of a kept one is that one, as BuildKit takes it (fsutil's
``sameFile``). Contents lie in one file, in no order, and stand among the kept archives: see there.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from scow.build.trees.archive_index import FileEntry, index_of
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.spooled import Place, SpooledTree
from scow.spec.sent_files import SentFile


class KeptFolder:
    """One folder of one client, as it was sent last. To be closed."""

    def __init__(self, archives: KeptArchives, shared_key: str, folder: str) -> None:
        """``shared_key`` is the client's for all its builds of ``folder``. Blocks."""
        self._archives = archives
        self._name = hashlib.sha256(f"{shared_key}\0{folder}".encode()).hexdigest()[:32]
        self._earlier = archives.folder(self._name)
        self._known: dict[str, FileEntry] = {}
        if self._earlier is not None:
            self._known = {os.fsdecode(it.path): it for it in self._earlier.index.files if it.digest}

    def find(self, file: SentFile) -> FileEntry | None:
        """The same file, if it is here."""
        entry = self._known.get(file.path)
        if entry is None or (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns):
            return None
        return entry

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

    def complete(
        self, tree: SpooledTree, fd: int, end: int, taken: Mapping[str, FileEntry], new: Path
    ) -> None:
        """Put the contents of ``taken`` behind the ``end`` bytes of ``fd``, and keep all. Blocks.

        Raises ``OSError``.
        """
        run_start = run_end = 0
        for path, entry in sorted(taken.items(), key=lambda it: it[1].offset):
            if not run_start <= entry.offset <= run_end:
                end += self._copy(fd, run_start, run_end)
                run_start = run_end = entry.offset
            tree.move(path, Place(end + entry.offset - run_start, entry.digest))
            run_end = max(run_end, entry.offset + entry.size)
        self._copy(fd, run_start, run_end)
        index = index_of(tree, ((path, 0) for path in tree.paths()), is_plain=False)
        self._archives.keep_folder(self._name, new, index)

    def _copy(self, fd: int, start: int, end: int) -> int:
        if self._earlier is not None and end > start:
            self._earlier.copy_to(fd, end - start, start)
        return end - start
