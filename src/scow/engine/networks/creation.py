"""Networks made and removed.

    create    checked, subnets chosen and the document stored, then the devices and rules
    remove    devices and rules, then the document

A kill in between leaves a document whose devices start-up makes again: a network is there as a whole or not
at all, and one that nobody was told of can be removed like any other.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from scow.engine.events import EventBus
from scow.engine.networks.draft import draft_network
from scow.engine.networks.drivers import Drivers, check_names, has_gateway
from scow.engine.networks.record import NetworkRecord, PoolRecord, is_predefined
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.engine.networks.subnets import asked_pool, chosen_pool
from scow.errors import NotFoundError, PermissionDeniedError, ScowError
from scow.network.default_bridge import host_networks
from scow.network.ipam import IPNetwork, SubnetPool
from scow.spec.engine_api.network import IPAMPool, NetworkCreate, NetworkCreated
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)


class NetworkCreation:
    """Makes networks and takes them away."""

    def __init__(
        self,
        networks: Networks,
        drivers: Drivers,
        pools: Sequence[SubnetPool],
        default_options: Mapping[str, Mapping[str, str]],
        events: EventBus,
    ) -> None:
        """``pools`` are for subnets that nobody asked for; ``default_options`` are by driver."""
        self._networks = networks
        self._drivers = drivers
        self._pools = pools
        self._default_options = default_options
        self._events = events

    async def create(self, body: NetworkCreate) -> NetworkCreated:
        """Make a network.

        Raises InvalidArgumentError, ConflictError, PermissionDeniedError and NotFoundError in Docker's words.
        """
        draft = draft_network(body, self._default_options, self._networks)
        record, asked = draft.record, draft.asked
        if record.config_only:
            record.pools = [_template_pool(pool) for pool in asked]
            await self._networks.add(LiveNetwork(record))
            return NetworkCreated(id=record.id)
        in_use = await run_blocking(host_networks)
        # From here to the end of ``add``'s first step nothing waits: nobody else takes these subnets.
        self._networks.check_free(record.name)
        self._choose_subnets(record, asked, in_use)
        check_names(record, (live.record for live in self._networks))
        live = LiveNetwork(record)
        await self._networks.add(live)
        await self._start(live)
        self._tell(record, "create")
        return NetworkCreated(id=record.id)

    async def _start(self, live: LiveNetwork) -> None:
        """Devices and rules; nothing is left of them, or of the document, if that fails."""
        driver = None
        try:
            driver = self._drivers.make(live.record)
            if driver is not None:
                await driver.start(())
        except ScowError:
            with suppress(ScowError):
                if driver is not None:
                    await driver.remove()
            await self._networks.discard(live)
            raise
        live.driver = driver

    def _choose_subnets(
        self, record: NetworkRecord, asked: Sequence[IPAMPool], in_use: Sequence[IPNetwork]
    ) -> None:
        taken = list(self._networks.subnets())
        enabled = [version for version, on in ((4, record.enable_ipv4), (6, record.enable_ipv6)) if on]
        for version in enabled:
            gateway = has_gateway(record, version)
            own = [pool for pool in asked if (":" in pool.subnet) == (version == 6)]
            if len(own) > 1 and record.driver == "bridge":
                raise PermissionDeniedError("bridge driver doesn't support multiple subnets")
            for pool in own:
                record.pools.append(asked_pool(pool, taken, gateway=gateway))
                taken.append(record.pools[-1].network)
            if not own:
                record.pools.append(chosen_pool(self._pools, [*taken, *in_use], version, gateway=gateway))

    async def remove(self, ref: str) -> None:
        """Remove a network. Raises NotFoundError, PermissionDeniedError for one in use or predefined."""
        live = self._networks.get(ref)
        record = live.record
        if is_predefined(record.name):
            raise PermissionDeniedError(f"{record.name} is a pre-defined network and cannot be removed")
        self._check_unused(live)
        if live.being_removed:
            raise NotFoundError(f"network {ref} not found")
        live.being_removed = True
        try:
            if live.driver is not None:
                await live.driver.remove()
            await self._networks.discard(live)
        except ScowError as exc:
            await self._bring_back(live)
            raise ScowError(f"error while removing network: {exc.message}") from exc
        if not record.config_only:
            self._tell(record, "destroy")

    async def _bring_back(self, live: LiveNetwork) -> None:
        """What could not be removed is as good as before, as far as the kernel lets it."""
        try:
            if live.driver is not None:
                await live.driver.start(())
        except ScowError as exc:
            _log.warning("network %s, which could not be removed: %s", live.record.name, exc)
        live.being_removed = False

    def _check_unused(self, live: LiveNetwork) -> None:
        record = live.record
        if live.endpoints:
            names = ", ".join(f'name:"{name}" id:"{key[:12]}"' for key, name in live.endpoints.items())
            raise PermissionDeniedError(
                f"error while removing network: network {record.name} has active endpoints ({names})"
            )
        if record.config_only and any(it.record.config_from == record.name for it in self._networks):
            raise PermissionDeniedError(
                f'error while removing network: configuration network "{record.name}" is in use'
            )

    def _tell(self, record: NetworkRecord, action: str) -> None:
        self._events.publish("network", action, record.id, {"name": record.name, "type": record.driver})


def _template_pool(pool: IPAMPool) -> PoolRecord:
    return PoolRecord(
        subnet=pool.subnet,
        gateway=pool.gateway,
        ip_range=pool.ip_range,
        auxiliary=pool.auxiliary_addresses,
        given=True,
    )
