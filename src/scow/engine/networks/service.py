"""What ``routes/networks.py`` calls but for containers' connections: list, inspect, create, remove, prune."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from scow.engine.events import EventBus
from scow.engine.networks.creation import NetworkCreation
from scow.engine.networks.filtering import check_list_filters, passes
from scow.engine.networks.record import NetworkRecord, is_predefined
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.engine.networks.view import Member, network_view
from scow.engine.prune_filters import OneAtATime, read_chosen
from scow.engine.timestamps import parse_rfc3339
from scow.errors import NotFoundError, PermissionDeniedError, ScowError
from scow.spec.engine_api.network import Network, NetworkCreate, NetworkCreated
from scow.spec.engine_api.prune import NetworkPrune
from scow.spec.filters import Filters

_log = logging.getLogger(__name__)
# The end of a container takes its endpoints some milliseconds, a crowded machine a second.
_ENDING_S = 5.0


class NetworkService:
    """Networks as nouns. ``members`` gives the running containers."""

    def __init__(
        self,
        networks: Networks,
        creation: NetworkCreation,
        members: Callable[[], Iterable[Member]],
        events: EventBus,
    ) -> None:
        self._networks = networks
        self._creation = creation
        self._members = members
        self._events = events
        self._alone = OneAtATime()

    async def list(self, filters: Filters) -> list[Network]:
        """Networks that pass ``filters``. Raises InvalidArgumentError."""
        check_list_filters(filters)
        records = (live.record for live in self._networks)
        return [network_view(record) for record in records if passes(record, filters, self._in_use)]

    async def inspect(self, ref: str, scope: str) -> Network:
        """A network by name, id or unique id prefix. Raises NotFoundError, InvalidArgumentError."""
        live = self._networks.get(ref)
        if scope not in ("", "local"):
            raise NotFoundError(f"network {ref} not found")
        return network_view(live.record, self._members())

    async def create(self, body: NetworkCreate) -> NetworkCreated:
        """See ``NetworkCreation``."""
        return await self._creation.create(body)

    async def remove(self, ref: str) -> None:
        """See ``NetworkCreation``."""
        await self._settled(self._networks.get(ref))
        await self._creation.remove(ref)

    async def prune(self, filters: Filters) -> NetworkPrune:
        """Remove networks without running containers; those that every engine has always stay.

        Raises InvalidArgumentError, ConflictError while another prune runs.
        """
        filters.check("label", "label!", "until")
        chosen = read_chosen(filters, time.time_ns())
        with self._alone.run():
            removed = [
                live.record.name
                for live in self._networks
                if not is_predefined(live.record.name)
                and await self._is_unused(live)
                and chosen.includes(live.record.labels, parse_rfc3339(live.record.created))
                and await self._removed(live.record)
            ]
            self._events.pruned("network", 0)
        return NetworkPrune(networks_deleted=removed or None)

    async def _removed(self, record: NetworkRecord) -> bool:
        try:
            await self._creation.remove(record.id)
        except (NotFoundError, PermissionDeniedError):
            return False  # gone, or in use by now
        except ScowError as exc:
            _log.warning("could not remove network %s: %s", record.name, exc)
            return False
        return True

    async def _is_unused(self, live: LiveNetwork) -> bool:
        await self._settled(live)
        return not self._in_use(live.record)

    async def _settled(self, live: LiveNetwork) -> None:
        """Wait for endpoints of containers that have just ended: who waited for the end was told before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_S):
                while live.endpoints.keys() - self._running():
                    await live.wait_until_one_left()

    def _running(self) -> set[str]:
        """Ids of the endpoints of running containers."""
        endpoints = (it for member in self._members() for it in member.endpoints.values())
        return {it.endpoint_id for it in endpoints if not isinstance(it, str)}

    def _in_use(self, record: NetworkRecord) -> bool:
        live = self._networks.by_id(record.id)
        return live is not None and bool(live.endpoints)
