"""One build while it goes on: what it brought along, and whom it tells."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scow.build.graph.cache import Record
from scow.build.graph.keys import Key
from scow.build.graph.ops import Vertex
from scow.build.graph.progress import Done, Progress
from scow.build.graph.settings import Settings
from scow.build.trees.tree import Tree
from scow.image.leases import Lease


class SecretSource(Protocol):
    """What the build's client lends: secrets, and agents for ssh."""

    async def secret(self, name: str) -> bytes | None:
        """The value, ``None`` if the client has none by that name."""

    async def agent_socket(self, name: str) -> str | None:
        """A path of a socket on this machine that leads to the client's agent."""


class NoSecrets:
    """A client that lends nothing."""

    async def secret(self, name: str) -> bytes | None:
        return None

    async def agent_socket(self, name: str) -> str | None:
        return None


class LayersMissingError(Exception):
    """A result is known from an imported cache, its layers are not to be had: the step is to be done."""


class ImportedResults(Protocol):
    """Results that other engines came to. Their layers are fetched when something needs them."""

    def find(self, key: Key) -> Record | None:
        """The result with this key."""

    def content_of(self, memo: str) -> str | None:
        """See ``Cache.content_of``."""

    async def bring(self, chain_id: str | None, lease: Lease) -> None:
        """Have a stack here, held by ``lease``. Raises LayersMissingError, ScowError."""


class NoImports:
    """Nothing was imported: every stack is here."""

    def find(self, key: Key) -> Record | None:
        return None

    def content_of(self, memo: str) -> str | None:
        return None

    async def bring(self, chain_id: str | None, lease: Lease) -> None:
        lease.hold(chain_id)


@dataclass(frozen=True, slots=True)
class Memo:
    """What was remembered of a stack: see ``Cache.remember_content``."""

    words: str
    chain_id: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a vertex came to: a stack of layers. ``created_ns`` since the epoch, 0 for a base.

    ``empty``: it changed nothing, so it has no layer of its own. ``record`` is what the cache has of it,
    ``memos`` what its key was made with.
    """

    chain_id: str | None
    created_ns: int = 0
    cached: bool = True
    empty: bool = True
    content: str = ""
    """The digest of what a COPY copied, as it stands in history."""
    others: tuple[str | None, ...] = ()
    """The stacks of a program's further results."""
    record: Record | None = None
    memos: tuple[Memo, ...] = ()


@dataclass(eq=False, slots=True)
class Job:
    """``tell`` is called on the event loop and must not wait. ``lease`` keeps the results of this build."""

    lease: Lease
    tell: Callable[[Progress], None]
    settings: Settings = field(default_factory=Settings)
    contexts: Mapping[str, Tree] = field(default_factory=dict)
    secrets: SecretSource = field(default_factory=NoSecrets)
    use_cache: bool = True
    keeps_failed: bool = False
    """What a failed program has left is kept: somebody wants to look at it."""
    imports: ImportedResults = field(default_factory=NoImports)
    results: "dict[Vertex, asyncio.Future[Result]]" = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    doubtful: list[Done] = field(default_factory=list)
    """Steps that other engines have done, with results that are not here: true if nobody misses them."""
    keeps: "list[asyncio.Future[None]]" = field(default_factory=list)

    def context_lock(self, name: str) -> asyncio.Lock:
        """Of one context, files are looked for and digested by one thread at a time."""
        return self.locks.setdefault(name, asyncio.Lock())
