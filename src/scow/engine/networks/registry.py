"""All networks in memory, found by id, name or unique prefix of an id; stored at every change.

Nothing here waits but for the store: what is looked up and reserved between two awaits stays true.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from scow.engine.networks.record import KIND, PREDEFINED, NetworkRecord
from scow.engine.timestamps import rfc3339
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.network.driver import NetworkDriver
from scow.network.ipam import IPNetwork
from scow.store import Delete, Put, Store

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(NetworkRecord).decode


@dataclass(slots=True, eq=False)
class LiveNetwork:
    """A network in memory. ``driver`` is None where there is nothing to drive: host, none, templates.

    ``endpoints`` are the names of containers by the id of their endpoint here, from before it is made until
    after it is gone; ``being_removed`` keeps new ones out.
    """

    record: NetworkRecord
    driver: NetworkDriver | None = None
    endpoints: dict[str, str] = field(default_factory=dict)
    being_removed: bool = False
    _one_left: asyncio.Event = field(default_factory=asyncio.Event)

    def left(self, endpoint_id: str) -> None:
        """An endpoint is gone; no error if it was."""
        self.endpoints.pop(endpoint_id, None)
        self._one_left.set()

    async def wait_until_one_left(self) -> None:
        """For the next endpoint that goes."""
        self._one_left.clear()
        await self._one_left.wait()


class Networks:
    """The networks of this engine. Names are unique."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, LiveNetwork] = {}
        self._by_name: dict[str, LiveNetwork] = {}

    async def load(self) -> None:
        """Read the documents, and give the predefined networks their ids on the first start."""
        for _, body in self._store.load(KIND):
            self._hold(LiveNetwork(_decode(body)))
        for name, driver in PREDEFINED.items():
            if name not in self._by_name:
                created = rfc3339(time.time_ns())
                live = LiveNetwork(
                    NetworkRecord(id=secrets.token_hex(32), name=name, driver=driver, created=created)
                )
                await self._save(live.record)
                self._hold(live)

    def __iter__(self) -> Iterator[LiveNetwork]:
        return iter(list(self._by_id.values()))

    def id_of(self, name: str) -> str:
        """The id of the network ``name``; "" if there is none."""
        live = self._by_name.get(name)
        return live.record.id if live else ""

    def by_id(self, network_id: str) -> LiveNetwork | None:
        """The network with exactly this id."""
        return self._by_id.get(network_id)

    def by_name(self, name: str) -> LiveNetwork | None:
        """The network with exactly this name."""
        return self._by_name.get(name)

    def check_free(self, name: str) -> None:
        """Raises ConflictError in Docker's words for a name that a network has."""
        if name in self._by_name:
            raise ConflictError(f"network with name {name} already exists")

    def get(self, ref: str) -> LiveNetwork:
        """By full id, then name, then unique id prefix. Raises NotFoundError, InvalidArgumentError."""
        if found := self._by_id.get(ref) or self._by_name.get(ref):
            return found
        matching = [live for key, live in self._by_id.items() if ref and key.startswith(ref)]
        if len(matching) > 1:
            raise InvalidArgumentError(
                f"network {ref} is ambiguous ({len(matching)} matches found based on ID prefix)"
            )
        if not matching:
            raise NotFoundError(f"network {ref} not found")
        return matching[0]

    def subnets(self) -> Iterable[IPNetwork]:
        """Those of all networks; templates only say what others will have."""
        records = [live.record for live in self._by_id.values()]
        return [pool.network for record in records if not record.config_only for pool in record.pools]

    async def add(self, live: LiveNetwork) -> None:
        """Take name and subnets, then store. Raises ConflictError in Docker's words, ScowError."""
        self.check_free(live.record.name)
        self._hold(live)
        try:
            await self._save(live.record)
        except BaseException:
            self._let_go(live)
            raise

    async def discard(self, live: LiveNetwork) -> None:
        """Forget the document, and then the network. Raises ScowError."""
        await self._commit(Delete(KIND, live.record.name))
        self._let_go(live)

    def _hold(self, live: LiveNetwork) -> None:
        self._by_id[live.record.id] = live
        self._by_name[live.record.name] = live

    def _let_go(self, live: LiveNetwork) -> None:
        self._by_id.pop(live.record.id, None)
        self._by_name.pop(live.record.name, None)

    async def _save(self, record: NetworkRecord) -> None:
        await self._commit(Put(KIND, record.name, _encode(record)))

    async def _commit(self, change: Put | Delete) -> None:
        try:
            await self._store.commit(change)
        except sqlite3.Error as exc:
            raise ScowError(f"network {change.key} could not be stored: {exc}") from exc
