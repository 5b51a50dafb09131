"""Networks and their drivers, put together."""

import ipaddress
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack

from scow.config import DEFAULT_BRIDGE, Config
from scow.daemon.parts import Networking, Storage
from scow.daemon.users import members
from scow.engine.containers.connections import Connections
from scow.engine.containers.connector import Connector
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.recovery.reconcile import surviving_endpoints
from scow.engine.events import EventBus
from scow.engine.networks.creation import NetworkCreation
from scow.engine.networks.departure import leave_host
from scow.engine.networks.drivers import Drivers
from scow.engine.networks.record import ROUTERS, NetworkRecord, PoolRecord
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.engine.networks.service import NetworkService
from scow.engine.networks.subnets import default_pools
from scow.errors import ScowError
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.default_bridge import AskedSubnet, default_options, default_subnet
from scow.network.dns.service import DnsService
from scow.network.endpoint import Endpoint
from scow.network.firewall import RulePolicy
from scow.network.host import HostNetwork
from scow.network.ipam import Subnet, SubnetPool
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)


async def open_networking(
    config: Config,
    engine_id: str,
    stack: AsyncExitStack,
    storage: Storage,
    events: EventBus,
) -> Networking:
    """The networks of the API, with their drivers started: containers may be on all of them."""
    containers = storage.containers
    networks = Networks(storage.store)
    await networks.load()
    tasks = await stack.enter_async_context(TaskOwner("networks"))
    host = HostNetwork(ip=config.ip, policy=_rule_policy(config), userland_proxy=config.userland_proxy)
    stack.callback(host.close)
    host.claim_tables()
    pools = default_pools(engine_id, _configured_pools(config))
    bridge = await _open_bridge(config, host, networks, pools)
    drivers = Drivers(host, bridge, ip_forward=config.ip_forward)
    surviving = surviving_endpoints(containers)
    with host.rules_at_once():
        for live in networks:
            await _start(live, drivers, surviving)
    await host.start(tasks)
    stack.push_async_callback(leave_host, networks, host, is_needed=lambda: containers.need_the_engine)
    names = ContainerNames(networks, config, _open_servers(stack))
    connector = Connector(containers, networks, names)
    return Networking(
        networks,
        names,
        connector,
        NetworkService(
            networks,
            NetworkCreation(networks, drivers, pools, config.default_network_opts, events),
            lambda: members(containers),
            events,
        ),
        Connections(config.container_root, containers, networks, connector, events),
        _host_gateways(config, networks),
    )


def _rule_policy(config: Config) -> RulePolicy:
    return RulePolicy(
        frozenset(version for version, on in ((4, config.iptables), (6, config.ip6tables)) if on),
        config.allow_direct_routing,
        config.bridge_accept_fwmark,
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
    subnets = [await run_blocking(default_subnet, config.bridge, it, pools) for it in _asked_subnets(config)]
    settings = BridgeSettings(
        name=config.bridge,
        network_id=live.record.id,
        ipv4=subnets[0],
        ipv6=subnets[1] if config.ipv6 else None,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq,
        masquerade6=config.ip_masq,
        ip_forward=config.ip_forward,
        # One that the user names may be the user's own, and other machines' too.
        keep_device=config.bridge != DEFAULT_BRIDGE,
    )
    _describe_bridge(live.record, subnets, config)
    return BridgeDriver(settings, host)


def _asked_subnets(config: Config) -> list[AskedSubnet]:
    """What the default bridge is to have: IPv4 always, IPv6 if it is switched on."""
    ipv4 = AskedSubnet(4, config.bip, config.fixed_cidr, config.default_gateway)
    ipv6 = AskedSubnet(6, config.bip6, config.fixed_cidr_v6, config.default_gateway_v6)
    return [ipv4, ipv6] if config.ipv6 else [ipv4]


def _describe_bridge(record: NetworkRecord, subnets: Iterable[Subnet], config: Config) -> None:
    """What inspect shows of the default bridge, whose settings are the daemon's and not stored."""
    record.enable_ipv6 = config.ipv6
    record.pools = [
        PoolRecord(
            subnet=str(it.network),
            gateway=str(it.gateway),
            ip_range=str(it.ip_range) if it.ip_range else "",
            auxiliary={ROUTERS[it.network.version]: str(it.router)} if it.router else {},
        )
        for it in subnets
    ]
    record.options = default_options(
        config.bridge, icc=config.icc, masquerade=config.ip_masq, ip=config.ip, mtu=config.mtu
    )


def _host_gateways(config: Config, networks: Networks) -> tuple[str, ...]:
    """By what addresses containers reach the host: those set, else the default bridge's own."""
    bridge = networks.by_name("bridge")
    own = bridge.record.pools if bridge and config.bridge != "none" else []
    return config.host_gateway_ips or tuple(pool.gateway for pool in own)
