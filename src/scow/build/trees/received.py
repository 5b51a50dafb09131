"""A context whose files a client sends one by one."""

import stat
from collections.abc import Callable

from scow.build.trees.spooled import Spool, SpooledTree, unnamed_file
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError
from scow.spec.sent_files import FileStream, SentFile


class Received:
    """Makes a tree of what arrives, and tells how much that is after each file."""

    def __init__(self, folder: str, tell: Callable[[int], None]) -> None:
        """Raises ``OSError``."""
        fd = unnamed_file(folder)
        self._tree = SpooledTree(fd)
        self._spool = Spool(self._tree, fd)
        self._tell = tell
        self.bytes = 0

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
        except BaseException:
            self._tree.close()
            raise
        self._tell(self.bytes)
        return self._tree

    def _begin(self, file: SentFile) -> None:
        """As a context's files are: root's, whoever sent them."""
        node = Node(
            file.path,
            file.mode,
            size=file.size,
            mtime_ns=file.mtime_ns,
            link=file.link,
            device=file.device,
        )
        if not stat.S_ISREG(file.mode):
            self._tree.add(node)
        elif not file.link:
            self._tell(self.bytes)
            self._spool.begin(node)
        elif not self._tree.add_link(file.path, file.link):
            raise InvalidArgumentError(f'invalid hardlink "{file.path}" -> "{file.link}"')
