"""All containers in memory, found by id, name or unique prefix of an id; stored at every change."""

import sqlite3
from collections.abc import Iterator

import msgspec

from scow.engine.containers.model import Container, Live
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.store import Change, Delete, Put, Store

KIND = "container"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Container).decode


class Containers:
    """The containers of this engine. ``names`` are unique and have no leading slash.

    Whatever stores raises ScowError when that fails: a full disk, a broken one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Live] = {}
        self._by_name: dict[str, str] = {}
        self._being_made: dict[str, Container] = {}

    def load(self) -> None:
        """Read all documents; once, at start-up."""
        for _, body in self._store.load(KIND):
            live = Live(_decode(body))
            self._by_id[live.doc.id] = live
            self._by_name[live.doc.name] = live.doc.id

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._by_id

    @property
    def need_the_engine(self) -> bool:
        """Whether a container is alive, or about to be."""
        return any(live.doc.alive or live.restart_timer for live in self._by_id.values())

    def documents(self) -> Iterator[Container]:
        """All documents, also of containers still being made: what those name is in use already."""
        yield from [*(live.doc for live in self._by_id.values()), *self._being_made.values()]

    @property
    def names(self) -> dict[str, str]:
        """Ids by name, also of names that are reserved for a container still being made."""
        return self._by_name

    def by_id(self, container_id: str) -> Live | None:
        """The container with exactly this id."""
        return self._by_id.get(container_id)

    def get(self, ref: str) -> Live:
        """By full id, then name, then ``parent/alias`` of a link, then unique id prefix, as Docker resolves.

        Raises NotFoundError, or InvalidArgumentError for an ambiguous prefix.
        """
        if found := self._by_id.get(ref):
            return found
        if (named := self._by_name.get(ref.removeprefix("/"))) and named in self._by_id:
            return self._by_id[named]
        if linked := self._by_link(ref):
            return linked
        matching = [live for cid, live in self._by_id.items() if cid.startswith(ref)] if ref else []
        if len(matching) > 1:
            raise InvalidArgumentError(f"multiple IDs found with provided prefix: {ref}")
        if not matching:
            raise NotFoundError(f"No such container: {ref}")
        return matching[0]

    def link_of(self, ref: str) -> tuple[Live, str] | None:
        """The container that links, and the alias, where ``ref`` is ``parent/alias``."""
        parent, _, alias = ref.removeprefix("/").rpartition("/")
        live = self._by_id.get(self._by_name.get(parent, ""))
        return (live, alias) if live and alias in live.doc.links else None

    def _by_link(self, ref: str) -> Live | None:
        found = self.link_of(ref)
        return self._by_id.get(found[0].doc.links[found[1]]) if found else None

    def reserve_name(self, name: str, container_id: str) -> None:
        """Take ``name`` for ``container_id``. Raises ConflictError with Docker's message."""
        if owner := self._by_name.get(name):
            raise ConflictError(
                f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._by_name[name] = container_id

    def release_name(self, name: str) -> None:
        """Give ``name`` back."""
        self._by_name.pop(name, None)

    def announce(self, doc: Container) -> None:
        """A container is being made, under a name that is reserved for it."""
        self._being_made[doc.id] = doc

    def withdraw(self, doc: Container) -> None:
        """It came to nothing: what it named is free again, but for its own name."""
        self._being_made.pop(doc.id, None)

    async def add(self, doc: Container, *changes: Change) -> Live:
        """Store a new container whose name is reserved, together with ``changes``."""
        await self._commit(Put(KIND, doc.id, _encode(doc)), *changes)
        live = self._by_id[doc.id] = Live(doc)
        self._being_made.pop(doc.id, None)
        return live

    async def save(self, live: Live, *changes: Change) -> None:
        """Store the document as it is now, together with ``changes``, in one transaction."""
        await self._commit(Put(KIND, live.doc.id, _encode(live.doc)), *changes)

    async def bring_back(self, live: Live) -> None:
        """Store a container that ``discard`` took away; its name is still reserved."""
        await self.save(live)
        self._by_id[live.doc.id] = live

    async def discard(self, live: Live, *changes: Change) -> None:
        """Forget the document. The name stays reserved until ``release_name``."""
        await self._commit(Delete(KIND, live.doc.id), *changes)
        self._by_id.pop(live.doc.id, None)

    async def _commit(self, change: Change, *changes: Change) -> None:
        try:
            await self._store.commit(change, *changes)
        except sqlite3.Error as exc:
            raise ScowError(f"container {change.key} could not be stored: {exc}") from exc
