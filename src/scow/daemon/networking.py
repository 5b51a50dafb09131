"""Networks and their drivers, put together."""

import ipaddress
from contextlib import AsyncExitStack

from scow.config import Config
from scow.daemon.parts import Networking, Storage
from scow.daemon.users import members
from scow.engine.containers.recover import surviving_endpoints
from scow.engine.networks import Networks
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.default_bridge import default_options, default_subnet
from scow.network.host import HostNetwork
from scow.network.ipam import DEFAULT_POOLS, SubnetPool
from scow.tasks import run_blocking


async def open_networking(config: Config, stack: AsyncExitStack, storage: Storage) -> Networking:
    """The networks of the API, with those drivers started that a container may already be using."""
    containers = storage.containers
    networks = Networks(storage.store, lambda: members(containers))
    await networks.load()
    host = HostNetwork(ip=config.ip, rules=config.iptables)
    stack.callback(host.close)
    bridge = await _open_bridge(config, host, networks.id_of("bridge"))
    if bridge is not None:
        await bridge.start(surviving_endpoints(containers))
        subnet = bridge.settings.ipv4
        assert subnet is not None
        networks.describe_bridge(
            subnet=str(subnet.network),
            gateway=str(subnet.gateway),
            options=default_options(
                config.bridge, icc=config.icc, masquerade=config.ip_masq, ip=config.ip, mtu=config.mtu
            ),
        )
    return Networking(networks, bridge)


async def _open_bridge(config: Config, host: HostNetwork, network_id: str) -> BridgeDriver | None:
    """The default bridge, not started; None for ``--bridge none``."""
    if config.bridge == "none":
        return None
    pools = tuple(
        SubnetPool(ipaddress.ip_network(pool.base), pool.size) for pool in config.default_address_pools
    )
    subnet = await run_blocking(
        default_subnet,
        config.bridge,
        bip=config.bip,
        fixed_cidr=config.fixed_cidr,
        pools=pools or DEFAULT_POOLS,
    )
    settings = BridgeSettings(
        name=config.bridge,
        network_id=network_id,
        ipv4=subnet,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq,
        ip_forward=config.ip_forward,
    )
    return BridgeDriver(settings, host)
