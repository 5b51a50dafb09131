"""What a step copies, looked for in the trees that it names, and digested."""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from scow.build.execute.content_digest import content_digest
from scow.build.execute.downloads import Downloads
from scow.build.execute.selection import Selection
from scow.build.graph.cache import Cache
from scow.build.graph.job import Memo
from scow.build.graph.ops import ContextSource, DownloadSource, FilesSource, GitSource, Outside
from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Tree
from scow.errors import InvalidArgumentError
from scow.image.threads import run_to_end, run_to_open
from scow.linux.mount_views import MountView
from scow.spec.ignore_rules import IgnoreRules

if TYPE_CHECKING:
    from scow.build.graph.job import Job

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: ``words`` say all of it, ``select`` does it and may block. ``with_owners``: whose
    the files are matters.
    """

    words: tuple[object, ...]
    select: Callable[[Tree], Selection]
    with_owners: bool


class Gathering:
    """For one step. What it opens is closed with ``stack``."""

    def __init__(self, cache: Cache, downloads: Downloads, job: "Job", stack: AsyncExitStack) -> None:
        self._cache = cache
        self._downloads = downloads
        self._job = job
        self._stack = stack

    async def in_stack(self, search: Search, chain_id: str | None) -> tuple[Selection, Memo]:
        """What is found in a stack, and what is remembered of that. Raises as ``Search.select`` does."""
        words = msgspec.json.encode([chain_id, *search.words])
        memo = hashlib.sha256(words).hexdigest()
        digest = self._cache.content_of(memo) or self._job.imports.content_of(memo)
        if not self._job.lease.has(chain_id):
            if digest is not None:
                # Its files are not here, and need not be as long as nothing is to be copied.
                return Selection(MemoryTree({}), (), IgnoreRules()), Memo(memo, chain_id, digest)
            await self._job.imports.bring(chain_id, self._job.lease)
        tree = await self.opened(chain_id)
        selection = await run_to_end(search.select, tree)
        if digest is None:
            digest = await run_to_end(content_digest, selection, with_owners=search.with_owners)
            self._cache.remember_content(memo, chain_id, digest)
        return selection, Memo(memo, chain_id, digest)

    async def opened(self, chain_id: str | None) -> Tree:
        """A stack that is here, to be read."""
        if chain_id is None:
            return MemoryTree({})
        view = await run_to_open(MountView.close, self._job.lease.view, chain_id)
        self._stack.push_async_callback(run_to_end, view.close)
        tree = FolderTree(os.open(f"/proc/self/fd/{view.root}", _DIRECTORY), with_owners=True)
        self._stack.callback(tree.close)
        return tree

    async def outside(self, search: Search, source: Outside) -> tuple[Selection, str]:
        """What is found elsewhere, and its digest. Raises InvalidArgumentError, ScowError."""
        match source:
            case ContextSource(name):
                tree = self._job.contexts.get(name)
                if tree is None:
                    raise InvalidArgumentError(f"the build has no context {name!r}")
                async with self._job.context_lock(name):
                    return await self._found(search, tree)
            case FilesSource(files, mode):
                tree = MemoryTree(dict(files), mode=mode, mtime_ns=time.time_ns())
            case DownloadSource():
                tree = await self._downloads.file(source, self._stack)
            case GitSource():
                tree = await self._downloads.repository(source, self._job.secrets, self._stack)
        return await self._found(search, tree)

    async def _found(self, search: Search, tree: Tree) -> tuple[Selection, str]:
        selection = await run_to_end(search.select, tree)
        return selection, await run_to_end(content_digest, selection, with_owners=False)
