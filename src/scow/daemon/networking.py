"""Networks and their drivers, put together."""

import ipaddress
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from scow.config import Config
from scow.daemon.parts import Networking, Storage
from scow.daemon.users import members
from scow.engine.containers.connections import Connections
from scow.engine.containers.connector import Connector
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.recover import surviving_endpoints
from scow.engine.events import EventBus
from scow.engine.networks.creation import NetworkCreation
from scow.engine.networks.drivers import Drivers
from scow.engine.networks.record import NetworkRecord, PoolRecord
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.engine.networks.service import NetworkService
from scow.engine.networks.subnets import default_pools
from scow.errors import ScowError
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.default_bridge import default_options, default_subnet
from scow.network.dns.service import DnsService
from scow.network.endpoint import Endpoint
from scow.network.host import HostNetwork
from scow.network.ipam import SubnetPool
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)


async def open_networking(
    config: Config,
    engine_id: str,
    stack: AsyncExitStack,
    storage: Storage,
    containers_root: Path,
    events: EventBus,
) -> Networking:
    """The networks of the API, with their drivers started: containers may be on all of them."""
    containers = storage.containers
    networks = Networks(storage.store)
    await networks.load()
    tasks = await stack.enter_async_context(TaskOwner("networks"))
    host = HostNetwork(ip=config.ip, rules=config.iptables, userland_proxy=config.userland_proxy)
    stack.callback(host.close)
    pools = default_pools(engine_id, _configured_pools(config))
    bridge = await _open_bridge(config, host, networks, pools)
    drivers = Drivers(host, bridge, ip_forward=config.ip_forward)
    surviving = surviving_endpoints(containers)
    with host.rules_at_once():
        for live in networks:
            await _start(live, drivers, surviving)
    await host.start(tasks)
    names = ContainerNames(networks, config, _open_servers(stack))
    connector = Connector(containers, networks, names)
    return Networking(
        networks,
        names,
        connector,
        NetworkService(
            networks,
            NetworkCreation(networks, drivers, pools, events),
            lambda: members(containers),
            events,
        ),
        Connections(containers_root, containers, networks, connector, events),
    )


def _open_servers(stack: AsyncExitStack) -> DnsService:
    servers = DnsService()
    stack.push_async_callback(servers.aclose)
    return servers


async def _start(live: LiveNetwork, drivers: Drivers, surviving: Iterable[tuple[str, Endpoint]]) -> None:
    """One that cannot be started is told of and stays down: the others are not its fault."""
    own = [(name, endpoint) for name, endpoint in surviving if endpoint.network_id == live.record.id]
    live.endpoints.update({endpoint.endpoint_id: name for name, endpoint in own})
    try:
        driver = drivers.make(live.record)
        if driver is not None:
            await driver.start([endpoint for _, endpoint in own])
    except ScowError as exc:
        if live.record.name == "bridge":
            raise
        _log.error("network %s: %s", live.record.name, exc)
        return
    live.driver = driver


def _configured_pools(config: Config) -> tuple[SubnetPool, ...]:
    return tuple(
        SubnetPool(ipaddress.ip_network(pool.base), pool.size) for pool in config.default_address_pools
    )


async def _open_bridge(
    config: Config, host: HostNetwork, networks: Networks, pools: tuple[SubnetPool, ...]
) -> BridgeDriver | None:
    """The default bridge, not started; None for ``--bridge none``."""
    if config.bridge == "none":
        return None
    live = networks.by_name("bridge")
    assert live is not None
    subnet = await run_blocking(
        default_subnet, config.bridge, bip=config.bip, fixed_cidr=config.fixed_cidr, pools=pools
    )
    settings = BridgeSettings(
        name=config.bridge,
        network_id=live.record.id,
        ipv4=subnet,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq,
        ip_forward=config.ip_forward,
    )
    _describe_bridge(live.record, settings, config)
    return BridgeDriver(settings, host)


def _describe_bridge(record: NetworkRecord, settings: BridgeSettings, config: Config) -> None:
    """What inspect shows of the default bridge, whose settings are the daemon's and not stored."""
    subnet = settings.ipv4
    assert subnet is not None
    record.pools = [
        PoolRecord(
            subnet=str(subnet.network),
            gateway=str(subnet.gateway),
            ip_range=str(subnet.ip_range) if subnet.ip_range else "",
        )
    ]
    record.options = default_options(
        config.bridge, icc=config.icc, masquerade=config.ip_masq, ip=config.ip, mtu=config.mtu
    )
