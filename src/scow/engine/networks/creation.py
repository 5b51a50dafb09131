"""Networks made and removed.

    create    checked, subnets chosen and the document stored, then the devices and rules
    remove    devices and rules, then the document

A kill in between leaves a document whose devices start-up makes again: a network is there as a whole or not
at all, and one that nobody was told of can be removed like any other.
"""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from scow.engine.events import EventBus
from scow.engine.networks.bridge_options import (
    BRIDGE_NAME,
    ENABLE_IPV4,
    ENABLE_IPV6,
    has_gateway,
    parse_switch,
)
from scow.engine.networks.drivers import Drivers, check_driver, check_names, check_options, macvlan_parent
from scow.engine.networks.ipam_config import check_pools
from scow.engine.networks.record import NetworkRecord, PoolRecord, is_predefined
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.engine.networks.subnets import asked_pool, chosen_pool
from scow.engine.timestamps import rfc3339
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, PermissionDeniedError, ScowError
from scow.network.bridge_device import device_exists
from scow.network.default_bridge import host_networks
from scow.network.ipam import IPNetwork, SubnetPool
from scow.spec.engine_api.network import IPAMPool, NetworkCreate, NetworkCreated
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
_DEFAULT_DRIVER = "bridge"


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
        record, asked = self._settle(body)
        if record.config_only:
            record.pools = [_template_pool(pool) for pool in asked]
            await self._networks.add(LiveNetwork(record))
            return NetworkCreated(id=record.id)
        in_use = await run_blocking(host_networks)
        # From here to the end of ``add``'s first step nothing waits: nobody else takes these subnets.
        self._check_name(record.name)
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

    def _settle(self, body: NetworkCreate) -> tuple[NetworkRecord, list[IPAMPool]]:
        """The document but for the subnets, and those that were asked for."""
        if is_predefined(body.name):
            raise PermissionDeniedError(f"operation is not permitted on predefined {body.name} network ")
        driver = body.driver or _DEFAULT_DRIVER
        options = dict(body.options)
        if not body.config_from.network:
            options = {**self._default_options.get(driver, {}), **options}
        bridge = options.get(BRIDGE_NAME)
        record = NetworkRecord(
            id=secrets.token_hex(32),
            name=body.name,
            driver=driver,
            created=rfc3339(time.time_ns()),
            internal=body.internal,
            attachable=body.attachable,
            enable_ipv4=_switch(body.enable_ipv4, options, ENABLE_IPV4, default=True),
            enable_ipv6=_switch(body.enable_ipv6, options, ENABLE_IPV6, default=False),
            options=options,
            labels=body.labels,
            ipam_options=body.ipam.options,
            given_bridge=bool(bridge) and device_exists(bridge or ""),
            config_only=body.config_only,
            config_from=body.config_from.network,
        )
        asked = check_pools(body.ipam.config, ipv6=record.enable_ipv6)
        if not body.name.strip():
            raise InvalidArgumentError("invalid name: name is empty")
        self._check_name(body.name)
        self._check_scope(body)
        if record.config_from:
            asked = self._apply_template(record, body)
        if record.config_only:
            record.driver = "null"
            return record, asked
        check_driver(driver)
        if body.ipam.driver not in ("", "default"):
            raise NotFoundError(f'plugin "{body.ipam.driver}" not found')
        check_options(record)
        if driver == "macvlan":
            record.made_parent = not device_exists(macvlan_parent(record))
        if not record.enable_ipv4 and not record.enable_ipv6:
            raise InvalidArgumentError("IPv4 or IPv6 must be enabled")
        return record, asked

    def _check_name(self, name: str) -> None:
        if self._networks.by_name(name) is not None:
            raise ConflictError(f"network with name {name} already exists")

    @staticmethod
    def _check_scope(body: NetworkCreate) -> None:
        if body.config_only and (body.ingress or body.internal or body.attachable or body.scope):
            raise PermissionDeniedError(
                "configuration network can only contain network specific fields. "
                "Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
            )
        if body.scope == "swarm":
            raise PermissionDeniedError("cannot create a swarm scoped network when swarm is not active")
        if body.ingress and body.driver != "overlay":
            raise PermissionDeniedError("Ingress network can only be global scope network")

    def _apply_template(self, record: NetworkRecord, body: NetworkCreate) -> list[IPAMPool]:
        """``--config-from``: options, labels and subnets of a network that has nothing else."""
        if record.config_only:
            raise PermissionDeniedError(
                "a configuration network cannot depend on another configuration network"
            )
        if (
            not record.enable_ipv4
            or record.enable_ipv6
            or body.labels
            or body.ipam.config
            or body.ipam.options
        ):
            raise PermissionDeniedError(
                "user-specified configurations are not supported "
                "if the network depends on a configuration network"
            )
        if body.options:
            raise PermissionDeniedError(
                "network driver options are not supported if the network depends on a configuration network"
            )
        template = self._networks.by_name(record.config_from)
        if template is None or not template.record.config_only:
            raise NotFoundError(f'configuration network "{record.config_from}" does not exist')
        record.enable_ipv4, record.enable_ipv6 = template.record.enable_ipv4, template.record.enable_ipv6
        record.options, record.labels = template.record.options, template.record.labels
        return [pool.view() for pool in template.record.pools]

    def _choose_subnets(
        self, record: NetworkRecord, asked: Sequence[IPAMPool], in_use: Sequence[IPNetwork]
    ) -> None:
        taken = list(self._networks.subnets())
        enabled = [version for version, on in ((4, record.enable_ipv4), (6, record.enable_ipv6)) if on]
        for version in enabled:
            gateway = has_gateway(record, version)
            own = [pool for pool in asked if (":" in pool.subnet) == (version == 6)]
            if len(own) > 1:
                raise PermissionDeniedError("bridge driver doesn't support multiple subnets")
            if own:
                record.pools.append(asked_pool(own[0], taken, gateway=gateway))
            else:
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


def _switch(given: bool | None, options: dict[str, str], name: str, *, default: bool) -> bool:
    """A setting that may be a field or an option; the field decides."""
    if given is not None:
        return given
    try:
        return parse_switch(options, name, default=default)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f'driver-opt "{name}" is not a valid bool') from exc


def _template_pool(pool: IPAMPool) -> PoolRecord:
    return PoolRecord(
        subnet=pool.subnet,
        gateway=pool.gateway,
        ip_range=pool.ip_range,
        auxiliary=pool.auxiliary_addresses,
        given=True,
    )
