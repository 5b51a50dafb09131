"""A context whose files a client sends one by one."""

import stat
import time
from collections.abc import Callable
from pathlib import Path

from scow.build.trees.kept_folders import KeptFolder
from scow.build.trees.spooled import Spool, SpooledTree, unnamed_file
from scow.errors import InvalidArgumentError
from scow.image.threads import run_to_end
from scow.spec.sent_files import FileStream, SentFile

_TELL_EVERY_S = 0.1  # as often as somebody who watches can see


class Received:
    """Makes a tree of what arrives, and tells how much that is now and then.

    With ``kept``, files that it knows come without their content, and all are kept afterwards.
    """

    def __init__(self, folder: str, tell: Callable[[int], None], kept: KeptFolder | None = None) -> None:
        """Raises ``OSError``."""
        self._kept = kept
        self._path: Path | None = None
        if kept is None:
            self._fd = unnamed_file(folder)
        else:
            self._fd, self._path = kept.new()
        self._tree = SpooledTree(self._fd)
        self._spool = Spool(self._tree, self._fd)
        self._taken: dict[str, int] = {}
        """Files that were here, by path, with the numbers that they have there."""
        self._has_new = False
        self._tell = tell
        self._told_s = 0.0
        self.bytes = 0

    def knows(self, file: SentFile) -> bool:
        """Whether it need not be sent."""
        return self._kept is not None and self._kept.find(file) is not None

    async def take(self, files: FileStream) -> SpooledTree:
        """All of it; the tree is to be closed. Raises InvalidArgumentError, ScowError, ``OSError``."""
        try:
            async for item in files:
                if isinstance(item, SentFile):
                    self._spool.finish()
                    self._begin(item)
                else:
                    self._spool.write(item)
                    self.bytes += len(item)
            self._spool.finish()
            self._spool.flush()
            await run_to_end(self._join)  # it writes to what a failure closes
        except BaseException:
            self._tree.close()
            if self._kept is not None and self._path is not None:
                self._kept.drop(self._path)
            raise
        self._tell(self.bytes)
        return self._tree

    def _begin(self, file: SentFile) -> None:
        """As a context's files are: root's, whoever sent them."""
        self._taken.pop(file.path, None)
        if not stat.S_ISREG(file.mode):
            self._tree.add(file)
        elif not file.link:
            self._tell_now_and_then()
            number = self._kept.find(file) if self._kept is not None else None
            if self._kept is None or number is None:
                self._has_new = True
                self._spool.begin(file)
            else:
                self._taken[file.path] = number
                self._tree.add(file, self._kept.place(number))
        elif not self._tree.add_link(file.path, file.link):
            raise InvalidArgumentError(f'invalid hardlink "{file.path}" -> "{file.link}"')
        elif (number := self._taken.get(file.link)) is not None:
            self._taken[file.path] = number

    def _tell_now_and_then(self) -> None:
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._tell(self.bytes)

    def _join(self) -> None:
        """Contents that were here and those that came are in one file again. Blocks. Raises ``OSError``."""
        if self._kept is None or self._path is None:
            return
        if self._taken and not self._has_new:
            self._kept.lend_to(self._tree, self._path)
        else:
            self._kept.complete(self._tree, self._fd, self._spool.end, self._taken, self._path)
